"""The graph in PostgreSQL is the graph of the evidence, however little of it is in memory."""

import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_kernel.errors import NotFound
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.application.find_profile import ProfileFinder
from identity_resolution.application.look_back import Instant, LookBack, Pair
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.commands import Answer, Command
from identity_resolution.domain.elements import Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.paths import Refused
from identity_resolution.domain.rules import NamespaceRule, Rules
from identity_resolution.domain.statements import Kind, Statement

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
    resolver = EventResolver(identities, Rulebook(default=rules), cache)
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


async def forget(pool: asyncpg.Pool) -> None:
    """All that follows from the log; statements stay."""
    for table in ("nodes", "links", "evidence", "memberships", "generic", "logins"):
        await pool.execute(f"DELETE FROM {table}")


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
        await forget(pool)
        await take_in_again(pool, events, batch=batch, cache=cache)
        assert await tables(pool) == expected


async def take_in_again(
    pool: asyncpg.Pool, events: list[Event], *, batch: int, cache: int, rules: Rules = TIGHT
) -> None:
    """The same evidence into the same log under other event ids' streams is refused, so leave the log out."""
    identities = PostgresIdentityStore(pool)
    resolver = EventResolver(identities, Rulebook(default=rules), cache)
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
    await forget(pool)
    await take_in_again(pool, replay, batch=13, cache=20)
    assert await tables(pool) == expected


def seen(at: int, *tokens: str) -> Event:
    identifiers = tuple(Identifier(*token.split(":")) for token in tokens)
    return Event(id=stable_id("test", at), tenant="default", type="x", event_time=at, as_of=at, identifiers=identifiers)


def block(*token: str, expires: int | None = None) -> Statement:
    return Statement(
        id=stable_id("said", *token), kind=Kind.BLOCK, left=(Identifier(*token),), author="anna", reason="desk", at=5,
        expires=expires,
    )  # fmt: skip


async def told(pool: asyncpg.Pool) -> list[tuple[str, int]]:
    """(type, as_of) of the control events in the log, each merge and split once."""
    log = PostgresEventStore(pool)
    events = [stored.event for partition in range(32) for stored in await log.read(partition, 0, 10_000)]
    return sorted(
        (event.type, event.as_of)
        for event in events
        if event.type.startswith("identity.") and event.profile_id == event.data.get("to", event.profile_id)
    )


async def obey(pool: asyncpg.Pool, resolver: EventResolver, command: Command, at: int) -> Answer:
    """As the service does: the command waits in its table until it is done and answered in one transaction."""
    identities = PostgresIdentityStore(pool)
    await identities.ask("default", f"request {at}", command, at)
    (pending,) = await identities.pending(10)
    work = UnitOfWork()
    await resolver.obey(pending, at, work)
    await PostgresEventStore(pool).commit(work)
    answer = await identities.answered("default", f"request {at}")
    assert answer is not None
    assert await identities.pending(10) == []
    return answer


@pytest.mark.parametrize("cache", [0, 100])
async def test_a_blocked_value_lets_go_at_once_and_takes_hold_again_when_unblocked(
    pool: asyncpg.Pool, cache: int
) -> None:
    await take_in(pool, [seen(1, "email:desk", "card:a"), seen(2, "email:desk", "card:b")], cache=9, batch=9)
    before = await tables(pool)
    resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), cache)
    await resolver.forget({})
    finder = ProfileFinder(PostgresIdentityStore(pool), PostgresRecordStore(pool), Rulebook())
    cards = [Identifier("card", "a"), Identifier("card", "b")]
    assert len({await finder.resolve("default", card) for card in cards}) == 1

    statement = block("email", "desk")
    answer = await obey(pool, resolver, Command(state=statement), 6)
    assert (answer.statement_id, len(answer.splits)) == (statement.id, 2)
    assert len({await finder.resolve("default", card) for card in cards}) == 2

    await resolver.forget({})
    answer = await obey(pool, resolver, Command(withdraw=(statement.id,)), 7)
    assert (answer.withdrawn, len(answer.merges)) == ((statement.id,), 2)
    assert await tables(pool) == before
    assert [kind for kind, _ in await told(pool)] == [
        *["identity.merged"] * 2, *["identity.split"] * 2, *["identity.stated"] * 2,
    ]  # fmt: skip


