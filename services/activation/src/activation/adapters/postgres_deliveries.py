"""Questions about deliveries, answered from the read model and the stored streams."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import asyncpg

from activation.domain.delivery import Delivery, folded
from activation.domain.stored import STORED
from cairn_eventstore import EventStore
from cairn_kernel.event import Event, from_canonical_json

PAGE: Final = 1_000
MOST: Final = 1_000
"""Deliveries of one customer that are told, the latest."""

TENANT_OF: Final = "SELECT tenant FROM deliveries WHERE delivery_id = $1"
OF_PROFILE: Final = """
WITH RECURSIVE customer(profile_id) AS (
    SELECT $2::uuid
    UNION
    SELECT m.loser FROM merges m JOIN customer c ON m.survivor = c.profile_id
    WHERE NOT EXISTS (
        SELECT FROM splits s WHERE s.giver = m.survivor AND s.receiver = m.loser AND s.as_of >= m.as_of
    )
), latest AS (
    SELECT planned_at, delivery_id FROM deliveries JOIN customer USING (profile_id) WHERE tenant = $1
    ORDER BY planned_at DESC, delivery_id DESC LIMIT $3
)
SELECT delivery_id::text FROM latest ORDER BY planned_at, delivery_id
"""
COUNTS: Final = "SELECT status, action, count(*) FROM deliveries WHERE tenant = $1 GROUP BY status, action"
ALL: Final = """
SELECT e.state, d.status, d.reason FROM deliveries d
JOIN events e ON e.originator_id = d.delivery_id AND e.originator_version = 1
WHERE d.tenant = $1 ORDER BY d.delivery_id
"""


class PostgresDeliveries:
    def __init__(self, pool: asyncpg.Pool, store: EventStore) -> None:
        self._pool = pool
        self._store = store

    async def get(self, tenant: str, delivery_id: str) -> tuple[Delivery, Sequence[Event]] | None:
        """A delivery and its history."""
        if await self._pool.fetchval(TENANT_OF, delivery_id, timeout=10) != tenant:
            return None
        history = (await self._store.load([delivery_id]))[delivery_id]
        delivery = folded(STORED.all_newest(history))
        return None if delivery is None else (delivery, history)

    async def of_profile(self, tenant: str, profile_id: str) -> list[tuple[Delivery, Sequence[Event]]]:
        """A customer's deliveries with their histories, oldest first, those of merged profiles included."""
        rows = await self._pool.fetch(OF_PROFILE, tenant, profile_id, MOST, timeout=30)
        streams = await self._store.load([delivery_id for (delivery_id,) in rows])
        found = (
            (folded(STORED.all_newest(history)), history)
            for history in (streams[delivery_id] for (delivery_id,) in rows)
        )
        return [(delivery, history) for delivery, history in found if delivery is not None]

    async def counts(self, tenant: str) -> tuple[dict[str, int], dict[str, int]]:
        """How many deliveries by status, and by action."""
        statuses: dict[str, int] = {}
        actions: dict[str, int] = {}
        for status, action, count in await self._pool.fetch(COUNTS, tenant, timeout=30):
            statuses[status] = statuses.get(status, 0) + count
            actions[action] = actions.get(action, 0) + count
        return statuses, actions

    async def all(self, tenant: str) -> AsyncIterator[tuple[Event, str, str]]:
        """First fact, status and reason of every delivery in order of id, at one moment."""
        async with (
            self._pool.acquire(timeout=10) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            async for state, status, reason in connection.cursor(ALL, tenant, prefetch=PAGE):
                yield from_canonical_json(state), status, reason
