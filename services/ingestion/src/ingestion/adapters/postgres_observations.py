"""What sources send, as it adds up in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from cairn_eventstore import columns
from cairn_kernel.errors import Unavailable
from cairn_kernel.time import DAY, HOUR
from ingestion.adapters.postgres_tables import DOWN, TIMEOUT_S
from ingestion.domain.fates import Fate
from ingestion.domain.observations import Observations

ADD_HOURS: Final = """
INSERT INTO source_hours SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
ON CONFLICT (tenant, source, hour) DO UPDATE SET accepted = source_hours.accepted + excluded.accepted,
    duplicates = source_hours.duplicates + excluded.duplicates,
    quarantined = source_hours.quarantined + excluded.quarantined,
    latest = greatest(source_hours.latest, excluded.latest)
"""
ADD_FIELDS: Final = """
INSERT INTO observed_fields SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT (tenant, source, type, day, path, kind) DO UPDATE SET events = observed_fields.events + excluded.events
"""
VOLUMES: Final = """
SELECT source, sum(accepted)::bigint, sum(duplicates)::bigint, sum(quarantined)::bigint, max(latest)
FROM source_hours WHERE tenant = $1 AND hour >= $2 GROUP BY source ORDER BY source
"""
FIELDS: Final = """
SELECT source, type, path, kind, sum(events)::bigint FROM observed_fields
WHERE tenant = $1 AND day >= $2 AND ($3 = '' OR type = $3) GROUP BY source, type, path, kind ORDER BY 1, 2, 3, 4
"""


class Volume(NamedTuple):
    """What a source sent within some time; `latest` is the as_of of its last event, whatever became of it."""

    source: str
    accepted: int
    duplicates: int
    quarantined: int
    latest: int


class FieldRow(NamedTuple):
    """Events of a type with a kind of value at a path."""

    source: str
    type: str
    path: str
    kind: str
    events: int


class PostgresObservations:
    """Adds up and reads back."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, counts: Observations) -> None:
        if not counts:
            return
        fates = counts.fates
        hours = [
            (*hour, *(fates[hour, fate] for fate in (Fate.ACCEPTED, Fate.DUPLICATE, Fate.QUARANTINED)), latest)
            for hour, latest in sorted(counts.latest.items())
        ]
        fields = [(*seen, events) for seen, events in sorted(counts.seen.items())]
        try:
            async with self._pool.acquire(timeout=TIMEOUT_S) as connection, connection.transaction():
                await connection.execute(ADD_HOURS, *columns(hours), timeout=TIMEOUT_S)
                if fields:
                    await connection.execute(ADD_FIELDS, *columns(fields), timeout=TIMEOUT_S)
        except DOWN as error:
            raise Unavailable("the database does not answer") from error

    async def volumes(self, tenant: str, since: int) -> list[Volume]:
        """By source, since an instant (µs), in whole hours."""
        return [Volume(*row) for row in await self._ask(VOLUMES, tenant, since // HOUR)]

    async def fields(self, tenant: str, since: int, type: str) -> list[FieldRow]:
        """Of all types, or of one, since an instant (µs), in whole days."""
        return [FieldRow(*row) for row in await self._ask(FIELDS, tenant, since // DAY, type)]

    async def _ask(self, question: str, *told: Any) -> Sequence[Any]:
        try:
            return list(await self._pool.fetch(question, *told, timeout=TIMEOUT_S))
        except DOWN as error:
            raise Unavailable("the database does not answer") from error