async def test_a_statement_expires_between_the_events_before_and_after_its_instant(pool: asyncpg.Pool) -> None:
    resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), 100)
    await resolver.forget({})
    log = PostgresEventStore(pool)

    async def resolve(*events: Event) -> list[str]:
        work = UnitOfWork()
        await resolver.resolve(events, work)
        await log.commit(work)
        own = {new.event.id: new.event.profile_id for new in work.appends}
        return [own[event.id] for event in events]

    await resolve(seen(1, "email:desk", "card:a"), seen(2, "email:desk", "card:b"))
    await obey(pool, resolver, Command(state=block("email", "desk", expires=20)), 10)
    assert [timer.due for timer in await log.due_timers({0: 100}, 10)] == [20]
    before, after = await resolve(seen(19, "card:b"), seen(21, "card:b"))
    assert before == stable_id("profile", "default", "card", "b")
    assert after == stable_id("profile", "default", "email", "desk")
    assert ("identity.stated", 20) in await told(pool)
    assert await log.due_timers({0: 100}, 10) == []
    assert await PostgresIdentityStore(pool).stated() == {}


async def test_a_statement_expires_without_any_event_too(pool: asyncpg.Pool) -> None:
    resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), 100)
    await take_in(pool, [seen(1, "email:desk", "card:a")], cache=9, batch=9, rules=Rules())
    await resolver.forget({})
    await obey(pool, resolver, Command(state=block("email", "desk", expires=20)), 10)
    for upto, left in ((19, 1), (20, 0)):
        work = UnitOfWork()
        await resolver.expire(upto, work)
        await PostgresEventStore(pool).commit(work)
        stated = await PostgresIdentityStore(pool).stated()
        assert sum(len(one.in_force) for one in stated.values()) == left


async def test_a_denial_holds_when_all_is_replayed(pool: asyncpg.Pool) -> None:
    events = [seen(1, "email:x", "card:a"), seen(2, "email:x", "card:b"), seen(3, "user_id:u", "card:b")]
    await take_in(pool, events, cache=9, batch=1, rules=Rules())
    resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), 0)
    await resolver.forget({})
    denial = Statement(
        id=stable_id("said"), kind=Kind.NOT_SAME, left=(Identifier("user_id", "u"),),
        right=(Identifier("card", "a"),), author="anna", reason="neighbours", at=9,
    )  # fmt: skip
    await obey(pool, resolver, Command(state=denial), 9)
    expected = await tables(pool)
    await forget(pool)
    random.Random(3).shuffle(events)
    await take_in_again(pool, events, batch=2, cache=0, rules=Rules())
    assert await tables(pool) == expected
    finder = ProfileFinder(PostgresIdentityStore(pool), PostgresRecordStore(pool), Rulebook())
    ends = [await finder.resolve("default", one) for one in (denial.left[0], denial.right[0])]
    assert ends[0] != ends[1]


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
    assert (await PostgresIdentityStore(pool).stated())["default"].barred == {shared: Refusal.BLOCKED}
    assert len({row["profile_id"] for row in await pool.fetch("SELECT profile_id FROM nodes")}) == 9


async def test_what_is_seen_with_a_crowd_is_generic_after_a_restart_too(pool: asyncpg.Pool) -> None:
    events = [seen(n, f"user_id:{n}", "email:shared") for n in range(1, 11)]
    await take_in(pool, events, cache=100, batch=3, rules=Rules())
    stated = (await PostgresIdentityStore(pool).stated())["default"]
    assert stated.barred == {Identifier("email", "shared"): Refusal.GENERIC}
    assert len({row["profile_id"] for row in await pool.fetch("SELECT profile_id FROM nodes")}) == 11


