"""Walks: what concerns many profiles at once happens to them page by page, before their partition's next input."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import asyncpg
import structlog
from msgspec.structs import replace as replace_event

from cairn_eventstore import EventStore, NewEvent, UnitOfWork
from cairn_kernel.event import Event, from_canonical_json, to_canonical_json
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_runtime import metrics
from cairn_runtime.clock import now_us

log = structlog.get_logger()

PAGE: Final = 1_000
"""Profiles visited in one transaction, over all partitions."""

NEXT = "SELECT coalesce(max(ordinal), 0) + 1 FROM walks"
INSERT = "INSERT INTO walks (partition, ordinal, tenant, event, in_flight) VALUES ($1, $2, $3, $4, $5)"
PENDING = """
SELECT partition, ordinal, tenant, event, in_flight, as_of, after, cursor::text FROM walks
WHERE NOT done AND partition = ANY($1::smallint[]) ORDER BY partition, ordinal
"""
OPEN = "UPDATE walks SET as_of = $3, after = $4 WHERE partition = $1 AND ordinal = $2 AND as_of IS NULL"
ADVANCE = """
UPDATE walks SET cursor = $3, visited = visited + $4, changed = changed + $5, done = $6
WHERE partition = $1 AND ordinal = $2
"""
UNFINISHED = "SELECT DISTINCT partition FROM walks WHERE NOT done"


@dataclass(frozen=True, slots=True)
class Walk:
    """One partition's share of a walk. `event.as_of` is when it happens, once it is open."""

    partition: int
    ordinal: int
    tenant: str
    event: Event
    in_flight: tuple[str, ...]
    """Journeys whose customers are concerned; empty: everyone."""
    after: int | None
    """Upstream position that comes first; None until it is open."""
    cursor: str


class Population(Protocol):
    """Who is there to be visited."""

    async def page(self, walk: Walk, limit: int) -> Sequence[str]:
        """At most `limit` profiles of the walk's partition, tenant and scope after its cursor, in ascending order."""
        ...


