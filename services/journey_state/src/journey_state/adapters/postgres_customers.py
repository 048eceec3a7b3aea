"""CustomerReader over the log and the read model."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

import asyncpg

from cairn_eventstore import EventStore
from cairn_kernel.event import Event, from_canonical_json
from cairn_kernel.time import SECOND
from journey_state.adapters.read_model import CUSTOMERS
from journey_state.application.ports import InstanceAt, InstanceQuery, JourneyCount

PAGE: Final = 200
"""Streams folded at a time when all are read."""

PROFILES = """
SELECT c.profile_id::text FROM customers c WHERE tenant = $1 AND merged_into IS NULL AND profile_id > $2
ORDER BY c.profile_id LIMIT $3
"""
COUNTERS = """
SELECT journey, name, sum(value) AS value FROM counters WHERE tenant = $1 GROUP BY journey, name ORDER BY journey, name
"""
TAILS = """
WITH after AS (SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS a(stream, version))
SELECT stream::text, state FROM (
    SELECT a.stream, e.originator_version AS version, e.state FROM after a
    JOIN events e ON e.originator_id = a.stream AND e.originator_version > a.version
    UNION ALL
    SELECT a.stream, NULL, NULL FROM after a JOIN archived_streams s USING (stream) WHERE s.version > a.version
) AS tails ORDER BY tails.stream, tails.version
"""
"""A stream of which something that is wanted is in the archive comes once more, without an event."""
INSTANCES = """
SELECT i.instance_id::text, i.profile_id::text FROM instances i
WHERE tenant = $1 AND instance_id > $2 {narrowed} ORDER BY i.instance_id LIMIT $3
"""
CONTROLS = "SELECT journey, mode FROM controls WHERE tenant = $1"
FIRST: Final = "00000000-0000-0000-0000-000000000000"


class PostgresCustomers:
    """Reads what the processor commits."""

    def __init__(self, pool: asyncpg.Pool, store: EventStore) -> None:
        self._pool = pool
        self._store = store

    async def stream(self, profile_id: str) -> Sequence[Event]:
        return (await self._store.load([profile_id]))[profile_id]

    async def tails(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        archived = []
        for stream, state in await self._pool.fetch(TAILS, list(after), list(after.values()), timeout=30):
            if state is None:
                archived.append(stream)
            else:
                found[stream].append(from_canonical_json(state))
        if archived:
            whole = await self._store.load(archived)
            found |= {stream: events[after[stream] :] for stream, events in whole.items()}
        return found

    async def instances(self, query: InstanceQuery) -> Sequence[InstanceAt]:
        wanted = {"journey": query.journey or None, "stage": query.stage}
        given = {column: value for column, value in wanted.items() if value is not None}
        narrowed = "".join(f" AND {column} = ${number}" for number, column in enumerate(given, 4))  # an index for each
        sql = INSTANCES.format(narrowed=narrowed)
        rows = await self._pool.fetch(sql, query.tenant, query.after, query.limit, *given.values(), timeout=30)
        return [InstanceAt(*row) for row in rows]

    async def streams(self, tenant: str) -> AsyncIterator[tuple[str, Sequence[Event]]]:
        after = FIRST
        while page := [row[0] for row in await self._pool.fetch(PROFILES, tenant, after, PAGE, timeout=30)]:
            loaded = await self._store.load(page)
            for profile_id in page:
                yield profile_id, loaded[profile_id]
            after = page[-1]

    async def counts(self, tenant: str) -> tuple[int, Sequence[JourneyCount]]:
        async with (
            self._pool.acquire(timeout=10) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await connection.fetch(COUNTERS, tenant)
            modes: dict[str, str] = dict(await connection.fetch(CONTROLS, tenant))
        numbers: dict[str, dict[str, Decimal]] = {}
        for journey, name, value in rows:
            numbers.setdefault(journey, {})[name] = value
        customers = int(numbers.pop("", {}).get(CUSTOMERS, 0))
        seen = {journey: found for journey, found in numbers.items() if found.get("entered")}
        return customers, [_counted(journey, seen.get(journey, {}), modes) for journey in sorted({*seen, *modes})]


def _counted(journey: str, numbers: Mapping[str, Decimal], modes: Mapping[str, str]) -> JourneyCount:
    groups: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for name, value in numbers.items():
        group, colon, key = name.partition(":")
        if colon and value:
            groups[group][key] = value
    values = groups["value"]
    currency = max(sorted(values), key=lambda one: values[one], default="")
    return JourneyCount(
        journey=journey,
        entered=int(numbers.get("entered", 0)),
        in_flight=int(numbers.get("in_flight", 0)),
        goal=int(numbers.get("goal", 0)),
        goal_value=values.get(currency, Decimal(0)),
        currency=currency,
        exited=int(numbers.get("exited", 0)),
        stages=_whole(groups["stage"]),
        stage_entries=_whole(groups["entries"]),
        stage_transitions=_whole(groups["moves"]),
        control=modes.get(journey, ""),
        attributed=int(numbers.get("attributed", 0)),
        frictions=_whole(groups["friction"]),
        health=_whole(groups["health"]),
        dwell_seconds={stage: float(value) / SECOND for stage, value in groups["dwell"].items()},
    )


def _whole(numbers: Mapping[str, Decimal]) -> dict[str, int]:
    return {name: int(number) for name, number in numbers.items()}
