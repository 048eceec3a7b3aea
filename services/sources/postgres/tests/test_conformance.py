"""The change feed against the conformance kit, with and without rows that were there before."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from cairn_source import Source
from cairn_source.conformance import Add, SourceConformance
from cairn_testkit.servers import embedded_servers
from source_postgres.feed import PostgresSource
from source_postgres.settings import PostgresSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    logical = {"wal_level": "logical", "max_wal_senders": "4", "max_replication_slots": "4"}
    with embedded_servers(nats=False, postgres_settings=logical) as started:
        yield started.postgres.dsn


class TestChanges(SourceConformance):
    copy = False

    @pytest.fixture
    async def source(self, dsn: str, tmp_path: Path) -> AsyncIterator[Source]:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE visits (id serial PRIMARY KEY, who text)")
        await connection.execute("CREATE PUBLICATION cairn FOR TABLE visits")
        source = PostgresSource(
            PostgresSettings(
                source_name="visits",
                source_mappings=tmp_path,
                postgres_dsn=dsn,
                postgres_copy=self.copy,
                postgres_changes=400,
            )
        )
        try:
            yield source
        finally:
            await source.close()
            for (slot,) in await connection.fetch("SELECT slot_name FROM pg_replication_slots"):
                await connection.execute("SELECT pg_drop_replication_slot($1)", slot)
            await connection.execute("DROP PUBLICATION cairn")
            await connection.execute("DROP TABLE visits")
            await connection.close()

    @pytest.fixture
    def add(self, dsn: str) -> Add:
        async def insert(rows: int) -> None:
            connection = await asyncpg.connect(dsn)
            try:
                for first in range(0, rows, 50):
                    some = [(f"customer-{n}",) for n in range(first, min(first + 50, rows))]
                    async with connection.transaction():
                        await connection.executemany("INSERT INTO visits (who) VALUES ($1)", some)
            finally:
                await connection.close()

        return insert


class TestCopyAndChanges(TestChanges):
    copy = True
