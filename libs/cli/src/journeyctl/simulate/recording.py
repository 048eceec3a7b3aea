"""What was recorded, spooled to files: one per partition, with an index by profile.

A spool holds what a simulation needs and no more: touchpoints, controls, and the facts of journeys, but for those that
carry a whole state.
"""

import struct
from array import array
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from cairn.event.v1.event_pb2 import Batch, Entry
from cairn_journey.engine.facts import FACTS, REVISED, SOURCE, WHOLE
from cairn_kernel.event import BROADCAST, DEFINITION_ACTIVATED, MARKER, WALKED, Event, to_msgpack
from cairn_kernel.partitions import partition_of
from cairn_kernel.two_sided import TWO_SIDED

MOMENT_REACHED: Final = "journey.moment_reached"

_LENGTH: Final = struct.Struct("<IB")
_TOUCHPOINT: Final = 0
_FACT: Final = 1
_REVISED: Final = 2
_WALK: Final = 3


class _Whose(msgspec.Struct):
    tenant: str
    profile_id: str = ""
    as_of: int = 0
    source: str = ""
    causation_id: str = ""
    definition_version: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Sides(msgspec.Struct):
    from_: str = msgspec.field(name="from")
    to: str


class _Revised(msgspec.Struct):
    as_of: int
    data: "_RevisedData"


class _RevisedData(msgspec.Struct):
    late: str


class Past(NamedTuple):
    """Everything recorded of one profile, oldest first."""

    touchpoints: list[Event]
    moments: list[Event]
    came_in: dict[str, int]
    """When events came in that took effect before others which were there already, by id (µs)."""
    stream: list[Event]
    """Touchpoints and facts of journeys, but for what a walk, a merge, a split or a late event brought about."""
    by_itself: bool
    """Whether only the customer's own events and time brought anything about, each in its turn."""
    activated: bool
    """Whether a programme's coming into force brought anything about."""


class Index(msgspec.Struct):
    """Where a profile's entries are in the spool, and what else is told in it."""

    entries: dict[str, bytes]
    ties: list[tuple[str, str]]
    """Profiles that merges and splits name together."""
    versions: list[str]
    """Of the programme, that touchpoints name."""
    step_ended: int = 0
    """When the latest step of a time-lapse ended; 0 if there was none."""
    last: int = 0
    """Greatest `as_of`."""
    walks: list[Event] = []
    """Control events that were told to many, at the instant when they were."""


_whose: Final = msgspec.msgpack.Decoder(_Whose)
_sides: Final = msgspec.msgpack.Decoder(_Sides)
_event: Final = msgspec.msgpack.Decoder(Event)
_revised: Final = msgspec.msgpack.Decoder(_Revised)
_index: Final = msgspec.msgpack.Decoder(Index)


def spool(path: Path, tenant: str, batches: Iterable[Batch], until: int | None) -> int:
    """Write a partition's spool and its index; the number of entries kept. Whole or not at all."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as out:
        spooling = _Spooling(out, tenant, until)
        for batch in batches:
            for entry in batch.entries:
                spooling.take(entry)
    draft.replace(path)
    write(path.with_suffix(".index"), spooling.index())
    return spooling.kept


class _Spooling:
    """Writes what a replay needs of one partition."""

    def __init__(self, out: IO[bytes], tenant: str, until: int | None) -> None:
        self.kept = 0
        self._out = out
        self._tenant = tenant
        self._until = until
        self._place = 0
        self._offsets: dict[str, array[int]] = {}
        self._ties: list[tuple[str, str]] = []
        self._versions: set[str] = set()
        self._step_ended = self._last = 0
        self._controls: dict[str, Event] = {}
        self._walked: set[tuple[str, str]] = set()

    def take(self, entry: Entry) -> None:
        """The next entry of the log."""
        if entry.type == MARKER:
            self._step_ended = max(self._step_ended, _whose.decode(entry.event).as_of)
        elif entry.type in WALKED:
            control = _event.decode(entry.event)
            if control.tenant == self._tenant:
                self._controls[control.id] = control
        else:
            self._take(entry, _kind(entry.type))

    def index(self) -> Index:
        """Where everything is."""
        return Index(
            {profile: places.tobytes() for profile, places in self._offsets.items()},
            self._ties,
            sorted(self._versions),
            self._step_ended,
            self._last,
            sorted(self._controls.values(), key=lambda control: (control.as_of, control.id)),
        )

    def _take(self, entry: Entry, kind: int | None) -> None:
        if kind is None and not self._controls:
            return
        whose = _whose.decode(entry.event)
        if whose.tenant != self._tenant or not whose.profile_id:
            return
        if self._until is not None and whose.as_of > self._until:
            return
        if whose.causation_id in self._controls:
            self._walk(whose)
            if whose.source == BROADCAST:
                return  # the replay tells it anew
        if kind is None:
            return
        if kind == _TOUCHPOINT and whose.source == SOURCE:
            kind = _FACT  # an event that an intervention stated
        elif entry.type in TWO_SIDED:
            sides = _sides.decode(whose.data)
            self._ties.append((sides.from_, sides.to))
        elif kind == _TOUCHPOINT:
            self._versions.add(whose.definition_version)
        self._write(whose, kind, entry.event)

    def _walk(self, whose: _Whose) -> None:
        """A control event has changed something for a profile: it was told to it then."""
        seen = (whose.profile_id, whose.causation_id)
        if seen in self._walked:
            return
        self._walked.add(seen)
        told = replace(self._controls[whose.causation_id], as_of=whose.as_of, event_time=whose.as_of)
        self._controls[whose.causation_id] = told
        self._versions.add(told.definition_version)
        self._write(whose, _WALK, to_msgpack(told))

    def _write(self, whose: _Whose, kind: int, body: bytes) -> None:
        self._out.write(_LENGTH.pack(len(body), kind) + body)
        places = self._offsets.get(whose.profile_id)
        if places is None:
            places = self._offsets[whose.profile_id] = array("Q")
        places.append(self._place)
        self._place += _LENGTH.size + len(body)
        if whose.as_of > self._last:
            self._last = whose.as_of
        self.kept += 1


def _kind(type: str) -> int | None:
    if type == REVISED:
        return _REVISED
    if type in WHOLE:
        return None
    return _FACT if type in FACTS else _TOUCHPOINT


def write(path: Path, value: Any) -> None:
    """Write a value as MessagePack, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.msgpack.encode(value))
    draft.replace(path)


