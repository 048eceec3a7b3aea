"""Records that events bring are compared as they come, and the result is that of their set."""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_kernel.event import MERGED, Event
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from cairn_testkit.people import World
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.open_records import Opener
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.matching import Matching
from identity_resolution.domain.rules import Rules

from .records import SubjectKeys, crm_rows, identified, matching

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SERVICE = "identity_resolution"


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, SERVICE) as pool:
        yield pool


class Owner:
    """The resolver over real tables, with matching on."""

    def __init__(self, pool: asyncpg.Pool, rules: Matching | None, cache: int = 10_000) -> None:
        self.keys = SubjectKeys()
        self.log = PostgresEventStore(pool)
        matchers = Matchers(
            PostgresRecordStore(pool),
            Opener(self.keys),
            lambda tenant, purpose: f"{tenant} {purpose}".encode(),
        )
        self.resolver = EventResolver(
            PostgresIdentityStore(pool), Rulebook(default=Rules(matching=rules)), cache, matchers
        )

    async def take_in(self, events: Sequence[Event], batch: int = 1_000) -> list[Event]:
        """What comes out; memory is empty at the beginning."""
        await self.resolver.forget({})
        told: list[Event] = []
        for start in range(0, len(events), batch):
            work = UnitOfWork()
            await self.resolver.resolve(events[start : start + batch], work)
            await self.log.commit(work)
            self.resolver.committed()
            told += [new.event for new in work.appends]
        return told


async def tables(pool: asyncpg.Pool) -> dict[str, list[Any]]:
    """All that may not depend on order."""
    statements = {
        "nodes": "SELECT own_id, profile_id, first_time FROM nodes ORDER BY 1",
        "links": "SELECT left_id, right_id, weight, refusal, left_ranked FROM links WHERE left_ranked ORDER BY 1, 2",
        "records": "SELECT id, own_id, key_id, sealed FROM records ORDER BY 1",
        "pairs": "SELECT left_record, right_record, bits FROM record_pairs WHERE keys <> '' ORDER BY 1, 2",
        "suggestions": "SELECT id, bits, told, linked_until IS NULL FROM suggestions WHERE counts ORDER BY 1",
    }
    return {name: [tuple(row) for row in await pool.fetch(text)] for name, text in statements.items()}


async def forget(pool: asyncpg.Pool) -> None:
    for table in ("events", "nodes", "links", "records", "record_lists", "record_pairs", "suggestions", "evidence"):
        async with pool.acquire() as connection:
            await connection.execute("RESET ROLE")
            await connection.execute(f"TRUNCATE {table}")
            await connection.execute("SET ROLE cairn_identity_resolution")


@pytest.mark.parametrize("candidates", [100, 4], ids=["lists live", "lists die"])
async def test_any_order_and_any_batches_leave_the_same_tables(pool: asyncpg.Pool, candidates: int) -> None:
    events = [event for _, event in crm_rows(World(people=60, seed=3))]
    found = []
    for seed, batch, cache in ((0, 1_000, 10_000), (1, 7, 10_000), (2, 1, 20), (3, 50, 20)):
        shuffled = random.Random(seed).sample(events, len(events)) if seed else events
        repeats = [msgspec.structs.replace(event, id=stable_id("again", event.id)) for event in shuffled[:20]]
        again = [*shuffled, *repeats] if seed == 3 else shuffled
        await Owner(pool, matching(candidates=candidates), cache).take_in(again, batch)
        found.append(await tables(pool))
        await forget(pool)
    first = found[0]
    assert len(first["records"]) > 50
    assert len(first["suggestions"]) > 20
    for other in found[1:]:
        for name, rows in first.items():
            assert other[name] == rows, name


async def test_records_of_one_person_come_together_and_strangers_do_not(pool: asyncpg.Pool) -> None:
    rows = crm_rows(World(people=150, seed=4))
    told = await Owner(pool, matching()).take_in([event for _, event in rows], 50)
    assert [event.type for event in told].count(MERGED) > 100
    profiles = dict(await pool.fetch("SELECT token, profile_id::text FROM nodes"))
    people: dict[str, set[int]] = {}
    parts: dict[int, set[str]] = {}
    for one, event in rows:
        profile = profiles[event.identifiers[0].token]
        people.setdefault(profile, set()).add(one.person)
        parts.setdefault(one.person, set()).add(profile)
    assert sum(len(who) == 1 for who in people.values()) > 0.99 * len(people)
    assert sum(len(of) == 1 for of in parts.values()) > 0.85 * len(parts)


async def test_two_customers_with_accounts_never_merge_however_alike_they_are(pool: asyncpg.Pool) -> None:
    row = crm_rows(World(people=5, seed=5))[0][0].row
    events = [
        identified(1, row, ("user_id", "anna")),
        identified(2, row, ("user_id", "bea")),
        identified(3, row, ("crm_id", "c1")),
    ]
    for order in (events, events[::-1], [events[2], *events[:2]]):
        await Owner(pool, matching()).take_in(order, 1)
        profiles = dict(await pool.fetch("SELECT token, profile_id::text FROM nodes"))
        assert profiles["anna"] != profiles["bea"]
        assert profiles["c1"] in (profiles["anna"], profiles["bea"])
        refusals = await pool.fetch("SELECT refusal FROM links WHERE weight >= 0")
        assert sorted(row["refusal"] for row in refusals) == ["", "CARDINALITY", "CARDINALITY"]
        await forget(pool)


async def test_nothing_is_stored_in_the_clear_and_an_erased_record_is_not_compared(pool: asyncpg.Pool) -> None:
    row = crm_rows(World(people=5, seed=5))[0][0].row
    owner = Owner(pool, matching())
    await owner.take_in([identified(1, row, ("crm_id", "c1"))])
    for table in ("records", "record_lists", "record_pairs", "suggestions", "nodes", "links"):
        stored = repr(await pool.fetch(f"SELECT * FROM {table}")).lower()
        for column in ("given_name", "surname", "date_of_birth", "phone", "email", "city"):
            assert row[column].lower() not in stored
            assert row[column].lower().encode().hex() not in stored
    later = Owner(pool, matching())
    later.keys.erased.add("key-1")
    await later.take_in([identified(2, row, ("crm_id", "c2"))])
    assert await pool.fetchval("SELECT count(*) FROM record_pairs") == 0
