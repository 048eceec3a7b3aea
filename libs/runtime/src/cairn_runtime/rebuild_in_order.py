"""Rebuilding what follows from a log as a whole rather than from each of its streams: all is taken in again, in order.

Partitions are merged by `as_of`, which does not fall within one. What was appended to all of them at once comes after
all that is before it anywhere, and before all that is after it.
"""

import gc
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final, NamedTuple, Protocol

from cairn_eventstore.archived_log import ArchivedLog
from cairn_kernel.errors import Unavailable
from cairn_kernel.event import MARKER, RULES_CHANGED, Event, from_canonical_json, from_canonical_json_lines
from cairn_runtime.rebuild_swap import SET_GOAL

AT_ONCE: Final = 1_000
"""Events of one partition read at once; more are read when half of that is left, so that a batch is not too small."""
IN_ALL_PARTITIONS: Final = frozenset({MARKER, RULES_CHANGED})
"""Types of what is appended to all partitions in one commit."""

PAGES = r"""
SELECT w.partition, min(e.position), string_agg(e.state, '\x0a'::bytea ORDER BY e.position)
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS w(partition, after, upto) CROSS JOIN LATERAL (
    SELECT position, state FROM events
    WHERE partition = w.partition AND position > w.after AND position <= w.upto ORDER BY position LIMIT $4
) AS e GROUP BY w.partition
"""
SPAN = "SELECT partition, b.position, g.position FROM base b JOIN goal g USING (partition) ORDER BY partition"
MOVE_BASE = """
UPDATE base b SET position = m.position
FROM unnest($1::smallint[], $2::bigint[]) AS m(partition, position) WHERE m.partition = b.partition
"""


class Replay(Protocol):
    """What a service makes of its own log again, over one connection that sees the shadow tables first."""

    async def take(self, events: Sequence[Event]) -> None:
        """Write what follows from further events in the open transaction: some by `as_of`, or one from each partition
        that was appended to all at once. After a failure the replay is worthless.
        """
        ...

    async def caught_up(self) -> None:
        """Nothing is left to be taken. Raises Refused if the live tables cannot be compared now."""
        ...


@dataclass(frozen=True)
class OrderedReadModel:
    """What a service keeps beside its log, and how it follows from the whole of it."""

    service: str
    replay: Callable[[Any], Awaitable[Replay]]
    """Given a connection (asyncpg): goes on from what the shadow tables hold."""
    tables: Mapping[str, str]
    """The tables that follow, each with the query that shows all that must be equal."""
    log_tables: Sequence[str] = ()
    """Tables of the log's own that follow too."""
    keep: str = ""
    """A statement that brings from {live} tables to {shadow} tables what no event tells."""


class Batch(NamedTuple):
    """Events to be taken next, and up to which position of each partition they go."""

    events: list[Event]
    reached: dict[int, int]


@dataclass
class _Run:
    """What is at hand of one partition."""

    taken: int
    read: int
    goal: int
    events: deque[Event] = field(default_factory=deque)

    @property
    def waits(self) -> bool:
        """Whether the next event is to be taken with those of all partitions."""
        return bool(self.events) and self.events[0].type in IN_ALL_PARTITIONS

    def known_to(self) -> int | None:
        """Up to which instant nothing can be missing; None if that is as long as anybody asks."""
        if self.read >= self.goal or any(event.type in IN_ALL_PARTITIONS for event in self.events):
            return None
        return self.events[-1].as_of

    def take(self, upto: int | None) -> list[Event]:
        """The events up to an instant, and no further than to what stands in all partitions."""
        ready = takewhile(lambda event: event.type not in IN_ALL_PARTITIONS, self.events)
        return self._pop(sum(1 for _ in takewhile(lambda event: upto is None or event.as_of <= upto, ready)))

    def take_one(self) -> list[Event]:
        """What stands in all partitions."""
        return self._pop(1)

    def _pop(self, count: int) -> list[Event]:
        self.taken += count
        return [self.events.popleft() for _ in range(count)]


class InOrder:
    """Lets a Replay take the log, between the positions in `base` and those in `goal`."""

    def __init__(self, connection: Any, archived: ArchivedLog, replay: Replay) -> None:
        self._connection = connection
        self._archived = archived
        self._replay = replay

    async def fold(self) -> AsyncIterator[int]:
        """Take all there is, each batch as one transaction; yields how many events each had."""
        await self._connection.execute(SET_GOAL)
        async for batch in self._batches():
            with collecting_later():
                async with self._connection.transaction():
                    await self._take(batch)
            yield len(batch.events)

    async def catch_up(self) -> int:
        """Take in what was appended since, in the open transaction; return how many events."""
        await self._connection.execute(SET_GOAL)
        count = 0
        async for batch in self._batches():
            await self._take(batch)
            count += len(batch.events)
        await self._replay.caught_up()
        return count

    async def _take(self, batch: Batch) -> None:
        await self._replay.take(batch.events)
        await self._connection.execute(MOVE_BASE, list(batch.reached), list(batch.reached.values()))

    async def _batches(self) -> AsyncIterator[Batch]:
        rows = await self._connection.fetch(SPAN)
        runs = {partition: _Run(base, base, goal) for partition, base, goal in rows if base < goal}
        while True:
            await self._read({partition: run for partition, run in runs.items() if len(run.events) <= AT_ONCE // 2})
            runs = {partition: run for partition, run in runs.items() if run.events}
            going = [run for run in runs.values() if not run.waits]
            if not runs:
                return
            upto = min((at for run in going if (at := run.known_to()) is not None), default=None)
            taken = [run.take(upto) for run in going] if going else [run.take_one() for run in runs.values()]
            events = sorted((event for some in taken for event in some), key=_as_of)
            yield Batch(events, {partition: run.taken for partition, run in runs.items()})

    async def _read(self, runs: Mapping[int, _Run]) -> None:
        """Read on in partitions of which little is at hand."""
        short = {partition: run for partition, run in runs.items() if run.read < run.goal}
        if not short:
            return
        spans = list(short), [run.read for run in short.values()], [run.goal for run in short.values()]
        found = {row[0]: row for row in await self._connection.fetch(PAGES, *spans, AT_ONCE, timeout=600)}
        for partition, run in short.items():
            _, first, lines = found.get(partition, (partition, min(run.goal, run.read + AT_ONCE) + 1, b""))
            events: list[Event] = []
            if first > run.read + 1:
                older = await self._archived.read(partition, run.read + 1, min(first - 1, run.read + AT_ONCE))
                events += [from_canonical_json(one.state) for one in older]
            if first == run.read + len(events) + 1:
                events += from_canonical_json_lines(lines)
            if not events:
                raise Unavailable(f"partition {partition} has nothing at position {run.read + 1}", reason="LOG_BROKEN")
            run.read += len(events)
            run.events.extend(events)


@contextmanager
def collecting_later() -> Iterator[None]:
    """Without the cycle collector: there are few cycles, and looking at all events again and again costs a third."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _as_of(event: Event) -> int:
    return event.as_of
