"""Rules of matching that change after the records give the links that they would have given from the start."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import asyncpg
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_kernel.event import MERGED, SPLIT, Event
from cairn_matching import Model, guess, read_rows, train
from cairn_runtime.database import open_pool
from cairn_testkit.people import Census, World
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.open_records import Opener
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.matching import Matching
from identity_resolution.domain.rules import Rules

from .records import PATHS, SubjectKeys, crm_rows, matching

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, "identity_resolution") as pool:
        yield pool


@lru_cache
def narrow() -> Model:
    """Learned from other people, and from fewer of their columns."""
    records = Census(World(people=150, seed=9)).records()
    rules = guess([column for column in records[0].row if column not in ("person", "phone", "sex")])
    return train(rules, read_rows(rules, [one.row for one in records]))


def versions(name: str) -> list[Matching | None]:
    other = Matching(narrow(), {column: path for column, path in PATHS.items() if column in narrow().rules.columns})
    known = {
        "wide": matching(),
        "strict": matching(automatic=0.9999999, review=0.9),
        "short": matching(candidates=4),
        "narrow": other,
        "none": None,
    }
    return [known[one] for one in name.split()]


class Owner:
    """The owner, which may die between any two commits."""

    def __init__(self, pool: asyncpg.Pool, rules: Sequence[Matching | None], dies: random.Random | None = None) -> None:
        self.keys = SubjectKeys()
        self._log = PostgresEventStore(pool)
        self._pool = pool
        self._rulebook = Rulebook(default=Rules(matching=rules[0], version="0"))
        for number, one in enumerate(rules[1:], 1):
            self._rulebook.put("default", Rules(matching=one, version=str(number)))
        self._dies = dies
        self._resolver: EventResolver | None = None
        self.told: list[Event] = []

    async def alive(self) -> EventResolver:
        if self._resolver is None or (self._dies is not None and self._dies.random() < 0.1):
            store = PostgresRecordStore(self._pool)
            matchers = Matchers(store, Opener(self.keys), lambda tenant, purpose: f"{tenant} {purpose}".encode())
            identities = PostgresIdentityStore(self._pool)
            self._resolver = EventResolver(identities, self._rulebook, 1_000, matchers, rules_page=25)
            await self._resolver.forget({})
        return self._resolver

    async def take_in(self, events: Sequence[Event], batch: int = 20) -> None:
        for start in range(0, len(events), batch):
            resolver, work = await self.alive(), UnitOfWork()
            await resolver.resolve(events[start : start + batch], work)
            await self._commit(resolver, work)

    async def change_rules(self, pages: int = 10_000) -> None:
        while pages and (resolver := await self.alive()).changes_rules:
            work = UnitOfWork()
            await resolver.change_rules(work)
            if self._dies is not None and self._dies.random() < 0.1:
                self._resolver = None  # before the commit
                continue
            await self._commit(resolver, work)
            pages -= 1

    async def _commit(self, resolver: EventResolver, work: UnitOfWork) -> None:
        await self._log.commit(work)
        resolver.committed()
        self.told += [new.event for new in work.appends]


async def tables(pool: asyncpg.Pool) -> dict[str, list[Any]]:
    """Who is who by which links, and what waits for people."""
    statements = {
        "nodes": "SELECT own_id, profile_id, first_time FROM nodes ORDER BY 1",
        "links": "SELECT left_id, right_id, weight, refusal FROM links WHERE left_ranked ORDER BY 1, 2",
        "pairs": "SELECT left_id, right_id, bits, told FROM record_pairs WHERE keys <> '' ORDER BY 1, 2",
        "suggestions": "SELECT id, bits, told, linked_since IS NOT NULL AND linked_until IS NULL"
        " FROM suggestions WHERE counts ORDER BY 1",
        "lists": "SELECT length(records) FROM record_lists ORDER BY 1",
    }
    return {name: [tuple(row) for row in await pool.fetch(text)] for name, text in statements.items()}


async def wipe(pool: asyncpg.Pool) -> None:
    named = (
        "events nodes links evidence memberships generic rules_changes records record_lists record_pairs suggestions"
    )
    async with pool.acquire() as connection:
        await connection.execute("RESET ROLE")
        await connection.execute(f"TRUNCATE {', '.join(named.split())}")
        await connection.execute("SET ROLE cairn_identity_resolution")


@pytest.mark.parametrize("names", ["wide narrow", "strict wide", "wide short", "wide none", "wide none narrow"])
async def test_changed_matching_gives_the_links_that_always_having_it_gives(pool: asyncpg.Pool, names: str) -> None:
    rules, chance = versions(names), random.Random(names)
    events = [event for _, event in crm_rows(World(people=25, seed=3))]
    early = len(events) if None in rules else len(events) // 3
    await Owner(pool, rules[:1]).take_in(events[:early])
    owner = Owner(pool, rules, chance)
    await owner.take_in(events[early : early + 5])
    await owner.change_rules(pages=chance.randrange(3, 9))
    await owner.take_in(events[early + 5 :])
    await owner.change_rules()
    assert not (await owner.alive()).changes_rules
    changed = await tables(pool)
    if rules[-1] is None:
        assert [len(changed[name]) for name in ("links", "pairs", "suggestions", "lists")] == [0, 0, 0, 0]
        assert all(own_id == profile_id for own_id, profile_id, _ in changed["nodes"])
        return
    await wipe(pool)
    await Owner(pool, rules[-1:]).take_in(events)
    always = await tables(pool)
    assert len(always["suggestions"]) > 10
    for name, rows in always.items():
        assert changed[name] == rows, name


async def test_what_both_models_say_does_not_part_in_between(pool: asyncpg.Pool) -> None:
    events = [event for _, event in crm_rows(World(people=20, seed=3))]
    await Owner(pool, versions("wide")).take_in(events)
    owner = Owner(pool, [matching(), matching(automatic=0.98)])
    await owner.change_rules()
    assert SPLIT not in {event.type for event in owner.told}
    assert (await pool.fetchrow("SELECT done, splits FROM rules_changes")) == (True, 0)


async def test_a_record_whose_key_was_erased_is_not_compared_anew_and_its_links_let_go(pool: asyncpg.Pool) -> None:
    events = [event for _, event in crm_rows(World(people=20, seed=3))]
    first = Owner(pool, versions("wide"))
    await first.take_in(events)
    assert MERGED in {event.type for event in first.told}
    owner = Owner(pool, versions("wide narrow"))
    owner.keys.erased = {event.key_id for event in events}
    await owner.change_rules()
    assert await pool.fetchval("SELECT count(*) FROM record_pairs WHERE keys <> ''") == 0
    assert await pool.fetchval("SELECT count(*) FROM nodes WHERE own_id <> profile_id") == 0


async def test_changes_that_leave_matching_as_it_is_compare_nothing(pool: asyncpg.Pool) -> None:
    events = [event for _, event in crm_rows(World(people=20, seed=3))]
    await Owner(pool, [matching()]).take_in(events)
    before = await tables(pool)
    owner = Owner(pool, [matching(), replace(matching(), events=frozenset({"other.event"}))])
    await owner.change_rules()
    assert await pool.fetchval("SELECT records FROM rules_changes") is None
    assert await tables(pool) == before
