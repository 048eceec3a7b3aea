"""The processor of services that keep one stream per profile: loading, faults, merges, splits, markers, timers."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

import asyncpg
import structlog

from cairn_eventstore import EventStore, InboxAdvance, Loaded, NewEvent, Timer, UnitOfWork
from cairn_kernel.errors import CairnError
from cairn_kernel.event import MARKER, MERGED, WALKED, Event, from_msgpack, marker
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.stored_types import CONTROLS, NewerVersion, StoredTypes
from cairn_kernel.stretch import Revision, Stretch
from cairn_kernel.two_sided import TWO_SIDED, other_copy, waits_for
from cairn_messaging import Entry
from cairn_runtime import metrics
from cairn_runtime.parking import Parking, Place
from cairn_runtime.snapshots import EVERY, Snapshots
from cairn_runtime.walks import Walk

log = structlog.get_logger()

S = TypeVar("S")

DUE_LIMIT: Final = 1_000
"""Timers fired in one transaction."""


class ProfileDomain(Protocol[S]):
    """The pure part of a service that keeps one stream per profile."""

    def handles(self, type: str) -> bool:
        """Whether inputs of this type matter; others are skipped without being decoded."""
        ...

    def initial(self, tenant: str, profile_id: str) -> S:
        """The state of a profile nothing is known of."""
        ...

    def evolve(self, state: S, event: Event) -> S:
        """Fold one fact of the profile's own stream. Total; never raises."""
        ...

    def fold(self, state: S, events: Iterable[Event]) -> S:
        """Fold many facts, as evolve folds one."""
        ...

    def handle(self, state: S, event: Event) -> tuple[list[Event], S]:
        """Facts that an input causes, due timers first, and the state after them (the fold of evolve)."""
        ...

    def tick(self, state: S, upto: int) -> tuple[list[Event], S]:
        """Facts of the timers due at or before an instant."""
        ...

    def timers(self, state: S) -> Mapping[str, int]:
        """Armed timers: id to due instant (µs)."""
        ...

    def unite(
        self, state: S, merged: Event, history: Sequence[Event], loser_history: Sequence[Event]
    ) -> tuple[list[Event], S]:
        """The survivor takes in the loser's closed stream."""
        ...

    def close(self, state: S, merged: Event) -> tuple[list[Event], S]:
        """The loser's last facts."""
        ...

    def give(self, state: S, split: Event, history: Sequence[Event]) -> tuple[list[Event], S]:
        """The profile was two people: what belongs to the other one leaves."""
        ...

    def receive(
        self, state: S, split: Event, history: Sequence[Event], giver: Sequence[Event]
    ) -> tuple[list[Event], S]:
        """The profile, new or once merged, takes what is its own from the giver's stream, which has given it."""
        ...


@runtime_checkable
class Filling(Protocol[S]):
    """A domain in which a walk may need what a profile's stream tells of the past."""

    def wants_history(self, state: S, event: Event) -> bool:
        """Whether the walk needs the whole stream. Cheap: asked of every profile visited."""
        ...

    def walk(self, state: S, event: Event, history: Sequence[Event]) -> tuple[list[Event], S]:
        """As a walk, with the whole stream."""
        ...


@runtime_checkable
class Revising(Protocol[S]):
    """A domain in which an event may come after what it should have preceded."""

    def disordered(self, state: S, event: Event) -> bool:
        """Whether the event can only be taken in with the past at hand. Cheap: asked of every event."""
        ...

    def takes_effect(self, state: S, event: Event) -> int:
        """The instant (µs) from which on such an event may change what was."""
        ...

    def revise_from(self, state: S, event: Event, stretch: Stretch[S]) -> Revision[S] | None:
        """Take such an event in; None if the stretch begins too late for that, which the whole stream never does."""
        ...


@dataclass(slots=True)
class _Read(Generic[S]):
    """The end of a stream, read for late events, and how far it has been followed since."""

    version: int
    """Of the last event before it."""
    stretch: Stretch[S]
    facts: int = 0
    """So many facts of the batch are in it."""