async def test_why_two_identifiers_are_one_person_and_what_keeps_two_apart(pool: asyncpg.Pool) -> None:
    events = [
        seen(1, "user_id:u", "card:c"), seen(2, "email:e", "card:c"), seen(3, "user_id:v", "email:f"),
        seen(4, "user_id:v", "card:c"), seen(5, "phone:p"),
    ]  # fmt: skip
    await take_in(pool, events, cache=9, batch=9, rules=Rules())
    back = LookBack(PostgresIdentityStore(pool), PostgresRecordStore(pool), Rulebook())

    async def pair(left: str, right: str, when: Instant = Instant()) -> Pair:  # noqa: B008 - immutable
        return await back.pair("default", Identifier(*left.split(":")), Identifier(*right.split(":")), when)

    one = await pair("user_id:u", "email:e")
    assert one.left_profile_id == one.right_profile_id
    assert [(step.end.namespace, step.refused) for step in one.steps] == [("card", None), ("email", None)]
    assert [step.link and step.link.first for step in one.steps] == [
        (1, stable_id("test", 1)), (2, stable_id("test", 2)),
    ]  # fmt: skip

    two = await pair("user_id:u", "email:f")
    assert two.left_profile_id != two.right_profile_id
    assert [step.refused and (step.refused.refusal, step.refused.limit) for step in two.steps] == [
        None, (Refusal.CARDINALITY, "user_id"), None,
    ]  # fmt: skip
    assert (await pair("user_id:u", "phone:p")).steps == []

    resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), 0)
    await resolver.forget({})
    denial = Statement(
        id=stable_id("said"), kind=Kind.NOT_SAME, left=(Identifier("email", "e"),),
        right=(Identifier("card", "c"),), author="anna", reason="neighbours", at=9,
    )  # fmt: skip
    await obey(pool, resolver, Command(state=denial), 9)
    denied = await pair("user_id:u", "email:e")
    assert denied.left_profile_id != denied.right_profile_id
    assert denied.steps[-1].refused == Refused(Refusal.DENIED, "", denial.id)
    before = await pair("user_id:u", "email:e", Instant(known_at=8))
    assert before.left_profile_id == before.right_profile_id


async def test_a_profile_as_it_was_and_as_it_was_known(pool: asyncpg.Pool) -> None:
    late = msgspec.structs.replace(seen(4, "user_id:u", "email:e"), event_time=2)
    await take_in(pool, [seen(1, "user_id:u"), seen(3, "user_id:u", "card:c"), late], cache=9, batch=1, rules=Rules())
    back = LookBack(PostgresIdentityStore(pool), PostgresRecordStore(pool), Rulebook())
    profile_id = stable_id("profile", "default", "user_id", "u")

    async def names(when: Instant) -> list[str]:
        same, identifiers = await back.profile("default", profile_id, when)
        assert same == profile_id
        return [one.namespace for one in identifiers]

    assert await names(Instant()) == ["user_id", "email", "card"]
    assert await names(Instant(as_of=2)) == ["user_id", "email"]
    assert await names(Instant(known_at=3)) == ["user_id", "card"]
    assert await names(Instant(as_of=2, known_at=3)) == ["user_id"]
    with pytest.raises(NotFound):
        await names(Instant(as_of=0))
    with pytest.raises(NotFound):
        await back.profile("other", profile_id, Instant())


async def test_two_tenants_never_share_a_profile(pool: asyncpg.Pool) -> None:
    events = evidence(5, 60, tenant="one") + evidence(5, 60, tenant="two")
    await take_in(pool, events, cache=5, batch=7)
    owners: dict[str, set[str]] = {}
    for row in await pool.fetch("SELECT tenant, profile_id, root FROM nodes"):
        owners.setdefault(str(row["profile_id"]), set()).add(row["tenant"])
        owners.setdefault(str(row["root"]), set()).add(row["tenant"])
    assert {len(tenants) for tenants in owners.values()} == {1}


class _Poisoned(dict[str, NamespaceRule]):
    def get(self, namespace: str, default: Any = None) -> Any:
        if namespace == "poison":
            raise RuntimeError("made to fail")
        return super().get(namespace, default)


async def test_an_event_that_the_graph_fails_on_passes_without_being_learned_from(pool: asyncpg.Pool) -> None:
    identities, log = PostgresIdentityStore(pool), PostgresEventStore(pool)
    resolver = EventResolver(identities, Rulebook(default=Rules(limits=_Poisoned())), 100)
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
