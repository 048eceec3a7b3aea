"""Sources, subject keys and quarantine outside the front door's transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import asyncpg

from cairn_kernel.errors import Unavailable
from ingestion.adapters.postgres_ledger import KEYS
from ingestion.domain.told import Source

TIMEOUT_S: Final = 10.0

DOWN: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

SOURCES: Final = "SELECT key_hash, tenant, source, clock, trust FROM sources"
DECLARE: Final = """
INSERT INTO sources SELECT *, 'settings' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
ON CONFLICT (key_hash) DO UPDATE SET tenant = excluded.tenant, source = excluded.source, clock = excluded.clock,
    trust = excluded.trust, declared = excluded.declared
"""
WITHDRAW: Final = "DELETE FROM sources WHERE declared = 'settings' AND key_hash <> ALL($1::text[])"
QUARANTINE: Final = """
SELECT quarantine_id::text, source, message_id, reason, field, received FROM quarantine
WHERE (received, quarantine_id) < ($1, $2::uuid) AND ($3 = '' OR tenant = $3)
ORDER BY received DESC, quarantine_id DESC LIMIT $4
"""


class QuarantineRow(NamedTuple):
    quarantine_id: str
    source: str
    message_id: str
    reason: str
    field: str
    received: int


class PostgresTables:
    """Small questions over the pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def load(self) -> Mapping[str, Source]:
        async with self._connection() as connection:
            return {row[0]: Source(*row[1:]) for row in map(tuple, await connection.fetch(SOURCES))}

    async def declare(self, sources: Mapping[str, Source]) -> None:
        rows = [(hashed, source.tenant, source.name, source.clock, source.trust) for hashed, source in sources.items()]
        async with self._connection() as connection, connection.transaction():
            await connection.execute(WITHDRAW, list(sources))
            if rows:
                await connection.execute(DECLARE, *(list(column) for column in zip(*rows, strict=True)))

    async def keys(self, key_ids: Iterable[str]) -> dict[str, bytes]:
        async with self._connection() as connection:
            return dict(await connection.fetch(KEYS, list(key_ids)))

    async def quarantine(self, before: tuple[int, str], tenant: str, limit: int) -> list[QuarantineRow]:
        async with self._connection() as connection:
            return [QuarantineRow(*row) for row in await connection.fetch(QUARANTINE, *before, tenant, limit)]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire(timeout=TIMEOUT_S) as connection:
                yield connection
        except DOWN as error:
            raise Unavailable("the database does not answer") from error
