"""Rules that change after the evidence give the graph that they would have given from the start."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import asyncpg
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.application import preview_rules
from identity_resolution.application.preview_rules import Preview, RulesPreview
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.devices import DeviceRules, SharedBy
from identity_resolution.domain.rules import NamespaceRule, Rules

TIGHT = Rules(
    version="tight",
    limits={
        "user_id": NamespaceRule(1, at_most=1, fan_out=2),
        "email": NamespaceRule(2, at_most=2, fan_out=2),
        "anonymous_id": NamespaceRule(5, at_most=3, fan_out=3),
    },
)
LOOSE = Rules(
    version="loose",
    limits={
        "email": NamespaceRule(1, at_most=4, fan_out=5),
        "user_id": NamespaceRule(2, at_most=1, fan_out=4),
        "anonymous_id": NamespaceRule(3, at_most=6, fan_out=6),
    },
    blocked=frozenset({Identifier("email", "3"), Identifier("anonymous_id", "5")}),
)
FIRST = replace(TIGHT, version="first", devices=DeviceRules(policy=SharedBy.FIRST))
MANY = Rules(version="many", limits={"user_id": NamespaceRule(1, at_most=3, fan_out=9)}, component_cap=500)
RULES = {rules.version: rules for rules in (TIGHT, LOOSE, FIRST, MANY)}


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, "identity_resolution") as pool:
        yield pool


def evidence(seed: int, count: int) -> list[Event]:
    chance = random.Random(seed)
    events = []
    for n in range(count):
        identifiers = {
            Identifier(chance.choice(("user_id", "email", "anonymous_id", "anonymous_id")), str(chance.randrange(12)))
            for _ in range(chance.randint(1, 3))
        }
        events.append(
            Event(
                id=stable_id("test", seed, n),
                tenant="default",
                type="page.viewed",
                event_time=chance.randrange(1, 200),
                as_of=n,
                identifiers=tuple(sorted(identifiers)),
            )
        )
    return events


class Owner:
    """The owner of the graph, which may die between any two commits."""

    def __init__(self, pool: asyncpg.Pool, versions: Sequence[Rules], *, dies: random.Random | None = None) -> None:
        self._log = PostgresEventStore(pool)
        self._identities = PostgresIdentityStore(pool)
        self._rulebook = Rulebook(default=versions[0])
        for rules in versions[1:]:
            self._rulebook.put("default", rules)
        self._dies = dies
        self._resolver: EventResolver | None = None
        self.told: list[Event] = []

    async def _alive(self) -> EventResolver:
        if self._resolver is None or (self._dies is not None and self._dies.random() < 0.3):
            self._resolver = EventResolver(self._identities, self._rulebook, 1_000, rules_page=3)
            await self._resolver.forget({part: head.as_of for part, head in (await self._log.heads()).items()})
        return self._resolver

    async def take_in(self, events: Sequence[Event], batch: int = 20) -> None:
        for start in range(0, len(events), batch):
            resolver, work = await self._alive(), UnitOfWork()
            await resolver.resolve(events[start : start + batch], work)
            await self._commit(resolver, work)

    async def change_rules(self, pages: int = 10_000) -> None:
        while pages and (resolver := await self._alive()).changes_rules:
            if self._dies is not None and self._dies.random() < 0.2:
                await resolver.change_rules(UnitOfWork())  # it dies before the commit
                self._resolver = None
                continue
            work = UnitOfWork()
            await resolver.change_rules(work)
            await self._commit(resolver, work)
            pages -= 1

    async def _commit(self, resolver: EventResolver, work: UnitOfWork) -> None:
        await self._log.commit(work)
        resolver.committed()
        self.told += [new.event for new in work.appends]


async def graph(pool: asyncpg.Pool) -> dict[str, set[tuple[object, ...]]]:
    """Who is who and why: identifiers with their profiles, links with what refused them, what is shared."""
    queries = {
        "nodes": "SELECT namespace, token, profile_id::text, first_time FROM nodes",
        "links": "SELECT left_id::text, right_id::text, first_time, first_event_id::text, refusal, left_ranked,"
        " right_ranked, support FROM links",
        "shared": "SELECT namespace, token, reason FROM generic",
    }
    return {name: {tuple(row) for row in await pool.fetch(query)} for name, query in queries.items()}


async def wipe(pool: asyncpg.Pool) -> None:
    for table in ("nodes", "links", "evidence", "memberships", "generic", "logins", "rules_changes", "statements"):
        await pool.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "names", ["tight loose", "loose tight", "tight first", "first tight", "tight many", "many loose tight"]
)
async def test_changed_rules_give_the_graph_that_always_had_them(pool: asyncpg.Pool, names: str, seed: int) -> None:
    versions = [RULES[name] for name in names.split()]
    chance = random.Random(seed)
    events = evidence(seed, 120)

    await Owner(pool, versions[:1]).take_in(events[:60])
    owner = Owner(pool, versions[:2], dies=chance)
    await owner.change_rules(pages=3)
    await owner.take_in(events[60:80])
    owner = Owner(pool, versions, dies=chance)
    await owner.change_rules(pages=4)
    await owner.take_in(events[80:])
    await owner.change_rules()
    changed = await graph(pool)
    assert not (await owner._alive()).changes_rules

    await wipe(pool)
    always = replace(versions[-1])
    resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(default=always), 1_000)
    await resolver.forget({})
    work = UnitOfWork()
    await resolver.resolve(events, work)
    work.appends.clear()
    await PostgresEventStore(pool).commit(work)
    assert changed == await graph(pool)


async def previewed(pool: asyncpg.Pool, before: Rules, after: Rules) -> Preview:
    rulebook = _Told(after, default=before)
    preview = RulesPreview(PostgresIdentityStore(pool), rulebook)
    return [found async for found in preview.run("default", b"", samples=100)][-1]


class _Told(Rulebook):
    """A rulebook that reads the same rules out of every bundle."""

    def __init__(self, told: Rules, default: Rules) -> None:
        super().__init__(default=default)
        self._told = told

    def read(self, tenant: str, bundle: bytes) -> Rules:
        return self._told


async def profiles(pool: asyncpg.Pool) -> dict[str, str]:
    return {row[0]: row[1] for row in await pool.fetch("SELECT own_id::text, profile_id::text FROM nodes")}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("names", ["tight loose", "loose tight", "tight many", "many tight"])
async def test_a_preview_tells_what_the_change_then_does(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, names: str, seed: int
) -> None:
    monkeypatch.setattr(preview_rules, "PAGE", 7)
    before, after = (RULES[name] for name in names.split())
    await Owner(pool, [before]).take_in(evidence(seed, 80))
    was = await profiles(pool)

    found = await previewed(pool, before, after)

    assert await profiles(pool) == was
    await Owner(pool, [before, after]).change_rules()
    now = await profiles(pool)
    merged = {old for old in was.values() if now[old] != old}
    parted = {old for old in was.values() if len({now[one] for one in was if was[one] == old}) > 1}
    assert (found.merges, found.splits) == (len(merged), len(parted))
    assert (found.seen, found.total) == (len(was), len(was))
    assert (found.profiles, found.profiles_then) == (len(set(was.values())), len(set(now.values())))
    assert {one.profile_id for one in found.samples} == merged | parted
    for one in found.samples:
        own = {now[node] for node in was if was[node] == one.profile_id}
        assert dict(one.becomes) == {new: list(now.values()).count(new) for new in own}
        assert one.rule
        assert one.refusal or one.rule == "namespaces"
    assert (await previewed(pool, after, after)).merges == 0
