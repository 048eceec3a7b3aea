"""DecisionReader over the read model and the stored events it points to."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import asyncpg

from cairn_kernel.errors import NotFound
from cairn_kernel.event import Event, from_canonical_json
from decisioning.application.ports import Counts

PAGE: Final = 1_000
"""Rows fetched at a time when all are read."""

GET = """
SELECT e.state FROM decisions d
JOIN events e ON e.originator_id = d.profile_id AND e.originator_version = d.stream_version
WHERE d.tenant = $1 AND d.decision_id = $2
"""
OF_CUSTOMER = """
WITH RECURSIVE customer(profile_id) AS (
    SELECT $2::uuid
    UNION
    SELECT m.loser FROM merged_profiles m JOIN customer c ON m.survivor = c.profile_id WHERE m.tenant = $1
), latest AS (
    SELECT d.decided, d.decision_id, d.profile_id, d.stream_version FROM decisions d JOIN customer USING (profile_id)
    WHERE d.tenant = $1 ORDER BY d.decided DESC, d.decision_id DESC LIMIT $3
)
SELECT e.state FROM latest d
JOIN events e ON e.originator_id = d.profile_id AND e.originator_version = d.stream_version
ORDER BY d.decided, d.decision_id
"""
COUNTS = """
SELECT reason, action, sum(decisions)::bigint AS decisions FROM decision_counts WHERE tenant = $1
GROUP BY reason, action ORDER BY reason, action
"""
ALL = """
SELECT e.state FROM decisions d
JOIN events e ON e.originator_id = d.profile_id AND e.originator_version = d.stream_version
WHERE d.tenant = $1 ORDER BY d.decision_id
"""


class PostgresDecisions:
    """Decisions by id, by customer, counted, and all of them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def get(self, tenant: str, decision_id: str) -> Event:
        state = await self._pool.fetchval(GET, tenant, decision_id, timeout=10)
        if state is None:
            raise NotFound("there is no decision under that id", reason="NO_SUCH_DECISION", decision_id=decision_id)
        return from_canonical_json(state)

    async def of_customer(self, tenant: str, profile_id: str, limit: int) -> Sequence[Event]:
        rows = await self._pool.fetch(OF_CUSTOMER, tenant, profile_id, limit, timeout=30)
        return [from_canonical_json(row["state"]) for row in rows]

    async def counts(self, tenant: str) -> Counts:
        by_reason: dict[str, int] = {}
        by_action: dict[str, int] = {}
        for reason, action, decisions in await self._pool.fetch(COUNTS, tenant, timeout=10):
            by_reason[reason] = by_reason.get(reason, 0) + decisions
            if action:
                by_action[action] = by_action.get(action, 0) + decisions
        return Counts(by_reason, by_action)

    async def all(self, tenant: str) -> AsyncIterator[Event]:
        async with (
            self._pool.acquire(timeout=10) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            async for row in connection.cursor(ALL, tenant, prefetch=PAGE):
                yield from_canonical_json(row["state"])
