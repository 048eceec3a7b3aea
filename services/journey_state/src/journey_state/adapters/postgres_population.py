"""Who is visited by a walk: customers of a partition, or those of them who are in some journeys."""

from collections.abc import Sequence

import asyncpg

from cairn_runtime.walks import Walk

EVERYONE = """
SELECT c.profile_id::text FROM customers c
WHERE tenant = $1 AND partition = $2 AND profile_id > $3 AND merged_into IS NULL ORDER BY c.profile_id LIMIT $4
"""
IN_FLIGHT = """
SELECT id::text FROM (
    SELECT DISTINCT profile_id AS id FROM instances
    WHERE tenant = $1 AND partition = $2 AND profile_id > $3 AND journey = ANY($5::text[]) ORDER BY id LIMIT $4
) AS page ORDER BY page.id
"""


class PostgresPopulation:
    """The Population of journey-state's read model."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def page(self, walk: Walk, limit: int) -> Sequence[str]:
        """See Population.page."""
        scope = (walk.tenant, walk.partition, walk.cursor, limit)
        if walk.in_flight:
            rows = await self._pool.fetch(IN_FLIGHT, *scope, list(walk.in_flight), timeout=30)
        else:
            rows = await self._pool.fetch(EVERYONE, *scope, timeout=30)
        return [row[0] for row in rows]
