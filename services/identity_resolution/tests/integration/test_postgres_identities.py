"""The graph in PostgreSQL is the graph of the evidence, however little of it is in memory."""

import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.application.find_profile import ProfileFinder
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.rules import NamespaceRule, Rules

TIGHT = Rules(
    limits={
        "user_id": NamespaceRule(1, at_most=1, fan_out=2),
        "email": NamespaceRule(2, at_most=2, fan_out=2),
        "anonymous_id": NamespaceRule(5, at_most=3, fan_out=3),
    }
)
SERVICE = "identity_resolution"


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, SERVICE) as pool:
        yield pool


def evidence(seed: int, count: int, tenant: str = "default") -> list[Event]:
    chance = random.Random(seed)
    events = []
    for n in range(count):
        identifiers = {
            Identifier(chance.choice(("user_id", "email", "anonymous_id", "anonymous_id")), str(chance.randrange(12)))
            for _ in range(chance.randint(1, 3))
        }
        at = chance.randrange(1, 200)
        event_id = stable_id("test", tenant, seed, n)
        ordered = tuple(sorted(identifiers, key=TIGHT.strength))
        events.append(
            Event(id=event_id, tenant=tenant, type="page.viewed", event_time=at, as_of=n, identifiers=ordered)
        )
    return events


async def take_in(pool: asyncpg.Pool, events: list[Event], *, cache: int, batch: int, rules: Rules = TIGHT) -> None:
    identities, log = PostgresIdentityStore(pool), PostgresEventStore(pool)
    resolver = EventResolver(identities, rules, cache)
    await resolver.forget({})
    for start in range(0, len(events), batch):
        work = UnitOfWork()
        await resolver.resolve(events[start : start + batch], work)
        await log.commit(work)
        resolver.committed()


async def tables(pool: asyncpg.Pool) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    nodes = await pool.fetch("SELECT own_id, profile_id, tenant, namespace, token, first_time FROM nodes ORDER BY 1")
    links = await pool.fetch(
        "SELECT left_id, right_id, support, first_time, first_event_id, refusal, left_ranked, right_ranked "
        "FROM links ORDER BY 1, 2"
    )
    return [tuple(row) for row in nodes], [tuple(row) for row in links]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_tables_do_not_depend_on_order_batches_or_memory(pool: asyncpg.Pool, seed: int) -> None:
    events = evidence(seed, 150) + evidence(seed, 50, tenant="other")
    graph = IdentityGraph("default", TIGHT)
    for event in events[:150]:
        graph.resolve(event)
    await take_in(pool, events, cache=1_000, batch=40)
    expected = await tables(pool)
    assert {(row[3], row[4]): str(row[1]) for row in expected[0] if row[2] == "default"} == {
        tuple(identifier): node.profile_id for identifier, node in graph.nodes.items()
    }

    for batch, cache in ((7, 4), (1, 0)):
        random.Random(seed).shuffle(events)
        await pool.execute("DELETE FROM nodes")
        await pool.execute("DELETE FROM links")
        await take_in_again(pool, events, batch=batch, cache=cache)
        assert await tables(pool) == expected


async def take_in_again(pool: asyncpg.Pool, events: list[Event], *, batch: int, cache: int) -> None:
    """The same evidence into the same log under other event ids' streams is refused, so leave the log out."""
    identities = PostgresIdentityStore(pool)
    resolver = EventResolver(identities, TIGHT, cache)
    await resolver.forget({})
    for start in range(0, len(events), batch):
        work = UnitOfWork()
        await resolver.resolve(events[start : start + batch], work)
        work.appends.clear()
        await PostgresEventStore(pool).commit(work)
        resolver.committed()


async def test_replaying_the_own_log_gives_the_same_tables(pool: asyncpg.Pool) -> None:
    await take_in(pool, evidence(4, 150), cache=1_000, batch=40)
    expected = await tables(pool)
    log = PostgresEventStore(pool)
    replay = [
        stored.event
        for partition in range(32)
        for stored in await log.read(partition, 0, 10_000)
        if stored.event.identifiers
    ]
    assert len(replay) == 150
    await pool.execute("DELETE FROM nodes")
    await pool.execute("DELETE FROM links")
    await take_in_again(pool, replay, batch=13, cache=20)
    assert await tables(pool) == expected


async def test_an_identifier_blocked_by_an_operator_lets_go_when_it_is_seen_again(pool: asyncpg.Pool) -> None:
    def seen(at: int, *tokens: str) -> Event:
        identifiers = tuple(Identifier(*token.split(":")) for token in tokens)
        return Event(
            id=stable_id("test", at), tenant="default", type="x", event_time=at, as_of=at, identifiers=identifiers
        )

    await take_in(
        pool, [seen(1, "email:desk", "card:a"), seen(2, "email:desk", "card:b")], cache=9, batch=9, rules=Rules()
    )
    finder = ProfileFinder(PostgresIdentityStore(pool), Rules())
    cards = [Identifier("card", "a"), Identifier("card", "b")]
    assert len({await finder.resolve("default", card) for card in cards}) == 1

    await pool.execute("INSERT INTO blocked VALUES ('default', 'email', 'desk', 'SERVICE_DESK')")
    await take_in(pool, [seen(3, "email:desk", "card:a")], cache=9, batch=9, rules=Rules())
    assert len({await finder.resolve("default", card) for card in cards}) == 2


async def test_what_held_a_crowd_together_is_blocked_for_good(pool: asyncpg.Pool) -> None:
    rules = Rules(component_cap=4)
    shared = Identifier("email", "shared")
    events = [
        Event(
            id=stable_id("test", n), tenant="default", type="x", event_time=n, as_of=n,
            identifiers=(Identifier("user_id", str(n)), shared),
        )
        for n in range(1, 9)
    ]  # fmt: skip
    await take_in(pool, events, cache=100, batch=3, rules=rules)
    assert await PostgresIdentityStore(pool).blocked() == {"default": {shared}}
    assert len({row["profile_id"] for row in await pool.fetch("SELECT profile_id FROM nodes")}) == 9


class _Poisoned(dict[str, NamespaceRule]):
    def get(self, namespace: str, default: Any = None) -> Any:
        if namespace == "poison":
            raise RuntimeError("made to fail")
        return super().get(namespace, default)


async def test_an_event_that_the_graph_fails_on_passes_without_being_learned_from(pool: asyncpg.Pool) -> None:
    identities, log = PostgresIdentityStore(pool), PostgresEventStore(pool)
    resolver = EventResolver(identities, Rules(limits=_Poisoned()), 100)
    await resolver.forget({})
    bad, good = (
        Event(
            id=stable_id("test", namespace), tenant="default", type="x", event_time=1, as_of=1,
            identifiers=(Identifier("user_id", "u"), Identifier(namespace, "t")),
        )
        for namespace in ("poison", "card")
    )  # fmt: skip
    with pytest.raises(RuntimeError):
        await resolver.resolve([good, bad], UnitOfWork())
    await resolver.forget({})
    work = UnitOfWork()
    await resolver.resolve([good, bad], work)
    await log.commit(work)

    assert [new.event.id for new in work.appends] == [good.id, bad.id]
    assert len({new.event.profile_id for new in work.appends}) == 1
    assert {row["namespace"] for row in await pool.fetch("SELECT namespace FROM nodes")} == {"user_id", "card"}
