"""What was recorded, spooled to files: one per partition, with an index by profile.

A spool holds what a replay needs and no more: touchpoints, controls, and of the facts of journeys only the moments (to
check the replay against). Everything else follows.
"""

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from cairn.event.v1.event_pb2 import Batch
from cairn_journey.facts import FACTS, REVISED, SOURCE
from cairn_kernel.event import DEFINITION_ACTIVATED, MARKER, Event
from cairn_kernel.partitions import partition_of
from cairn_kernel.two_sided import TWO_SIDED

MOMENT_REACHED: Final = "journey.moment_reached"

_LENGTH: Final = struct.Struct("<IB")
_TOUCHPOINT: Final = 0
_MOMENT: Final = 1
_REVISED: Final = 2
_NOBODYS: Final = frozenset({MARKER, DEFINITION_ACTIVATED})


class _Whose(msgspec.Struct):
    tenant: str
    profile_id: str = ""
    as_of: int = 0
    source: str = ""
    definition_version: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Sides(msgspec.Struct):
    from_: str = msgspec.field(name="from")
    to: str


class Recorded(msgspec.Struct):
    """A moment as it was recorded."""

    as_of: int
    data: "RecordedData"
    definition_version: str = ""


class RecordedData(msgspec.Struct):
    """Its id."""

    moment_id: str


class _Revised(msgspec.Struct):
    as_of: int
    data: "_RevisedData"


class _RevisedData(msgspec.Struct):
    late: str


class Past(NamedTuple):
    """Everything recorded of one profile, oldest first."""

    touchpoints: list[Event]
    moments: list[Recorded]
    came_in: dict[str, int]
    """When events came in that took effect before others which were there already, by id (µs)."""


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


_whose: Final = msgspec.msgpack.Decoder(_Whose)
_sides: Final = msgspec.msgpack.Decoder(_Sides)
_event: Final = msgspec.msgpack.Decoder(Event)
_moment: Final = msgspec.msgpack.Decoder(Recorded)
_revised: Final = msgspec.msgpack.Decoder(_Revised)
_index: Final = msgspec.msgpack.Decoder(Index)


def spool(path: Path, tenant: str, batches: Iterable[Batch], until: int | None) -> int:
    """Write a partition's spool and its index; the number of entries kept. Whole or not at all."""
    offsets: dict[str, array[int]] = {}
    ties: list[tuple[str, str]] = []
    versions: set[str] = set()
    place = kept = step_ended = last = 0
    draft = path.with_suffix(".new")
    with draft.open("wb") as out:
        for batch in batches:
            for entry in batch.entries:
                kind = _kind(entry.type)
                if entry.type == MARKER:
                    step_ended = max(step_ended, _whose.decode(entry.event).as_of)
                if kind is None:
                    continue
                whose = _whose.decode(entry.event)
                if kind == _TOUCHPOINT and whose.source == SOURCE:
                    continue  # an event that an intervention stated: the replay states it itself
                if whose.tenant != tenant or not whose.profile_id or (until is not None and whose.as_of > until):
                    continue
                if entry.type in TWO_SIDED:
                    sides = _sides.decode(whose.data)
                    ties.append((sides.from_, sides.to))
                out.write(_LENGTH.pack(len(entry.event), kind))
                out.write(entry.event)
                offsets.setdefault(whose.profile_id, array("Q")).append(place)
                place += _LENGTH.size + len(entry.event)
                versions.add(whose.definition_version)
                last = max(last, whose.as_of)
                kept += 1
    draft.replace(path)
    index = Index(
        {profile: places.tobytes() for profile, places in offsets.items()}, ties, sorted(versions), step_ended, last
    )
    write(path.with_suffix(".index"), index)
    return kept


def _kind(type: str) -> int | None:
    if type == MOMENT_REACHED:
        return _MOMENT
    if type == REVISED:
        return _REVISED
    return None if type in FACTS or type in _NOBODYS else _TOUCHPOINT


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


def past(entries: Iterable[tuple[int, bytes]]) -> Past:
    """Decode a profile's entries."""
    touchpoints: list[Event] = []
    moments: list[Recorded] = []
    came_in: dict[str, int] = {}
    for kind, body in entries:
        if kind == _MOMENT:
            moments.append(_moment.decode(body))
        elif kind == _REVISED:
            revised = _revised.decode(body)
            came_in[revised.data.late] = revised.as_of
        else:
            touchpoints.append(_event.decode(body))
    return Past(touchpoints, moments, came_in)


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
