"""Time is data: microseconds since 1970-01-01 UTC, as an int."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION: Final = re.compile(r"(?:\d+[smhdw])+")
_DURATION_PART: Final = re.compile(r"(\d+)([smhdw])")


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises ValueError for a datetime without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a zone is not an instant")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def parse_instant(text: str) -> int:
    """Microseconds of an ISO 8601 text. No zone means UTC; a date alone means its midnight.

    Raises ValueError if it is not one.
    """
    moment = datetime.fromisoformat(text)
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def to_datetime(instant: int) -> datetime:
    """The instant (µs since 1970 UTC) as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=instant)


def format_instant(instant: int) -> str:
    """The instant as ISO 8601 in UTC, ending in Z, with as many digits as it needs."""
    return to_datetime(instant).isoformat().removesuffix("+00:00") + "Z"


def parse_duration(text: str) -> int:
    """Microseconds of a text such as `30d`, `45m` or `1d12h`; units s, m, h, d, w.

    Raises ValueError if it is not one.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError("a duration is a number and a unit s, m, h, d or w, such as 30d")
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def duration_text(length: int) -> str:
    """A length of time (µs) as definitions write it: `30d`, `1d12h`."""
    parts = []
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        number, length = divmod(length, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