@dataclass(slots=True)
class _Profile(Generic[S]):
    partition: int
    tenant: str
    version: int
    state: S
    armed: dict[str, int]
    """Timers as they are stored: none is stored later than it is due, but one that was put off may be earlier."""
    snapshot: int
    """Version of the newest snapshot; 0 if there is none."""
    unreadable: NewerVersion | None = None


@dataclass(slots=True)
class Change(Generic[S]):
    """What one batch did to one profile."""

    partition: int
    tenant: str
    profile_id: str
    known: int
    """Version of the stream before."""
    version: int
    before: S
    state: S
    facts: list[Event]


@dataclass(slots=True)
class _BatchState(Generic[S]):
    counts: dict[int, int] = field(default_factory=dict)
    changes: dict[str, Change[S]] = field(default_factory=dict)
    facts: list[tuple[str, Event]] = field(default_factory=list)
    """(stream, fact) in the order in which they came about."""
    markers: list[NewEvent] = field(default_factory=list)
    parked: set[str] = field(default_factory=set)
    redriven: dict[str, None] = field(default_factory=dict)
    rang: list[Timer] = field(default_factory=list)
    """Stored timers whose time has come."""
    read: Mapping[str, _Read[S]] = field(default_factory=dict)
    """The ends of streams in which events are late."""
    settled: dict[str, _Read[S]] = field(default_factory=dict)
    """The same without what nothing can precede any more."""


class _PastWanted(Exception):
    """An event came out of order: the batch is begun again with its stream at hand, if need be with all of it."""

    def __init__(self, stream: str, *, whole: bool) -> None:
        super().__init__(stream)
        self.stream = stream
        self.whole = whole


class _DomainFault(Exception):
    def __init__(self, stream: str, event_id: str, cause: Exception) -> None:
        super().__init__(stream)
        self.stream = stream
        self.event_id = event_id
        self.cause = cause


def _history(stream: str, batch: _BatchState[Any], histories: Mapping[str, Sequence[Event]]) -> Sequence[Event]:
    """All facts of a stream, those of this batch included."""
    stored = histories.get(stream, ())
    change = batch.changes.get(stream)
    return stored if change is None else [*stored, *change.facts]


HISTORIES: Final = 50
"""So many whole streams are held at once while a walk fills in from the past."""


def nothing_follows(state: S, event: Event) -> tuple[list[Event], S]:
    """What a walk does in a service that is concerned by none."""
    return [], state


Project = Callable[[UnitOfWork, Sequence[Change[S]]], None]


