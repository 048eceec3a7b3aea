"""Times of day and days of the week in a zone; days that a zone changes its clocks are taken as they are.

A local time that does not exist is the next instant that does; one that comes twice is the first.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cairn_kernel.time import SECOND, micros, to_datetime

_DAY: Final = timedelta(days=1)
_FURTHEST: Final = 9
"""Days ahead in which any day of the week comes, even where one was left out of the calendar."""
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9000
_MOST_SECONDS: Final = 1e11


def zone_of(name: object) -> tzinfo:
    """The zone of that name; UTC if nobody knows it."""
    return _zone(name) if isinstance(name, str) and name else UTC


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """The names of all zones; read from disk once."""
    return frozenset(available_timezones())


def instant(day: date, minute: int, zone: tzinfo) -> int:
    """When it is that minute (since midnight) of a day in a zone."""
    return _instant(datetime.combine(day, time()) + timedelta(minutes=minute), zone)


def next_clock(after: int, minute: int, days: tuple[int, ...], zone: tzinfo) -> int:
    """The next instant after another at which it is this time of day, on one of these days (none: any)."""
    today = to_datetime(after).astimezone(zone).date()
    candidates = (today + ahead * _DAY for ahead in range(_FURTHEST))
    return next(at for day in candidates if _on(day, days) and (at := instant(day, minute, zone)) > after)


def next_window(at: int, between: tuple[int, int], days: tuple[int, ...], zone: tzinfo) -> int:
    """The instant itself if it lies between two times of one of these days, else when the next such time begins.

    A window whose end is not after its begin spans midnight and belongs to the day on which it begins.
    """
    begin, end = between
    today = to_datetime(at).astimezone(zone).date()
    for ahead in range(-1, _FURTHEST):
        day = today + ahead * _DAY
        if not _on(day, days):
            continue
        last = instant(day if end > begin else day + _DAY, end, zone)
        first = instant(day, begin, zone)
        if at < last:
            return max(at, first)
    raise AssertionError("every day of the week comes within nine days")


def instant_of(value: Any, zone: tzinfo) -> int | None:
    """The instant that an attribute tells: ISO 8601 text (in the zone, unless it names one), seconds, or a datetime.

    None if it tells none.
    """
    try:
        match value:
            case bool():
                return None
            case int() | float():
                return round(value * SECOND) if abs(value) < _MOST_SECONDS else None
            case datetime():
                return micros(value)
            case str():
                return _of_text(datetime.fromisoformat(value), zone)
            case _:
                return None
    except (ValueError, OverflowError):
        return None


def _of_text(told: datetime, zone: tzinfo) -> int | None:
    if not _FIRST_YEAR <= told.year <= _LAST_YEAR:
        return None
    return micros(told) if told.tzinfo is not None else _instant(told, zone)


def _on(day: date, days: tuple[int, ...]) -> bool:
    return not days or day.weekday() in days


def _instant(local: datetime, zone: tzinfo) -> int:
    first = local.replace(tzinfo=zone)  # of two instants with this local time, the first
    there = first.astimezone(UTC)
    if there.astimezone(zone).replace(tzinfo=None) == local:
        return micros(there)
    return micros(_end_of_gap(local.replace(tzinfo=zone, fold=1).astimezone(UTC), there, zone))


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first whole second between two instants at which the clocks have been put forward."""
    new = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while low < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == new:
            high = middle
        else:
            low = middle + 1
    return datetime.fromtimestamp(high, UTC)


@lru_cache(maxsize=1_000)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
