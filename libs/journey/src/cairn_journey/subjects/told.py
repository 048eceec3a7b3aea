"""What events, and people, say of whom a person belongs to."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from cairn_journey.language.model import MEMBER, SubjectKind
from cairn_kernel.event import ADDRESSED, CONTROL_TYPES, RELATION_CHANGED, Event, canonical
from cairn_kernel.identifiers import USER_ID, normalise
from cairn_kernel.ids import stable_id
from cairn_kernel.time import SECOND, parse_instant

IDENTIFIED: Final = "profile.identified"
GROUP_JOINED: Final = "group.joined"
GROUP_ID: Final = "group_id"
GROUP_TYPES: Final = ("group_type", "groupType")
"""Where `group` calls say which kind of group they speak of."""
_NEVER: Final = CONTROL_TYPES | {ADDRESSED, RELATION_CHANGED}
"""Told to nobody else."""
MOST_KEYS: Final = 50
"""So many subjects of one kind one event may name; the others are left out."""


class Says(StrEnum):
    """What is said."""

    IS = "is"
    """They belong to these, in these roles; if none is named, in those they had."""
    ALSO = "also"
    """They have these roles there besides others."""
    ONLY = "only"
    """As `is`, and to no other of the kind that nobody related them to by hand."""
    ENDS = "ends"
    """They do not belong to these any more, or (none named) to none of the kind, or only not in these roles."""


def passes(kind: SubjectKind, type: str) -> bool:
    """Whether events of this type are told to subjects of a kind."""
    return type in kind.events if kind.events else type not in _NEVER


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is said of one person and one kind of subject."""

    says: Says
    kind: str
    keys: tuple[str, ...] = ()
    """In order, without repeats; as `roles`."""
    roles: tuple[str, ...] = ()
    since: int | None = None
    """From when it holds (µs); None: from when it is told."""
    until: int | None = None
    """Up to when (µs); None: until something else is told."""
    author: str = ""
    """Who said so by hand; empty if an event did."""
    reason: str = ""

    @property
    def id(self) -> str:
        """The same for whatever says the same."""
        return stable_id("told", canonical(self).decode())


class _Way(NamedTuple):
    kind: SubjectKind
    field: str
    says: Says


class Kinds:
    """The kinds of subject of one programme, looked up by type of event."""

    def __init__(self, kinds: Iterable[SubjectKind] = ()) -> None:
        self.by_name: Mapping[str, SubjectKind] = {kind.name: kind for kind in kinds}
        self._ways: dict[str, list[_Way]] = {}
        for kind in self.by_name.values():
            for type in (GROUP_JOINED,) if kind.group else kind.on or (IDENTIFIED,):
                says = Says.IS if kind.group else Says.ONLY
                self._ways.setdefault(type, []).append(_Way(kind, kind.trait or GROUP_ID, says))
            for type in kind.ends:
                self._ways.setdefault(type, []).append(_Way(kind, kind.trait or GROUP_ID, Says.ENDS))
        self._concerned: dict[str, tuple[SubjectKind, ...]] = {}
        self._of_groups = [kind.group for kind in self.by_name.values() if kind.group]

    def __bool__(self) -> bool:
        return bool(self.by_name)

    def concerned(self, type: str) -> tuple[SubjectKind, ...]:
        """The kinds to whom events of a type are told, or may tell something; most often asked, so remembered."""
        found = self._concerned.get(type)
        if found is None:
            telling = [way.kind for way in self._ways.get(type, ())]
            found = tuple(kind for kind in self.by_name.values() if kind in telling or passes(kind, type))
            self._concerned[type] = found
        return found

    def told(self, event: Event) -> list[Told]:
        """What an event says, one thing for each kind of subject it speaks of."""
        ways = self._ways.get(event.type)
        return [one for way in ways if (one := self._told(way, event.data)) is not None] if ways else []

    def roles(self, kind: SubjectKind, value: Any) -> tuple[str, ...]:
        """Roles as a source writes them: one or a list. One that the kind does not name is that of any member."""
        listed = value if isinstance(value, list) else [value]
        texts = {each.strip().lower() for each in listed if isinstance(each, str) and each.strip()}
        return tuple(sorted({role if not kind.roles or role in kind.roles else MEMBER for role in texts}))

    def _told(self, way: _Way, data: Mapping[str, Any]) -> Told | None:
        kind = way.kind
        if kind.group and not self._speaks_of(kind, data, way.says):
            return None
        if way.field not in data and way.says is not Says.ENDS:
            return None
        value = data.get(way.field)
        keys = keys_of(value)
        if not keys and (way.says is Says.IS or value not in (None, "", [])):
            return None
        roles = self.roles(kind, data.get(kind.role))
        if way.says is Says.ENDS:
            return Told(says=way.says, kind=kind.name, keys=keys, roles=roles)
        since, until = (_instant(data.get(name)) if name else None for name in (kind.since, kind.until))
        return Told(says=way.says, kind=kind.name, keys=keys, roles=roles, since=since, until=until)

    def _speaks_of(self, kind: SubjectKind, data: Mapping[str, Any], says: Says) -> bool:
        group = next((data[name] for name in GROUP_TYPES if data.get(name)), None)
        return group == kind.group if group is not None else len(self._of_groups) == 1 or says is Says.ENDS


def keys_of(value: Any) -> tuple[str, ...]:
    """The keys that a field names: a text, a whole number, or a list of such. Words for nothing name nobody."""
    listed = value[:MOST_KEYS] if isinstance(value, list) else [value]
    return tuple(sorted({key for key in (normalise(USER_ID, each) for each in listed) if key}))


@lru_cache(maxsize=100_000)
def subject_id(tenant: str, kind: str, key: str) -> str:
    """The id of a subject: its stream's name."""
    return stable_id("subject", tenant, kind, key)


def _instant(value: Any) -> int | None:
    """µs since 1970 of ISO 8601 text or a number of seconds; None if it is no instant."""
    if isinstance(value, datetime):
        return int(value.timestamp() * SECOND)
    if isinstance(value, bool):
        return None
    try:
        return int(value * SECOND) if isinstance(value, int | float) else parse_instant(str(value)) if value else None
    except (ValueError, OverflowError):
        return None
