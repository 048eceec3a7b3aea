"""What sources send, counted: volume, freshness, which fields are there, and of which kind. Never a value."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cairn_kernel.time import DAY, HOUR
from ingestion.domain.drafts import Draft
from ingestion.domain.fates import Fate

FULLY: Final = 200
"""Events of a type that are looked at between two writings before only one in SAMPLED is."""
SAMPLED: Final = 16
"""By one of the 16 values of a digit of the id."""
MAX_PATHS: Final = 200
"""Paths noted of one event; more is a sign of keys made of data, which are no schema."""
_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


class Hour(NamedTuple):
    """What one source sent in an hour (µs // HOUR)."""

    tenant: str
    source: str
    hour: int


class Seen(NamedTuple):
    """A kind of value at a path of events of a type, on a day (µs // DAY)."""

    tenant: str
    source: str
    type: str
    day: int
    path: str
    kind: str


class Observations:
    """Counts since they were last taken out."""

    def __init__(self) -> None:
        self.fates: Counter[tuple[Hour, Fate]] = Counter()
        self.latest: dict[Hour, int] = {}
        """Greatest as_of by source."""
        self.seen: Counter[Seen] = Counter()
        self._types: dict[tuple[str, str, str], int] = {}

    def __bool__(self) -> bool:
        return bool(self.fates)

    def take_in(self, later: "Observations") -> None:
        """Add what was counted after this."""
        self.fates.update(later.fates)
        self.seen.update(later.seen)
        for hour, at in later.latest.items():
            self.latest[hour] = max(self.latest.get(hour, 0), at)

    def note_fates(self, tenant: str, source: str, fates: Sequence[Fate], at: int) -> None:
        """What became of arrivals from a source."""
        hour = Hour(tenant, source, at // HOUR)
        for fate in Fate:
            if number := fates.count(fate):
                self.fates[hour, fate] += number
        self.latest[hour] = max(self.latest.get(hour, 0), at)

    def note_event(self, made: Draft, at: int) -> None:
        """The fields of an event that was taken in, if it is one of those looked at."""
        source = made.source
        about = (source.tenant, source.name, made.type)
        self._types[about] = number = self._types.get(about, 0) + 1
        if number > FULLY and made.event_id[3] != "0":
            return
        day = at // DAY
        self.seen[Seen(*about, day, "", "event")] += 1
        for number, (path, kind) in enumerate(paths(made.clear, made.personal)):
            if number >= MAX_PATHS:
                return
            self.seen[Seen(*about, day, path, kind)] += 1


def paths(clear: Mapping[str, Any], personal: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each path with the kind of its value, once; items of lists stand under `[]`."""
    found = dict.fromkeys(_walk(clear, ""))
    found.update(dict.fromkeys((path, _kind(value)) for path, value in personal.items()))
    return iter(found)


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            place = f"{path}.{key}" if path else key
            yield place, _kind(item)
            yield from _walk(item, place)
    elif isinstance(value, list):
        for item in value:
            yield f"{path}[]", _kind(item)
            yield from _walk(item, f"{path}[]")


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "object")
