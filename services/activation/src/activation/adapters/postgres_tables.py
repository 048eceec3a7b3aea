"""Tables on PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import asyncpg

from activation.application.ports import OpenRow
from activation.domain.consent import Consent, Ledger, Merge

OPEN_DELIVERIES: Final = """
SELECT delivery_id::text, partition, connector, due, expires_at, due > planned_at AND attempt = 0 AS deferred,
    status <> 'planned' AS flying, attempt, not_after
FROM deliveries WHERE open AND partition = ANY($1::smallint[])
"""
MODES: Final = "SELECT partition, step, mode FROM modes WHERE partition = ANY($1::smallint[])"
MERGES: Final = """
WITH RECURSIVE family(profile_id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT CASE WHEN m.survivor = f.profile_id THEN m.loser ELSE m.survivor END
    FROM family f JOIN merges m ON m.survivor = f.profile_id OR m.loser = f.profile_id
)
SELECT DISTINCT m.loser::text, m.survivor::text, m.as_of, m.loser_told, m.survivor_told
FROM family f JOIN merges m ON m.loser = f.profile_id
"""
CONSENTS: Final = """
WITH RECURSIVE family(profile_id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT CASE WHEN m.survivor = f.profile_id THEN m.loser ELSE m.survivor END
    FROM family f JOIN merges m ON m.survivor = f.profile_id OR m.loser = f.profile_id
)
SELECT c.profile_id::text, c.as_of, c.event_id::text, c.channel, c.class, c.granted
FROM family f JOIN consents c USING (profile_id)
"""


class PostgresTables:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def open_deliveries(self, partitions: Collection[int]) -> Sequence[OpenRow]:
        return [OpenRow(*row) for row in await self._pool.fetch(OPEN_DELIVERIES, list(partitions), timeout=60)]

    async def modes(self, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        rows = await self._pool.fetch(MODES, list(partitions), timeout=30)
        return {partition: (step, mode) for partition, step, mode in rows}

    async def ledger(self, connection: Any, profiles: Collection[str]) -> Ledger:
        wanted = sorted(profiles)
        merges = [Merge(*row) for row in await connection.fetch(MERGES, wanted)]
        consents = [Consent(*row) for row in await connection.fetch(CONSENTS, wanted)]
        return Ledger(consents, merges)
