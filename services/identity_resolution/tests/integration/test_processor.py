"""The processor over a real database, where the time between two of its steps matters."""

import asyncpg
import pytest

from cairn_eventstore import Fenced, InboxAdvance, PostgresEventStore, UnitOfWork
from cairn_kernel.event import Event, Identifier, marker, to_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_messaging import Entry
from cairn_runtime.database import open_pool
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.application.ports import StepEvent
from identity_resolution.application.processor import ResolveProcessor
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook


def entry(partition: int, position: int, event: Event) -> Entry:
    return Entry("events", partition, position, event.type, to_msgpack(event))


def markers(step: int, position: int) -> dict[int, list[Entry]]:
    return {
        partition: [entry(partition, position, marker("events", partition, step=step, at=step, mode="step"))]
        for partition in range(PARTITIONS)
    }


def seen(at: int, token: str) -> Event:
    return Event(
        id=stable_id("test", at, token),
        tenant="default",
        type="page.viewed",
        event_time=at,
        as_of=at,
        identifiers=(Identifier("user_id", token),),
    )


async def open_inbox(pool: asyncpg.Pool) -> dict[int, InboxAdvance]:
    await pool.execute("INSERT INTO inbox (log, partition, epoch) SELECT 'events', generate_series(0, 31), 1")
    return await PostgresEventStore(pool).inbox("events")


async def test_a_stale_owner_is_fenced_in_the_middle_of_a_step(postgres_dsn: str) -> None:
    async with open_pool(postgres_dsn, "identity_resolution") as pool:
        log, identities = PostgresEventStore(pool), PostgresIdentityStore(pool)
        processor = ResolveProcessor(log, identities, EventResolver(identities, Rulebook(), 100), batch_max_events=2)
        await processor.gained(await open_inbox(pool))
        kept = UnitOfWork()
        identities.keep_step_events(
            kept, [StepEvent(event, to_msgpack(event)) for event in (seen(1, "a"), seen(2, "b"), seen(3, "c"))]
        )
        await log.commit(kept)

        work = UnitOfWork()
        taken = await processor.process(markers(0, 1), work)
        assert set(taken.values()) == {0}
        assert len(work.appends) == 2

        await pool.execute("UPDATE inbox SET epoch = 2")
        with pytest.raises(Fenced):
            await log.commit(work)
        assert len(await identities.step_events(10)) == 3


async def test_what_comes_behind_a_marker_waits_for_the_other_partitions(postgres_dsn: str) -> None:
    async with open_pool(postgres_dsn, "identity_resolution") as pool:
        log, identities = PostgresEventStore(pool), PostgresIdentityStore(pool)
        processor = ResolveProcessor(log, identities, EventResolver(identities, Rulebook(), 100), batch_max_events=100)
        await processor.gained(await open_inbox(pool))
        ahead = markers(0, 1)
        ahead[3].append(entry(3, 2, seen(9, "late")))
        ahead[5].insert(0, entry(5, 0, seen(1, "early")))

        work = UnitOfWork()
        assert {part: count for part, count in (await processor.process(ahead, work)).items() if count} == {5: 1}
        assert [new.event.id for new in work.appends] == [seen(1, "early").id]
        processor.committed(work)

        del ahead[5]
        assert not any((await processor.process(ahead, UnitOfWork())).values())

        ahead[5] = markers(0, 1)[5]
        work = UnitOfWork()
        assert set((await processor.process(ahead, work)).values()) == {1}
        assert {new.event.type for new in work.appends} == {"cairn.marker"}
        processor.committed(work)

        work = UnitOfWork()
        assert await processor.process({3: ahead[3][1:]}, work) == {3: 1}
        assert work.appends == []  # kept until the step is whole
        assert [statement.split()[0:3] for statement, _ in work.rows] == [["INSERT", "INTO", "step_events"]]
