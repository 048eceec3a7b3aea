"""What a store of logs promises."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from cairn_kernel.errors import Conflict
from cairn_kernel.event import Event


class Fenced(Conflict):
    """The inbox is not where the batch thought: somebody else processed it, or took over. Reload."""

    default_reason = "FENCED"


class StreamConflict(Conflict):
    """A stream already holds an event of that version."""

    default_reason = "VERSION_CONFLICT"


class InboxAdvance(NamedTuple):
    """Moves how far an upstream partition has been read, from `before` to `last`, under `epoch`.

    `before` equal to `last` moves nothing and still fences: work without input, such as a timer, uses it.
    """

    log: str
    partition: int
    before: int
    last: int
    epoch: int


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to append to a partition of the log, as version `version` (from 1) of its stream (a UUID)."""

    partition: int
    stream: str
    version: int
    event: Event


class Timer(NamedTuple):
    """Something to do with a stream at an instant (µs). Setting the same id again moves it."""

    partition: int
    stream: str
    timer_id: str
    due: int


class Snapshot(NamedTuple):
    """The state of a stream after its event `version`, in a format that only its writer reads. Never the record."""

    stream: str
    version: int
    format: str
    state: bytes
    told_from: int | None = None
    """What takes effect at this instant (µs) or later can be told anew from here; None when written: what is later than
    all that the log holds. With an instant of its own it is kept beside the newest one, which has none."""


class Loaded(NamedTuple):
    """A stream as it is: the newest snapshot of the wanted format, if there is one, and the events after it."""

    snapshot: Snapshot | None
    events: list[Event]

    @property
    def version(self) -> int:
        """Version of the stream's last event; 0 if it has none."""
        return (self.snapshot.version if self.snapshot is not None else 0) + len(self.events)


class Stored(NamedTuple):
    """An event at its place in a log."""

    position: int
    event: Event


class Committed(NamedTuple):
    """What one commit appended to one partition: consecutive positions from `first`."""

    partition: int
    first: int
    events: Sequence[Event]

    @property
    def last(self) -> int:
        """Position of the last event."""
        return self.first + len(self.events) - 1


class Head(NamedTuple):
    """End of a partition: its last position (0 if empty) and the greatest as_of in it."""

    position: int
    as_of: int


@dataclass(slots=True)
class UnitOfWork:
    """Everything one batch changes; `EventStore.commit` makes all of it so, or none."""

    inbox: list[InboxAdvance] = field(default_factory=list)
    appends: list[NewEvent] = field(default_factory=list)
    timers_set: list[Timer] = field(default_factory=list)
    timers_cancelled: list[Timer] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    rows: list[tuple[str, Sequence[Sequence[Any]]]] = field(default_factory=list)
    """Read models: a statement and the rows to execute it with. The memory store ignores them."""
    prepare: Callable[[Any], Awaitable[None]] | None = None
    """Runs inside the transaction after the inbox (asyncpg connection); may still change `appends` and `rows`."""

    @property
    def empty(self) -> bool:
        """True if a commit would change and check nothing."""
        timers = self.timers_set or self.timers_cancelled
        return not (self.inbox or self.appends or timers or self.snapshots or self.rows or self.prepare)


def columns(rows: Sequence[Sequence[Any]]) -> tuple[list[Any], ...]:
    """Rows as columns, for a statement over unnest: one execution instead of one per row. There must be a row."""
    return tuple(list(column) for column in zip(*rows, strict=True))


class EventStore(Protocol):
    """One service's log, with its inbox and timers."""

    async def commit(self, work: UnitOfWork) -> list[Committed]:
        """Do all of `work` in one transaction and return what was appended where, by ascending partition.

        Events of one partition get consecutive positions in the order of `appends`; no position is ever skipped.
        Raises Fenced if an inbox row is not at its `before` and `epoch`; StreamConflict if a stream already
        has that version; Unavailable if the outcome is unknown: read the inbox before doing anything again.
        """
        ...

    async def load(self, streams: Collection[str]) -> dict[str, list[Event]]:
        """All events of the streams, each in order of version. Unknown streams give an empty list."""
        ...

    async def load_since_snapshot(self, streams: Collection[str], format: str) -> dict[str, Loaded]:
        """The streams from their snapshots of that format on; snapshots of another format are as good as none."""
        ...

    async def load_to_tell(self, effects: Mapping[str, int], format: str) -> dict[str, Loaded]:
        """As `load_since_snapshot`, from the newest snapshot from which what takes effect at an instant (µs, by stream)
        can be told anew.
        """
        ...

    async def read(self, partition: int, after: int, limit: int) -> list[Stored]:
        """At most `limit` events of a partition with position > `after`, in order, without holes."""
        ...

    async def heads(self) -> dict[int, Head]:
        """The end of every partition."""
        ...

    async def inbox(self, log: str) -> dict[int, InboxAdvance]:
        """Where each partition of an upstream log stands: `before` and `last` both hold the position."""
        ...

    async def due_timers(self, upto: Mapping[int, int], limit: int) -> list[Timer]:
        """Of each partition at most `limit` timers due at or before its instant, by (partition, due, timer_id)."""
        ...

    async def next_due(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The earliest due instant of each partition that has a timer."""
        ...
