from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from cairn_eventstore import EventStore, MemoryEventStore, PostgresEventStore
from cairn_runtime.database import open_pool
from cairn_testkit.eventstore_contract import LOG, EventStoreContract

Rows = list[tuple[str, Sequence[Sequence[object]]]]


class TestMemoryStore(EventStoreContract):
    @pytest.fixture
    def store(self) -> EventStore:
        store = MemoryEventStore()
        store.open_inbox(LOG)
        return store


class TestPostgresStore(EventStoreContract):
    @pytest.fixture
    async def store(self, postgres_dsn: str) -> AsyncIterator[EventStore]:
        async with open_pool(postgres_dsn, "journey_state") as pool:
            await pool.execute("INSERT INTO inbox (log, partition) SELECT $1, generate_series(0, 31)", LOG)
            yield PostgresEventStore(pool)


async def test_read_models_and_events_are_committed_together_or_not_at_all(postgres_dsn: str) -> None:
    from cairn_eventstore import StreamConflict, UnitOfWork
    from cairn_testkit.eventstore_contract import new

    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE SCHEMA journey_state")
    await connection.execute("CREATE TABLE journey_state.notes (text text)")
    await connection.close()
    async with open_pool(postgres_dsn, "journey_state") as pool:
        store = PostgresEventStore(pool)
        rows: Rows = [("INSERT INTO notes VALUES ($1)", [("one",), ("two",)])]
        await store.commit(UnitOfWork(appends=[new(0, "s 1")], rows=rows))
        with pytest.raises(StreamConflict):
            await store.commit(UnitOfWork(appends=[new(0, "s 1")], rows=rows))
        assert await pool.fetchval("SELECT count(*) FROM notes") == 2
