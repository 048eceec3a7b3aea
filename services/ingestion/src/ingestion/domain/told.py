"""An event as its source told it, understood but not yet sealed, stamped or stored."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import msgspec

from cairn_journey.language.spelling import PLAIN, Spelling
from cairn_kernel.event import canonical
from cairn_kernel.identifiers import CAIRN_PROFILE, CARD, EMAIL, NAMESPACES, PHONE
from cairn_kernel.time import DAY, parse_instant
from ingestion.domain.attributes import encodable
from ingestion.domain.faults import BAD_TEXT, FIELD_FORMAT, TIME_RANGE, TOO_LARGE, BadEvent

MAX_EVENT_BYTES: Final = 32 * 1024
MAX_MESSAGE_ID_CHARS: Final = 100
SKEW_ALLOWED_US: Final = 60_000_000
EARLIEST_US: Final = 0
"""1970; before it, a time is a mistake."""
FUTURE_ALLOWED_US: Final = DAY
CACHED: Final = 50_000
"""Identifiers seen last, for which spelling and hashing are not done again."""
NAMING_FIELDS: Final = (EMAIL, PHONE, CARD)
"""Fields of properties and traits that name a person."""


class Source(NamedTuple):
    """Who tells us: declared once, known by its write key."""

    tenant: str
    name: str
    clock: Literal["server", "device"] = "server"
    """`device` clocks are often wrong: their times are corrected by what they say the time is."""


class Name(NamedTuple):
    """What somebody is called, in the one spelling of it."""

    namespace: str
    value: str


class Told(msgspec.Struct, frozen=True, gc=False):
    """One event. `message_id` is empty and `event_time` (µs) None if the source gave none."""

    message_id: str
    type: str
    event_time: int | None
    skew_us: int
    """What to add to `event_time`, since the sender's clock is off; another one at each attempt."""
    names: tuple[Name, ...]
    clear: dict[str, Any]
    personal: dict[str, Any]
    version: int = 1
    """Of its event type."""

    def meaning(self) -> bytes:
        """Canonical bytes of what was told: equal for a retry, different for another event.

        The time is left out: clients that are given none write the time of the call, another one each time.
        """
        return canonical([self.type, sorted(self.names), self.clear, self.personal])


def message_id(value: object, field: str) -> str:
    """Empty if there is none. Raises FIELD_FORMAT, TOO_LARGE or BAD_TEXT."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadEvent(FIELD_FORMAT, field)
    if len(value) > MAX_MESSAGE_ID_CHARS:
        raise BadEvent(TOO_LARGE, field)
    if not value.isprintable():
        raise BadEvent(BAD_TEXT, field)
    return value


def instant(value: object, field: str) -> int | None:
    """An ISO 8601 text as µs: no zone means UTC, a date its midnight. None and "" give None."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadEvent(FIELD_FORMAT, field)
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        raise BadEvent(FIELD_FORMAT, field) from None


def skew(*, sent: int | None, arrived: int) -> int:
    """How far the sender's clock is behind ours, if it is more than a minute off."""
    return 0 if sent is None or abs(arrived - sent) <= SKEW_ALLOWED_US else arrived - sent


def in_range(event_time: int, *, latest: int, field: str) -> int:
    """Raises TIME_RANGE unless 1970 <= event_time < latest."""
    if not EARLIEST_US <= event_time < latest:
        raise BadEvent(TIME_RANGE, field)
    return event_time


def names(candidates: Iterable[tuple[str, object]], spelling: Spelling = PLAIN) -> tuple[Name, ...]:
    """The candidates that do name somebody, in their order, without repeats. Junk is left out."""
    found = []
    for namespace, value in candidates:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and (spelled := _spelled(spelling, namespace, value)) and spelled not in found:
            found.append(spelled)
    return tuple(found)


@lru_cache(maxsize=CACHED)
def _spelled(spelling: Spelling, namespace: str, value: str) -> Name | None:
    text = spelling.name(namespace, value)
    return Name(namespace, text) if text and encodable(text) else None


def declared(namespace: str, field: str) -> str:
    """Raises FIELD_FORMAT for a namespace that no source may use."""
    if namespace == CAIRN_PROFILE or namespace not in NAMESPACES:
        raise BadEvent(FIELD_FORMAT, field)
    return namespace