class Walks:
    """The unfinished walks of the partitions that this process holds, oldest first in each."""

    def __init__(self, pool: asyncpg.Pool, population: Population) -> None:
        self._pool = pool
        self._population = population
        self._pending: dict[int, list[Walk]] = {}
        self._moved: list[Walk | tuple[int, int]] = []

    @property
    def pending(self) -> Set[int]:
        """Partitions with an unfinished walk."""
        return self._pending.keys()

    async def load(self, partitions: Collection[int]) -> None:
        """Find out what is unfinished in partitions that became ours."""
        self.forget(set(partitions))
        for partition, ordinal, tenant, event, in_flight, as_of, after, cursor in await self._pool.fetch(
            PENDING, list(partitions), timeout=30
        ):
            control = at_instant(from_canonical_json(event), as_of) if as_of is not None else from_canonical_json(event)
            walk = Walk(partition, ordinal, tenant, control, tuple(in_flight), after, cursor)
            self._pending.setdefault(partition, []).append(walk)
        metrics.WALKS_PENDING.set(len(self._pending))

    def forget(self, partitions: Set[int]) -> None:
        """These partitions are not ours."""
        for partition in partitions & self._pending.keys():
            del self._pending[partition]

    @property
    def unopened(self) -> bool:
        """Whether a walk whose turn has come does not know yet when it happens."""
        return any(walks[0].after is None for walks in self._pending.values())

    async def open(self, complete: Mapping[int, tuple[int, int]], store: EventStore) -> None:
        """Fix when walks happen, given what the upstream says of its completeness: after all that it has told so far.

        The walk was there to be seen before the upstream was asked, so nobody was told more than that meanwhile.
        """
        heads = await store.heads()
        for partition, walks in list(self._pending.items()):
            if walks[0].after is not None or partition not in complete:
                continue
            after, upto = complete[partition]
            as_of = max(upto, heads[partition].as_of)
            first = walks[0]
            await self._pool.execute(OPEN, partition, first.ordinal, as_of, after, timeout=10)
            walks[0] = replace(first, after=after, event=at_instant(first.event, as_of))

    def ready(self, positions: Mapping[int, int]) -> list[Walk]:
        """Walks whose partition has been read (partition to position) as far as has to come first."""
        return [
            walks[0]
            for partition, walks in self._pending.items()
            if (after := walks[0].after) is not None and positions.get(partition, -1) >= after
        ]

    @property
    def limits(self) -> dict[int, int]:
        """The last upstream position that a partition may take before its walk, once that is fixed."""
        return {part: walks[0].after for part, walks in self._pending.items() if walks[0].after is not None}

    async def pages(self, ready: Sequence[Walk]) -> list[tuple[Walk, Sequence[str]]]:
        """The next profiles of each."""
        limit = max(1, PAGE // len(ready))
        return [(walk, await self._population.page(walk, limit)) for walk in ready]

    def advance(self, walk: Walk, profiles: Sequence[str], changed: int, work: UnitOfWork) -> None:
        """These were visited; without profiles the walk is done."""
        cursor = profiles[-1] if profiles else walk.cursor
        row = (walk.partition, walk.ordinal, cursor, len(profiles), changed, not profiles)
        work.rows.append((ADVANCE, [row]))
        self._moved.append(replace(walk, cursor=cursor) if profiles else (walk.partition, walk.ordinal))
        metrics.WALK_PROFILES.labels(walk.event.type).inc(len(profiles))

    def begin(self) -> None:
        """A page begins; one that was not committed is forgotten."""
        self._moved.clear()

    def committed(self) -> None:
        """The page has happened."""
        for moved in self._moved:
            if isinstance(moved, Walk):
                self._pending[moved.partition][0] = moved
                continue
            partition, ordinal = moved
            finished = self._pending[partition].pop(0)
            if not self._pending[partition]:
                del self._pending[partition]
            if not any(walk.ordinal == ordinal for walks in self._pending.values() for walk in walks):
                log.info("walk.finished", ordinal=ordinal, type=finished.event.type, tenant=finished.tenant)
        self._moved.clear()
        metrics.WALKS_PENDING.set(len(self._pending))

    async def unfinished(self) -> set[int]:
        """Partitions with an unfinished walk, whoever holds them."""
        return {row["partition"] for row in await self._pool.fetch(UNFINISHED, timeout=10)}


@dataclass(frozen=True, slots=True)
class Command:
    """What many profiles are to be told: the control event's type and data, and whom it concerns."""

    tenant: str
    type: str
    data: Mapping[str, Any]
    in_flight: tuple[str, ...] = ()
    """Journeys whose customers are concerned; empty: everyone."""
    definition_version: str = ""


async def begin_walk(
    connection: Any, log_name: str, command: Command, controls: Sequence[Event] = ()
) -> tuple[int, list[NewEvent]]:
    """Write a walk for all partitions in the open transaction, which holds LOCK and has fenced the inbox.

    Returns its ordinal, and the control events to append to the log: none if they are there already (`controls`, one
    per partition).
    """
    ordinal: int = await connection.fetchval(NEXT)
    told = controls or [_control(log_name, command, partition, ordinal) for partition in range(PARTITIONS)]
    scope = list(command.in_flight)
    rows = [(n, ordinal, command.tenant, to_canonical_json(event), scope) for n, event in enumerate(told)]
    await connection.executemany(INSERT, rows)
    appends = [NewEvent(n, stable_id("control", event.id), 1, event) for n, event in enumerate(told)]
    return ordinal, [] if controls else appends


def _control(log_name: str, command: Command, partition: int, ordinal: int) -> Event:
    return Event(
        id=stable_id("control", log_name, command.tenant, command.type, partition, ordinal),
        tenant=command.tenant,
        type=command.type,
        event_time=now_us(),
        as_of=0,
        source=log_name,
        definition_version=command.definition_version,
        data=dict(command.data),
    )


def at_instant(event: Event, as_of: int) -> Event:
    """The control event as it is told, once it is known when (µs) that is."""
    return replace_event(event, event_time=as_of, as_of=as_of)
