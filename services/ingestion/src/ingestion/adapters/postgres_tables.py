"""Sources, subject keys and quarantine outside the front door's transaction."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import asyncpg

from cairn_kernel.errors import Unavailable
from ingestion.adapters.postgres_ledger import KEYS
from ingestion.application.redrive import NO_ID, Kept, Place, Which
from ingestion.domain.told import Source

TIMEOUT_S: Final = 10.0

DOWN: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

SOURCES: Final = "SELECT key_hash, tenant, source, clock FROM sources"
DECLARE: Final = """
INSERT INTO sources (key_hash, tenant, source, clock, declared)
SELECT *, 'settings' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (key_hash) DO UPDATE SET tenant = excluded.tenant, source = excluded.source, clock = excluded.clock,
    declared = excluded.declared
"""
WITHDRAW: Final = "DELETE FROM sources WHERE declared = 'settings' AND key_hash <> ALL($1::text[])"
QUARANTINE: Final = """
SELECT quarantine_id::text, source, message_id, reason, field, received FROM quarantine
WHERE (received, quarantine_id) < ($1, $2::uuid) AND ($3 = '' OR tenant = $3)
ORDER BY received DESC, quarantine_id DESC LIMIT $4
"""


GROUPS: Final = """
SELECT source, reason, field, count(*), min(received), max(received),
    (array_agg(quarantine_id::text ORDER BY received DESC, quarantine_id))[1]
FROM (SELECT source, reason, regexp_replace(field, '\\[\\d+\\]', '[]', 'g') AS field, received, quarantine_id
      FROM quarantine WHERE tenant = $1) q
GROUP BY source, reason, field ORDER BY count(*) DESC, source, reason, field LIMIT $2
"""
KEPT: Final = """
SELECT quarantine_id::text, tenant, q.source,
    coalesce((SELECT max(clock) FROM sources s WHERE s.tenant = q.tenant AND s.source = q.source), 'server'),
    received, key_id::text, payload, form, historical
FROM quarantine q WHERE tenant = $1 AND (cardinality($2::uuid[]) = 0 OR quarantine_id = ANY($2::uuid[]))
    AND ($3 = '' OR q.source = $3) AND ($4 = '' OR reason = $4)
    AND ($5 = '' OR regexp_replace(field, '\\[\\d+\\]', '[]', 'g') = $5)
    AND received <= $6 AND (received, quarantine_id) > ($7, $8::uuid)
ORDER BY received, quarantine_id LIMIT $9
"""
ALL: Final = Place(2**63 - 1, -1, NO_ID)
RELEASE: Final = "DELETE FROM quarantine WHERE quarantine_id = ANY($1::uuid[])"
EXPIRE: Final = """
DELETE FROM quarantine WHERE quarantine_id IN (SELECT quarantine_id FROM quarantine WHERE received < $1 LIMIT 10000)
"""


class GroupRow(NamedTuple):
    """Events kept aside for one reason; places in a batch are told as `[]`."""

    source: str
    reason: str
    field: str
    events: int
    first: int
    last: int
    latest_id: str


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
        rows = [(hashed, source.tenant, source.name, source.clock) for hashed, source in sources.items()]
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

    async def groups(self, tenant: str, limit: int) -> list[GroupRow]:
        async with self._connection() as connection:
            return [GroupRow(*row) for row in await connection.fetch(GROUPS, tenant, limit)]

    async def kept(self, which: Which, limit: int) -> list[Kept]:
        wanted = (which.tenant, list(which.ids), which.source, which.reason, which.field, *(which.after or ALL))
        async with self._connection() as connection:
            return [Kept(*row) for row in await connection.fetch(KEPT, *wanted, limit)]

    async def release(self, quarantine_ids: Sequence[str]) -> int:
        async with self._connection() as connection:
            return _number(await connection.execute(RELEASE, list(quarantine_ids)))

    async def expire(self, before: int) -> int:
        """Forget what was kept aside before an instant; return how many, at most 10,000 at once."""
        async with self._connection() as connection:
            return _number(await connection.execute(EXPIRE, before))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire(timeout=TIMEOUT_S) as connection:
                yield connection
        except DOWN as error:
            raise Unavailable("the database does not answer") from error


def _number(status: str) -> int:
    """Rows that a statement touched."""
    return int(status.rpartition(" ")[2])