def read_index(path: Path) -> Index:
    """The index of a spool."""
    return _index.decode(path.with_suffix(".index").read_bytes())


class Spool:
    """A partition's spool, opened. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.index = read_index(path)
        self._file = path.open("rb")
        self._bytes: Any = mmap(self._file.fileno(), 0, access=ACCESS_READ) if path.stat().st_size else b""

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self._bytes, mmap):
            self._bytes.close()
        self._file.close()

    def raw(self, profile_id: str) -> list[tuple[int, bytes]]:
        """A profile's entries undecoded: kind and bytes."""
        found: list[tuple[int, bytes]] = []
        places = array("Q")
        places.frombytes(self.index.entries.get(profile_id, b""))
        for place in places:
            length, kind = _LENGTH.unpack_from(self._bytes, place)
            start = place + _LENGTH.size
            found.append((kind, self._bytes[start : start + length]))
        return found


def past(entries: Iterable[tuple[int, bytes]], walks: Sequence[Event] = ()) -> Past:
    """Decode a profile's entries; `walks` are what everybody in the partition was told, if only some changed by it."""
    touchpoints: list[Event] = []
    stream: list[Event] = []
    came_in: dict[str, int] = {}
    by_itself, activated = not walks, False
    for kind, body in entries:
        if kind == _REVISED:
            revised = _revised.decode(body)
            came_in[revised.data.late] = revised.as_of
            by_itself = False
            continue
        event = _event.decode(body)
        if kind == _FACT:
            stream.append(event)
            continue
        touchpoints.append(event)
        if kind == _WALK:
            activated |= event.type == DEFINITION_ACTIVATED
            by_itself &= event.type == DEFINITION_ACTIVATED
        else:
            stream.append(event)
            by_itself &= event.type not in TWO_SIDED
    moments = [fact for fact in stream if fact.type == MOMENT_REACHED]
    if walks:
        told = {event.id for event in touchpoints if event.type in WALKED}
        for walk in walks:
            if walk.id not in told:
                insort(touchpoints, walk, key=lambda event: event.as_of)
    return Past(touchpoints, moments, came_in, stream, by_itself, activated)


class People:
    """Which profiles have to be replayed together: those that merges and splits tie to each other."""

    def __init__(self, ties: Iterable[tuple[str, str]]) -> None:
        self._into: dict[str, str] = {}
        for left, right in sorted(set(ties)):
            one, other = self.person(left), self.person(right)
            if one != other:
                self._into[max(one, other)] = min(one, other)
        self.members: dict[str, list[str]] = {}
        """Of persons with more than one profile."""
        for profile in sorted({*self._into, *self._into.values()}):
            self.members.setdefault(self.person(profile), []).append(profile)

    def person(self, profile_id: str) -> str:
        """The profile that stands for all of a person's."""
        while (into := self._into.get(profile_id)) is not None:
            profile_id = into
        return profile_id


def reading(read: Callable[[int, int], Batch | None], head: int) -> Iterator[Batch]:
    """All batches of a partition up to a position; `read` gives what follows a position, at most so many."""
    after = 0
    while after < head:
        batch = read(after, min(10_000, head - after))
        if batch is None:
            return
        yield batch
        after = batch.last


def elsewhere(people: People, tenant: str, index: Index) -> dict[int, list[str]]:
    """The profiles in a spool whose person is replayed in another partition than their own, by that partition."""
    found: dict[int, list[str]] = {}
    for person, members in people.members.items():
        target = partition_of(tenant, person)
        strangers = [each for each in members if each in index.entries and partition_of(tenant, each) != target]
        if strangers:
            found.setdefault(target, []).extend(strangers)
    return found
