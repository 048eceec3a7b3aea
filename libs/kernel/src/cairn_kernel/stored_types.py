"""Versions of what is stored for ever: which ones can be read, and how an old one becomes the newest."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self

from msgspec.structs import replace

from cairn_kernel.errors import Refused
from cairn_kernel.event import CONTROL_TYPES, Event

Step = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes the `data` of one version into that of the next."""


class NewerVersion(Refused):
    """An event was written by a newer Cairn: whoever reads it has to be upgraded first."""

    default_reason = "UNKNOWN_VERSION"


class StoredTypes:
    """The newest version of each type that is known here, and the steps that lead to it from the first.

    Types that are not registered, such as those of touchpoints, are read as they are.
    """

    def __init__(self, newest: Mapping[str, int], steps: Mapping[tuple[str, int], Step] | None = None) -> None:
        """`steps` goes by type and the version it starts from. Raises ValueError if one is missing or leads nowhere."""
        self._newest = dict(newest)
        self._steps = dict(steps or {})
        wanted = {(type, version) for type, last in self._newest.items() for version in range(1, last)}
        if wanted != self._steps.keys():
            raise ValueError(f"steps between versions do not fit: {sorted(wanted ^ self._steps.keys())}")

    @classmethod
    def first(cls, types: Iterable[str]) -> Self:
        """Types that exist in version 1 only."""
        return cls(dict.fromkeys(types, 1))

    def __or__(self, other: "StoredTypes") -> "StoredTypes":
        return StoredTypes({**self._newest, **other._newest}, {**self._steps, **other._steps})

    @property
    def versions(self) -> list[tuple[str, int]]:
        """Every version of every type, each of which has a golden file."""
        return sorted((type, version) for type, last in self._newest.items() for version in range(1, last + 1))

    def newest(self, event: Event) -> Event:
        """The event in the newest version of its type. Raises NewerVersion if it is newer than that."""
        last = self._newest.get(event.type, event.version)
        if last == event.version:
            return event
        if event.version > last:
            raise NewerVersion(
                "an event is of a newer version than this service can read; upgrade it, then redrive",
                type=event.type,
                version=event.version,
            )
        data = event.data
        for version in range(event.version, last):
            data = self._steps[event.type, version](data)
        return replace(event, version=last, data=data)

    def all_newest(self, events: Iterable[Event]) -> list[Event]:
        """As `newest`, of many."""
        known, newest = self._newest.get, self.newest
        return [event if event.version == known(event.type, event.version) else newest(event) for event in events]


CONTROLS: Final = StoredTypes.first(CONTROL_TYPES)
"""The control events, which travel in every log."""
