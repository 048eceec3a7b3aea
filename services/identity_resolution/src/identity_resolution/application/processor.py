"""Reads all partitions of `events` and writes `resolved`: live as they come, in a time-lapse step by step in order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cairn_eventstore import EventStore, InboxAdvance, NewEvent, UnitOfWork
from cairn_kernel.errors import Refused
from cairn_kernel.event import MARKER, Event, from_msgpack, marker
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_messaging import Entry
from identity_resolution.application.ports import IdentityStore, StepEvent
from identity_resolution.application.resolve_events import EventResolver

LOG: Final = "resolved"
STEP: Final = "step"
LIVE: Final = "live"
COMMANDS_AT_ONCE: Final = 20


class ResolveProcessor:
    """The one owner of `resolved`. It holds all partitions of `events`, or none.

    A marker waits at the front of its partition until all partitions have come to theirs. In a
    time-lapse the events before it are kept in a table meanwhile, so a step may be of any size;
    then they are taken from there in order, some at a time, and at last the markers are passed on.
    """

    def __init__(
        self, log: EventStore, identities: IdentityStore, resolver: EventResolver, batch_max_events: int
    ) -> None:
        self._log = log
        self._identities = identities
        self._resolver = resolver
        self._batch_max_events = batch_max_events
        self._inbox: dict[int, InboxAdvance] = {}
        self._mode = LIVE
        self._next_mode = LIVE
        self.commands_wait = False
        """Set by whoever sees that commands wait; they are then taken with the next batch."""
        self.wake: Callable[[], None] = _nobody_to_wake
        """Asks to be called soon; set by whoever runs it."""
        self._gave_way = False

    @property
    def owns(self) -> bool:
        """Whether this replica holds the partitions."""
        return bool(self._inbox)

    async def process(self, entries: Mapping[int, Sequence[Entry]], work: UnitOfWork) -> dict[int, int]:
        """See cairn_runtime.Processor. Commands go first, in a batch of their own."""
        if self.commands_wait:
            await self._obey(work)
            return {}
        if self._resolver.changes_rules and (self._mode == STEP or not entries or not self._gave_way):
            self._gave_way = True
            await self._resolver.change_rules(work)
            work.inbox.append(self._inbox[0])  # nothing is read, yet a stale owner must be fenced
            return {}
        self._gave_way = False
        taken = {partition: _before_marker(run) for partition, run in entries.items()}
        decoded = [
            (from_msgpack(entry.body), entry.body)
            for partition, run in entries.items()
            for entry in run[: taken[partition]]
        ]
        if decoded and self._mode == STEP:
            self._identities.keep_step_events(work, [StepEvent(*item) for item in decoded])
        elif decoded:
            events = [event for event, _ in decoded]
            events.sort(key=_arrival)
            await self._resolver.resolve(events, work)
        elif len(entries) == PARTITIONS:
            return await self._end_step(
                {partition: from_msgpack(run[0].body) for partition, run in entries.items()}, work
            )
        return taken

    async def tick(self, upto: Mapping[int, int], work: UnitOfWork) -> bool:
        """See cairn_runtime.Processor. The timers are those of statements that expire."""
        await self._resolver.expire(min(upto.values()), work)
        return False

    async def gained(self, partitions: Mapping[int, InboxAdvance]) -> None:
        """See cairn_runtime.Processor."""
        self._inbox = dict(partitions)
        await self._resolver.forget({partition: head.as_of for partition, head in (await self._log.heads()).items()})
        stream = _marker_stream(0)
        passed = (await self._log.load([stream]))[stream]
        self._mode = self._next_mode = str(passed[-1].data["mode"]) if passed else LIVE
        if self._resolver.changes_rules:
            self.wake()

    async def lost(self, partitions: set[int]) -> None:
        """See cairn_runtime.Processor."""
        self._inbox.clear()

    def committed(self, work: UnitOfWork) -> None:
        """See cairn_runtime.Processor."""
        for move in work.inbox:
            self._inbox[move.partition] = move._replace(before=move.last)
        self._mode = self._next_mode
        self._resolver.committed()
        if self._resolver.changes_rules:
            self.wake()

    async def _obey(self, work: UnitOfWork) -> None:
        """Do what was asked for. In a time-lapse it happens at the virtual instant that the log has come to."""
        pending = await self._identities.pending(COMMANDS_AT_ONCE)
        self.commands_wait = len(pending) == COMMANDS_AT_ONCE
        for one in pending:
            at = self._resolver.now if self._mode == STEP else max(one.at, self._resolver.now)
            await self._resolver.obey(one, at, work)
        if pending:
            work.inbox.append(self._inbox[0])  # nothing is read, yet a stale owner must be fenced

    async def _end_step(self, markers: Mapping[int, Event], work: UnitOfWork) -> dict[int, int]:
        """Take the next events of the step; after the last ones pass the markers on."""
        if len({(event.data["step"], event.data["mode"]) for event in markers.values()}) != 1:
            raise Refused("the markers of the partitions do not belong together", reason="MARKERS_DIFFER")
        events = await self._identities.step_events(self._batch_max_events)
        if events:
            await self._resolver.resolve(events, work)
            self._identities.drop_step_events(work, events)
        if len(events) == self._batch_max_events:
            work.inbox.append(self._inbox[0])  # nothing is read, yet a stale owner must be fenced
            return dict.fromkeys(markers, 0)
        await self._resolver.expire(markers[0].as_of, work)
        for partition, event in sorted(markers.items()):
            step, mode = int(event.data["step"]), str(event.data["mode"])
            own = marker(LOG, partition, step=step, at=event.as_of, mode=mode)
            work.appends.append(NewEvent(partition, _marker_stream(partition), step + 1, own))
            self._next_mode = mode
        return dict.fromkeys(markers, 1)


def _nobody_to_wake() -> None:
    """Nobody runs it."""


def _before_marker(run: Sequence[Entry]) -> int:
    return next((index for index, entry in enumerate(run) if entry.type == MARKER), len(run))


def _arrival(event: Event) -> int:
    return event.as_of


def _marker_stream(partition: int) -> str:
    return stable_id("markers", LOG, partition)
