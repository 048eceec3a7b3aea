"""From a row to what it tells, or to the reason why it cannot be an event."""

import json
from collections.abc import Mapping as Fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from cairn_source.mapping import Field, Kind, Mapping, Time
from cairn_source.rows import BROKEN

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0"})
_MILLISECONDS_FROM: Final = 10**11
"""A number of seconds beyond it is one of milliseconds (1973 in ms, 5138 in s)."""


class BadRow(Exception):
    """Why a row cannot be an event: names the column, never its value."""


class Mapped(NamedTuple):
    """An event as a row tells it."""

    message_id: str
    name: str
    """As the mapping or a column names it."""
    at: datetime
    identifiers: dict[str, str]
    """Namespace to value."""
    fields: dict[str, Any]


def event_of(mapping: Mapping, row: Fields[str, Any], *, place_id: str) -> Mapped:
    """The row as an event; `place_id` is its id if the mapping names no columns for it. Raises BadRow."""
    if BROKEN in row:
        raise BadRow(str(row[BROKEN]))
    name = _value(mapping.event, row)
    if not isinstance(name, str) or not name:
        raise BadRow(f"{mapping.event.column or 'event'} names no event")
    fields = _fields(mapping, row)
    who = {namespace: value for namespace, column in mapping.identifiers.items() if (value := _who(row, column))}
    if not who:
        raise BadRow(f"nobody is named by {', '.join(sorted(mapping.identifiers.values()))}")
    return Mapped(_message_id(mapping, row) or place_id, name, _instant(mapping.time, row), who, fields)


def id_of(*cause: object) -> str:
    """A message id made of its cause, which it does not show."""
    return f"import-{sha256(json.dumps(cause).encode()).hexdigest()[:40]}"


def _fields(mapping: Mapping, row: Fields[str, Any]) -> dict[str, Any]:
    found = {name: _value(field, row) for name, field in mapping.properties.items()}
    if mapping.rest:
        named = mapping.columns()
        found.update({column: _plain(value) for column, value in row.items() if column not in named})
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _value(field: Field, row: Fields[str, Any]) -> Any:
    if not field.column:
        return field.value
    value = row.get(field.column)
    if value is None or value == "":
        return None
    try:
        return _as(field.kind, value)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadRow(f"{field.column} is no {field.kind}") from None


def _as(kind: Kind, value: Any) -> Any:
    if kind == "text":
        return _plain(value) if not isinstance(value, int | float | Decimal) else str(value)
    if kind == "json":
        return json.loads(value) if isinstance(value, str) else _plain(value)
    if kind == "boolean":
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError
        return word in _TRUE
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    number = Decimal(str(value).strip())
    return int(number) if number == number.to_integral_value() and abs(number) < 2**53 else float(number)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        raise BadRow("a column of bytes cannot be a property")
    return value


def _who(row: Fields[str, Any], column: str) -> str:
    value = row.get(column)
    if isinstance(value, float) and value.is_integer():  # a column of whole numbers with gaps is read as floats
        value = int(value)
    return "" if value is None else str(value).strip()


def _instant(time: Time, row: Fields[str, Any]) -> datetime:
    value = row.get(time.column)
    if value is None or value == "":
        raise BadRow(f"{time.column} is empty")
    try:
        return _moment(time, value)
    except (ValueError, OverflowError, OSError):
        raise BadRow(f"{time.column} is no time") from None


def _moment(time: Time, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(time.zone))
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(time.zone))
    return _parsed(time, str(value).strip())


@lru_cache(maxsize=8_192)
def _parsed(time: Time, text: str) -> datetime:
    """Neighbouring rows often say the same time."""
    if not time.format and text.lstrip("-").replace(".", "", 1).isdigit():
        number = Decimal(text)
        seconds = number / 1_000 if abs(number) >= _MILLISECONDS_FROM else number
        return datetime.fromtimestamp(float(seconds), UTC)
    moment = datetime.strptime(text, time.format) if time.format else datetime.fromisoformat(text)  # noqa: DTZ007 - below
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time.zone))


def _message_id(mapping: Mapping, row: Fields[str, Any]) -> str:
    """Of the columns that identify a row: the same row is the same event in every run. Empty if none are named."""
    if not mapping.id:
        return ""
    values = [row.get(column) for column in mapping.id]
    if any(value is None or value == "" for value in values):
        raise BadRow(f"{', '.join(mapping.id)} does not identify it")
    return id_of(mapping.name, *map(str, values))