class ProfileProcessor(Generic[S]):
    """A Processor around a ProfileDomain."""

    def __init__(
        self,
        *,
        log_name: str,
        domain: ProfileDomain[S],
        store: EventStore,
        pool: asyncpg.Pool,
        cache_profiles: int,
        project: Project[S] | None = None,
        walk: Callable[[S, Event], tuple[list[Event], S]] = nothing_follows,
        stored: StoredTypes = CONTROLS,
        snapshots: Snapshots[S] | None = None,
    ) -> None:
        """`project` adds read-model rows for what a batch changed; `stored` is what can be read.

        `walk` gives the facts that a control event (WALKED) causes for one profile, due timers first, and the state
        after them; as the domain's `handle`, for what concerns many profiles at once.
        """
        self._log = log_name
        self._domain = domain
        self._revising: Revising[S] | None = domain if isinstance(domain, Revising) else None
        self._filling: Filling[S] | None = domain if isinstance(domain, Filling) else None
        self._store = store
        self._cache: OrderedDict[str, _Profile[S]] = OrderedDict()
        self._cache_profiles = cache_profiles
        self._project = project
        self._walk = walk
        self._stored = stored
        self._snapshots = snapshots
        self._parking = Parking(pool)

    async def gained(self, partitions: Mapping[int, InboxAdvance]) -> set[int]:
        """See Processor.gained."""
        await self.lost(set(partitions))
        await self._parking.load(partitions)
        return set(self._parking.to_redrive.values())

    async def lost(self, partitions: set[int]) -> None:
        """See Processor.lost."""
        for stream in [stream for stream, profile in self._cache.items() if profile.partition in partitions]:
            del self._cache[stream]
        self._parking.forget(partitions)

    def committed(self, work: UnitOfWork) -> None:
        """See Processor.committed."""
        self._parking.clear_faults()
        while len(self._cache) > self._cache_profiles:
            self._cache.popitem(last=False)

    async def process(self, entries: Mapping[int, Sequence[Entry]], work: UnitOfWork) -> dict[int, int]:
        """See Processor.process."""
        decoded = self._decode(entries)
        markers = {partition: run[0][1] for partition, run in decoded.items() if run and run[0][1].type == MARKER}
        inputs = [event for run in decoded.values() for _, event in run if event.profile_id]
        await self._load({event.profile_id: event.tenant for event in inputs})
        histories = await self._histories(inputs)
        read = await self._read_ends(inputs)
        while True:
            batch: _BatchState[S] = _BatchState(read=read)
            attempt = UnitOfWork()
            try:
                await self._pass_markers(markers, batch, attempt)
                self._fold(
                    {p: run for p, run in decoded.items() if p not in markers}, entries, batch, attempt, histories
                )
                break
            except _PastWanted as wanted:
                effect = 0 if wanted.whole else self._earliest(wanted.stream, inputs)
                read |= await self._read({wanted.stream: effect})
                await self._begin_again({wanted.stream}, batch)
            except _DomainFault as fault:
                await self._note_fault(fault, batch)
        self._parking.check(batch.parked, sum(batch.counts.values()))
        self._finish(batch, work)
        work.rows += attempt.rows
        return batch.counts

    async def tick(self, upto: Mapping[int, int], work: UnitOfWork) -> bool:
        """See Processor.tick."""
        while True:
            batch: _BatchState[S] = _BatchState()
            attempt = UnitOfWork()
            try:
                for stream, partition in list(self._parking.to_redrive.items()):
                    if partition in upto:
                        await self._redrive(stream, partition, batch, attempt)
                more = bool(await self._fire(upto, batch, attempt))
                break
            except _DomainFault as fault:
                await self._note_fault(fault, batch)
        self._finish(batch, work)
        work.rows += attempt.rows
        return more

    async def walk(self, pages: Sequence[tuple[Walk, Sequence[str]]], work: UnitOfWork) -> list[int]:
        """Tell profiles of walks; return for how many of each page something followed."""
        await self._load({stream: walk.tenant for walk, streams in pages for stream in streams})
        while True:
            batch: _BatchState[S] = _BatchState()
            attempt = UnitOfWork()
            try:
                for walk, streams in pages:
                    place = Place(walk.after or 0, walk.ordinal)
                    for start in range(0, len(streams), HISTORIES):
                        few = streams[start : start + HISTORIES]
                        histories = await self._wanted(walk.event, few)
                        for stream in few:
                            self._input(stream, walk.partition, place, walk.event, batch, attempt, histories)
                break
            except _DomainFault as fault:
                await self._note_fault(fault, batch)
        self._parking.check(batch.parked, sum(len(streams) for _, streams in pages))
        self._finish(batch, work)
        work.rows += attempt.rows
        return [sum(stream in batch.changes for stream in streams) for _, streams in pages]

    async def _wanted(self, event: Event, streams: Sequence[str]) -> Mapping[str, Sequence[Event]]:
        """The streams of those profiles that a walk needs the past of."""
        if self._filling is None:
            return {}
        wanted = [one for one in streams if self._filling.wants_history(self._cache[one].state, event)]
        return await self._store.load(wanted) if wanted else {}

    def _decode(self, entries: Mapping[int, Sequence[Entry]]) -> dict[int, list[tuple[int, Event]]]:
        """(index in the run, event) of what matters, each run up to its first marker, or the marker alone."""
        handles = self._domain.handles
        decoded: dict[int, list[tuple[int, Event]]] = {}
        for partition, run in entries.items():
            kept = decoded[partition] = []
            for index, entry in enumerate(run):
                if entry.type == MARKER:
                    if index == 0:
                        kept.append((0, from_msgpack(entry.body)))
                    break
                if entry.type in TWO_SIDED or handles(entry.type):
                    kept.append((index, from_msgpack(entry.body)))
        return decoded

    def _fold(
        self,
        runs: Mapping[int, Sequence[tuple[int, Event]]],
        entries: Mapping[int, Sequence[Entry]],
        batch: _BatchState[S],
        work: UnitOfWork,
        histories: Mapping[str, Sequence[Event]],
    ) -> None:
        """Handle the runs of all partitions, as far as none has to wait, and note how many entries were taken.

        A partition that waits for a merge's or split's other side goes on in the next round if another brought it.
        """
        reached = dict.fromkeys(runs, 0)
        moving = True
        while moving:
            moving = False
            for partition, run in runs.items():
                before = reached[partition]
                while reached[partition] < len(run):
                    index, event = run[reached[partition]]
                    if not self._take(partition, entries[partition][index].position, event, batch, work, histories):
                        break
                    reached[partition] += 1
                moving |= reached[partition] > before and bool(histories)
        for partition, run in runs.items():
            if reached[partition] < len(run):
                metrics.MERGE_WAITS.inc()
                batch.counts[partition] = run[reached[partition]][0]
            else:
                own = entries[partition]
                end = (index for index, entry in enumerate(own) if entry.type == MARKER)
                batch.counts[partition] = next(end, len(own))

    def _take(
        self,
        partition: int,
        position: int,
        event: Event,
        batch: _BatchState[S],
        work: UnitOfWork,
        histories: Mapping[str, Sequence[Event]],
    ) -> bool:
        """Handle one input, or let it wait with its parked profile; False if it must wait where it is."""
        stream, parking = event.profile_id, self._parking
        if stream not in parking and self._must_wait(event, batch, histories) and not parking.waited_too_long(event):
            return False
        self._input(stream, partition, Place(position), event, batch, work, histories)
        return True

    def _input(
        self,
        stream: str,
        partition: int,
        place: Place,
        event: Event,
        batch: _BatchState[S],
        work: UnitOfWork,
        histories: Mapping[str, Sequence[Event]],
    ) -> None:
        parking = self._parking
        if stream not in parking:
            if not parking.failed_on(stream, event.id):
                self._apply(stream, partition, event, batch, histories)
                return
            self._park(stream, partition, batch, work)
        parking.defer(stream, partition, place, event, work)

    def _must_wait(self, event: Event, batch: _BatchState[S], histories: Mapping[str, Sequence[Event]]) -> bool:
        """Whether a merge or split has to wait, since the other profile's stream has not told its side yet."""
        first = waits_for(event) if event.type in TWO_SIDED else ""
        if not first or other_copy(event, _history(first, batch, histories)) is not None:
            self._parking.stop_waiting(event.id)
            return False
        return True

    async def _redrive(self, stream: str, partition: int, batch: _BatchState[S], work: UnitOfWork) -> None:
        """Handle what waits for a parked profile, up to what fails again."""
        waiting = await self._parking.deferred(stream)
        events = [event for _, event in waiting]
        await self._load({stream: events[0].tenant if events else ""})
        self._cache[stream].armed = {}  # parking disarmed them
        histories = await self._histories(events) | await self._store.load([stream])
        batch.read = {**batch.read, stream: self._whole(stream, histories[stream])}
        handled = []
        for place, event in waiting:
            if self._must_wait(event, batch, histories):
                self._parking.note_other_side_missing(event)
            if self._parking.failed_on(stream, event.id):
                break
            self._apply(stream, partition, event, batch, histories)
            handled.append(place)
        self._parking.taken_up(stream, handled, all_of_it=len(handled) == len(waiting), work=work)
        batch.redriven[stream] = None
        if len(handled) < len(waiting):
            self._park(stream, partition, batch, work)

    def _park(self, stream: str, partition: int, batch: _BatchState[S], work: UnitOfWork) -> None:
        batch.parked.add(stream)
        self._parking.park(stream, partition, self._cache[stream].tenant, work)

    def _apply(
        self, stream: str, partition: int, event: Event, batch: _BatchState[S], histories: Mapping[str, Sequence[Event]]
    ) -> None:
        profile = self._cache[stream]
        try:
            event = self._readable(profile, event)
            if event.type in WALKED and self._filling is not None and stream in histories:
                facts, state = self._filling.walk(profile.state, event, self._known(stream, batch, histories))
            elif event.type in WALKED:
                facts, state = self._walk(profile.state, event)
            elif event.type not in TWO_SIDED:
                facts, state = self._handle(profile.state, event, batch)
            else:
                facts, state = self._two_sided(profile.state, event, batch, histories)
        except _PastWanted:
            raise
        except Exception as error:
            raise _DomainFault(stream, event.id, error) from error
        self._note(stream, partition, facts, state, batch)

    def _handle(self, state: S, event: Event, batch: _BatchState[S]) -> tuple[list[Event], S]:
        if self._revising is None or not self._revising.disordered(state, event):
            return self._domain.handle(state, event)
        stream = event.profile_id
        if stream not in batch.read:
            raise _PastWanted(stream, whole=False)
        revision = self._revise(self._revising, state, event, batch)
        if revision is None:
            raise _PastWanted(stream, whole=True)
        metrics.LATE.inc()
        return revision.facts, revision.state

    def _revise(self, revising: Revising[S], state: S, event: Event, batch: _BatchState[S]) -> Revision[S] | None:
        """Take a late event in with what was read, best without what is settled; None if more must be read."""
        stream = event.profile_id
        change = batch.changes.get(stream)
        facts = change.facts if change is not None else []
        for read in (batch.settled.get(stream), batch.read[stream]):
            if read is None:
                continue
            version, (begin, told_from, events), seen = read.version, read.stretch, read.facts
            events = self._stored.all_newest([*events, *facts[seen:]])
            revision = revising.revise_from(state, event, Stretch(begin, told_from, events))
            if revision is not None:
                version += len(events) - len(revision.settled.events)
                batch.settled[stream] = _Read(version, revision.settled, len(facts))
                return revision
        return None

    def _known(self, stream: str, batch: _BatchState[S], histories: Mapping[str, Sequence[Event]]) -> Sequence[Event]:
        """All facts of a stream, in their newest versions. Raises NewerVersion."""
        return self._stored.all_newest(_history(stream, batch, histories))

    def _two_sided(
        self, state: S, event: Event, batch: _BatchState[S], histories: Mapping[str, Sequence[Event]]
    ) -> tuple[list[Event], S]:
        domain, own, first = self._domain, self._known(event.profile_id, batch, histories), waits_for(event)
        other = self._known(first, batch, histories) if first else ()
        if event.type == MERGED:
            return domain.unite(state, event, own, other) if first else domain.close(state, event)
        return domain.receive(state, event, own, other) if first else domain.give(state, event, own)

    def _readable(self, profile: _Profile[S], event: Event) -> Event:
        """The event in its newest version. Raises NewerVersion if it, or its profile's stream, is newer than we are."""
        if profile.unreadable is not None:
            raise profile.unreadable
        return self._stored.newest(event)

    def _note(self, stream: str, partition: int, facts: list[Event], state: S, batch: _BatchState[S]) -> None:
        profile = self._cache[stream]
        before, profile.state = profile.state, state
        if not facts:
            return
        change = batch.changes.get(stream)
        if change is None:
            version = profile.version
            change = batch.changes[stream] = Change(
                partition, profile.tenant, stream, version, version, before, state, []
            )
        batch.facts.extend((stream, fact) for fact in facts)
        change.facts.extend(facts)
        change.state = state

    def _finish(self, batch: _BatchState[S], work: UnitOfWork) -> None:
        """Put what the batch caused into the unit of work and bring the cache up to it."""
        for stream, fact in batch.facts:
            change = batch.changes[stream]
            change.version += 1
            work.appends.append(NewEvent(change.partition, stream, change.version, fact))
        work.appends += batch.markers
        for stream, change in batch.changes.items():
            profile = self._cache[stream]
            profile.version = change.version
            if self._snapshots is not None and change.version >= profile.snapshot + EVERY:
                work.snapshots.append(self._snapshots.make(stream, change.version, change.tenant, change.state))
                profile.snapshot = change.version
        for stream, settled in batch.settled.items():
            self._keep_settled(stream, settled, batch, work)
        for stream in {**batch.changes, **batch.redriven}:
            self._keep_timers(stream, work)
        for timer in batch.rang:
            self._put_off(timer, work)
        if self._project is not None and batch.changes:
            self._project(work, list(batch.changes.values()))

    def _keep_settled(self, stream: str, settled: _Read[S], batch: _BatchState[S], work: UnitOfWork) -> None:
        """Write the state that late events are told from if the next one would read many events less."""
        if self._snapshots is not None and settled.version >= batch.read[stream].version + EVERY:
            (state, told_from, _), tenant = settled.stretch, self._cache[stream].tenant
            work.snapshots.append(self._snapshots.make(stream, settled.version, tenant, state, told_from))

    def _keep_timers(self, stream: str, work: UnitOfWork) -> None:
        """Store the timers that are new or earlier than stored; one that was put off is stored when it rings."""
        profile = self._cache[stream]
        armed = self._domain.timers(profile.state)
        if armed == profile.armed:
            return
        where = (profile.partition, stream)
        for key, due in armed.items():
            if due < profile.armed.get(key, due + 1):
                work.timers_set.append(Timer(*where, key, due))
                profile.armed[key] = due
        for key in profile.armed.keys() - armed.keys():
            work.timers_cancelled.append(Timer(*where, key, profile.armed.pop(key)))

    def _put_off(self, timer: Timer, work: UnitOfWork) -> None:
        """Store a timer that rang for the instant at which it is due now, or let it go."""
        profile = self._cache[timer.stream]
        due = self._domain.timers(profile.state).get(timer.timer_id)
        if due is None:
            profile.armed.pop(timer.timer_id, None)
            work.timers_cancelled.append(timer)
        elif due > timer.due:
            work.timers_set.append(timer._replace(due=due))
            profile.armed[timer.timer_id] = due

    async def _pass_markers(self, markers: Mapping[int, Event], batch: _BatchState[S], work: UnitOfWork) -> None:
        """Fire what is due in the step and pass its markers on, but for those that have to wait for more timers."""
        if not markers:
            return
        unfinished = await self._fire({partition: event.as_of for partition, event in markers.items()}, batch, work)
        for partition, event in markers.items():
            batch.counts[partition] = int(partition not in unfinished)
            if partition in unfinished:
                continue
            step = int(event.data["step"])
            own = marker(self._log, partition, step=step, at=event.as_of, mode=str(event.data["mode"]))
            batch.markers.append(NewEvent(partition, stable_id("markers", self._log, partition), step + 1, own))

    async def _fire(self, upto: Mapping[int, int], batch: _BatchState[S], work: UnitOfWork) -> set[int]:
        """Fire the timers of partitions; return the partitions that may have more."""
        due = await self._store.due_timers(upto, DUE_LIMIT)
        streams = {timer.stream: timer.partition for timer in due if timer.stream not in self._parking}
        await self._load(dict.fromkeys(streams, ""))
        for stream, partition in streams.items():
            if self._parking.failed_on(stream, stream):
                self._park(stream, partition, batch, work)
                continue
            profile = self._cache[stream]
            try:
                if profile.unreadable is not None:
                    raise profile.unreadable
                facts, state = self._domain.tick(profile.state, upto[partition])
            except Exception as error:
                raise _DomainFault(stream, stream, error) from error
            self._note(stream, partition, facts, state, batch)
        batch.rang += [timer for timer in due if timer.stream not in self._parking]
        full = Counter(timer.partition for timer in due)
        return {partition for partition, count in full.items() if count == DUE_LIMIT} & set(streams.values())

    async def _load(self, wanted: Mapping[str, str]) -> None:
        """Bring the states of profiles (id to tenant) into the cache: one query for those not there."""
        missing = [stream for stream in wanted if stream not in self._cache]
        for stream in wanted:
            if stream in self._cache:
                self._cache.move_to_end(stream)
        if not missing:
            return
        format = self._snapshots.format if self._snapshots is not None else ""
        for stream, loaded in (await self._store.load_since_snapshot(missing, format)).items():
            self._cache[stream] = await self._profile(stream, wanted[stream], loaded)

    async def _profile(self, stream: str, tenant: str, loaded: Loaded) -> _Profile[S]:
        """A profile as it is stored."""
        snapshot, events = loaded
        state = None
        if snapshot is not None and self._snapshots is not None:
            kept = self._snapshots.read(snapshot)
            if kept is None:
                snapshot, events = None, (await self._store.load([stream]))[stream]
            else:
                tenant, state = kept
        tenant = events[0].tenant if events else tenant
        before = self._domain.initial(tenant, stream) if state is None else state
        unreadable = None
        try:
            before = self._domain.fold(before, map(self._stored.newest, events))
        except NewerVersion as error:
            unreadable = error
        return _Profile(
            partition_of(tenant, stream),
            tenant,
            loaded.version,
            before,
            dict(self._domain.timers(before)),
            snapshot.version if snapshot is not None else 0,
            unreadable,
        )

    async def _histories(self, inputs: Iterable[Event]) -> dict[str, list[Event]]:
        """The streams that merges and splits need."""
        sides = {str(event.data[side]) for event in inputs if event.type in TWO_SIDED for side in ("from", "to")}
        return await self._store.load(sides) if sides else {}

    async def _read_ends(self, inputs: Sequence[Event]) -> dict[str, _Read[S]]:
        """What late events need of their streams; of those that only the batch makes late, later."""
        revising, cache = self._revising, self._cache
        if revising is None:
            return {}
        late = {
            event.profile_id
            for event in inputs
            if event.type not in TWO_SIDED and event.type not in WALKED
            if revising.disordered(cache[event.profile_id].state, event)
        }
        return await self._read({stream: self._earliest(stream, inputs) for stream in late}) if late else {}

    def _earliest(self, stream: str, inputs: Iterable[Event]) -> int:
        """The first instant at which any of the inputs changes what was of a stream."""
        if self._revising is None:
            return 0
        state = self._cache[stream].state
        return min(self._revising.takes_effect(state, event) for event in inputs if event.profile_id == stream)

    async def _read(self, effects: Mapping[str, int]) -> dict[str, _Read[S]]:
        """The ends of streams that tell anew what takes effect at an instant, by stream."""
        format = self._snapshots.format if self._snapshots is not None else ""
        found = {}
        for stream, (snapshot, events) in (await self._store.load_to_tell(effects, format)).items():
            kept = self._snapshots.read(snapshot) if snapshot is not None and self._snapshots is not None else None
            if snapshot is not None and kept is not None:
                found[stream] = _Read(snapshot.version, Stretch(kept[1], snapshot.told_from or 0, events))
            else:
                whole = events if snapshot is None else (await self._store.load([stream]))[stream]
                found[stream] = self._whole(stream, whole)
            metrics.LATE_READ.inc(len(found[stream].stretch.events))
        return found

    def _whole(self, stream: str, events: Sequence[Event]) -> _Read[S]:
        return _Read(0, Stretch(self._domain.initial(self._cache[stream].tenant, stream), 0, events))

    async def _note_fault(self, fault: _DomainFault, batch: _BatchState[S]) -> None:
        """Remember whose input failed, and begin again."""
        cause = fault.cause
        log.error("profile.faulty", profile_id=fault.stream, event_id=fault.event_id, exc_info=cause)
        reason = cause.reason if isinstance(cause, CairnError) else type(cause).__name__
        if isinstance(cause, NewerVersion):
            metrics.UNKNOWN_VERSIONS.labels(cause.facts["type"]).inc()
            log.error("event.version_unknown", profile_id=fault.stream, event_id=fault.event_id, **cause.facts)
        self._parking.note_fault(fault.stream, fault.event_id, reason)
        await self._begin_again({fault.stream}, batch)

    async def _begin_again(self, streams: set[str], batch: _BatchState[S]) -> None:
        """Load afresh what this attempt changed in memory."""
        self._parking.unpark(batch.parked)
        touched = {*batch.changes, *streams}
        tenants = {stream: self._cache[stream].tenant for stream in touched}
        for stream in touched:
            del self._cache[stream]
        await self._load(tenants)
