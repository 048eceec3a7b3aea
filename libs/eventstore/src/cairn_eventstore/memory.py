"""The store in memory, for tests: same promises, checked by the same suite; read models are ignored."""

from collections.abc import Collection, Mapping, Sequence

from cairn_eventstore.ports import (
    Committed,
    Fenced,
    Head,
    InboxAdvance,
    Loaded,
    Snapshot,
    Stored,
    StreamConflict,
    Timer,
    UnitOfWork,
)
from cairn_kernel.event import Event
from cairn_kernel.partitions import PARTITIONS


class MemoryEventStore:
    """An EventStore without a server. `UnitOfWork.rows` and `.prepare` need SQL and are not run."""

    def __init__(self) -> None:
        self._partitions: list[list[Event]] = [[] for _ in range(PARTITIONS)]
        self._streams: dict[str, dict[int, Event]] = {}
        self._inbox: dict[tuple[str, int], tuple[int, int]] = {}
        self._timers: dict[tuple[str, str], Timer] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._settled: dict[str, Snapshot] = {}

    def open_inbox(self, log: str, *, epoch: int = 0) -> None:
        """Make the inbox rows of an upstream log, or move them to an epoch, as a lease does."""
        for partition in range(PARTITIONS):
            at, _ = self._inbox.get((log, partition), (0, 0))
            self._inbox[log, partition] = (at, epoch)

    async def commit(self, work: UnitOfWork) -> list[Committed]:
        """See EventStore.commit."""
        for move in work.inbox:
            if self._inbox.get((move.log, move.partition)) != (move.before, move.epoch):
                raise Fenced("another owner has processed this batch")
        seen: set[tuple[str, int]] = set()
        for new in work.appends:
            key = (new.stream, new.version)
            if key in seen or new.version in self._streams.get(new.stream, {}):
                raise StreamConflict("a stream already has that version")
            seen.add(key)
        for move in work.inbox:
            self._inbox[move.log, move.partition] = (move.last, move.epoch)
        for timer in work.timers_cancelled:
            self._timers.pop((timer.stream, timer.timer_id), None)
        for timer in work.timers_set:
            self._timers[timer.stream, timer.timer_id] = timer
        appended: dict[int, Committed] = {}
        for new in work.appends:
            partition = self._partitions[new.partition]
            partition.append(new.event)
            self._streams.setdefault(new.stream, {})[new.version] = new.event
            run = appended.setdefault(new.partition, Committed(new.partition, len(partition), []))
            run.events.append(new.event)  # type: ignore[attr-defined]
        after = max(head.as_of for head in (await self.heads()).values()) + 1 if work.snapshots else 0
        for snapshot in work.snapshots:
            if snapshot.told_from is None:
                self._snapshots[snapshot.stream] = snapshot._replace(told_from=after)
            else:
                self._settled[snapshot.stream] = snapshot
        return [appended[partition] for partition in sorted(appended)]

    async def load(self, streams: Collection[str]) -> dict[str, list[Event]]:
        """See EventStore.load."""
        return {stream: [event for _, event in sorted(self._streams.get(stream, {}).items())] for stream in streams}

    async def load_since_snapshot(self, streams: Collection[str], format: str) -> dict[str, Loaded]:
        """See EventStore.load_since_snapshot."""
        newest = {stream: [self._snapshots[stream]] for stream in streams if stream in self._snapshots}
        return await self._loaded(streams, newest, format)

    async def load_to_tell(self, effects: Mapping[str, int], format: str) -> dict[str, Loaded]:
        """See EventStore.load_to_tell."""
        able: dict[str, list[Snapshot]] = {}
        for one in (*self._snapshots.values(), *self._settled.values()):
            if one.told_from is not None and one.told_from <= effects.get(one.stream, -1):
                able.setdefault(one.stream, []).append(one)
        return await self._loaded(effects, able, format)

    async def _loaded(
        self, streams: Collection[str], able: Mapping[str, Sequence[Snapshot]], format: str
    ) -> dict[str, Loaded]:
        found = {}
        for stream, events in (await self.load(streams)).items():
            kept = [snapshot for snapshot in able.get(stream, ()) if snapshot.format == format]
            snapshot = max(kept, key=lambda one: one.version, default=None)
            found[stream] = Loaded(snapshot, events[snapshot.version if snapshot is not None else 0 :])
        return found

    async def read(self, partition: int, after: int, limit: int) -> list[Stored]:
        """See EventStore.read."""
        events = self._partitions[partition][after : after + limit]
        return [Stored(after + index, event) for index, event in enumerate(events, start=1)]

    async def heads(self) -> dict[int, Head]:
        """See EventStore.heads."""
        return {
            partition: Head(len(events), max((event.as_of for event in events), default=0))
            for partition, events in enumerate(self._partitions)
        }

    async def inbox(self, log: str) -> dict[int, InboxAdvance]:
        """See EventStore.inbox."""
        return {
            partition: InboxAdvance(log, partition, at, at, epoch)
            for (name, partition), (at, epoch) in self._inbox.items()
            if name == log
        }

    async def due_timers(self, upto: Mapping[int, int], limit: int) -> list[Timer]:
        """See EventStore.due_timers."""
        found: list[Timer] = []
        for partition, instant in sorted(upto.items()):
            due = [timer for timer in self._timers.values() if timer.partition == partition and timer.due <= instant]
            found += sorted(due, key=lambda timer: (timer.due, timer.timer_id))[:limit]
        return found

    async def next_due(self, partitions: Collection[int]) -> Mapping[int, int]:
        """See EventStore.next_due."""
        first: dict[int, int] = {}
        for timer in self._timers.values():
            if timer.partition in partitions:
                first[timer.partition] = min(timer.due, first.get(timer.partition, timer.due))
        return first
