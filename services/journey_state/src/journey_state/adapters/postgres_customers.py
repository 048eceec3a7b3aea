"""CustomerReader over the log and the read model."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Final

import asyncpg

from cairn_eventstore import EventStore
from cairn_kernel.event import Event
from journey_state.application.ports import JourneyCount

PAGE: Final = 200
"""Streams folded at a time when all are read."""

PROFILES = """
SELECT profile_id::text FROM customers WHERE tenant = $1 AND merged_into IS NULL AND profile_id > $2
ORDER BY profile_id LIMIT $3
"""
CUSTOMERS = "SELECT count(*) FROM customers WHERE tenant = $1 AND merged_into IS NULL"
LIVE = "FROM standings s JOIN customers c USING (tenant, profile_id) WHERE tenant = $1 AND c.merged_into IS NULL"
COUNTS = f"""
SELECT journey, sum(entered)::bigint AS entered, sum(in_flight)::bigint AS in_flight, sum(goal)::bigint AS goal,
       sum(goal_value) AS goal_value, max(currency) AS currency, sum(exited)::bigint AS exited
{LIVE} GROUP BY journey ORDER BY journey
"""
STAGES = f"SELECT journey, stage, sum(in_flight)::bigint AS n {LIVE} AND in_flight > 0 GROUP BY journey, stage"
TALLY = f"FROM (SELECT journey, ? {LIVE}) t, jsonb_each_text(t.?) GROUP BY journey, key ORDER BY journey, key"
ENTRIES = f"SELECT journey, key, sum(value::bigint)::bigint {TALLY.replace('?', 'entries')}"
TRANSITIONS = f"SELECT journey, key, sum(value::bigint)::bigint {TALLY.replace('?', 'transitions')}"
FIRST: Final = "00000000-0000-0000-0000-000000000000"


class PostgresCustomers:
    """Reads what the processor commits."""

    def __init__(self, pool: asyncpg.Pool, store: EventStore) -> None:
        self._pool = pool
        self._store = store

    async def stream(self, profile_id: str) -> Sequence[Event]:
        return (await self._store.load([profile_id]))[profile_id]

    async def streams(self, tenant: str) -> AsyncIterator[tuple[str, Sequence[Event]]]:
        after = FIRST
        while page := [row["profile_id"] for row in await self._pool.fetch(PROFILES, tenant, after, PAGE, timeout=30)]:
            loaded = await self._store.load(page)
            for profile_id in page:
                yield profile_id, loaded[profile_id]
            after = page[-1]

    async def counts(self, tenant: str) -> tuple[int, Sequence[JourneyCount]]:
        async with (
            self._pool.acquire(timeout=10) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            customers = await connection.fetchval(CUSTOMERS, tenant)
            rows = await connection.fetch(COUNTS, tenant)
            tallies: list[dict[str, dict[str, int]]] = []
            for query in (STAGES, ENTRIES, TRANSITIONS):
                tally: dict[str, dict[str, int]] = defaultdict(dict)
                for journey, key, number in await connection.fetch(query, tenant):
                    tally[journey][key] = number
                tallies.append(tally)
        stages, entries, transitions = tallies
        return customers, [
            JourneyCount(
                **dict(row),
                stages=stages[row["journey"]],
                stage_entries=entries[row["journey"]],
                stage_transitions=transitions[row["journey"]],
            )
            for row in rows
        ]
