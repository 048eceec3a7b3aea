"""From rows to requests of the front door."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_source.events import BadRow, event_of, id_of
from cairn_source.mapping import Mapping as RowMapping
from cairn_source.rows import BROKEN, READ
from cairn_source.source import Row, Slice

MAX_REQUEST_BYTES: Final = 1_000_000
MAX_ID_CHARS: Final = 100
_EXACT: Final = 2**53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Batch:
    """A request, where its rows stand, and the slice that is done with it, if it is the slice's last."""

    request: pb.IngestRequest
    places: list[str] = field(default_factory=list)
    done: Slice | None = None
    ignored: int = 0


def batches(told: Slice, mappings: Sequence[RowMapping], size: int) -> Iterator[Batch]:
    """The rows as requests of at most `size` events; the last one, maybe empty, says that the slice is done."""
    last, length = Batch(pb.IngestRequest()), 0
    events = list(_events(told, mappings))
    ignored = len(told.rows) - len({index for index, *_ in events})
    for historical, group in groupby(events, key=lambda item: item[1]):
        for _, _, place, event in group:
            if last.places and (
                last.request.historical != historical or len(last.places) >= size or length > MAX_REQUEST_BYTES
            ):
                yield last
                last, length = Batch(pb.IngestRequest()), 0
            last.request.historical = historical
            last.request.events.append(event)
            length += event.ByteSize()
            last.places.append(place)
    last.done, last.ignored = told, ignored
    yield last


def _events(told: Slice, known: Sequence[RowMapping]) -> Iterator[tuple[int, bool, str, pb.IngestEvent]]:
    for index, row in enumerate(told.rows):
        for mapping in known:
            if mapping.applies(row.origin, row.change):
                historical = told.past if mapping.historical is None else mapping.historical
                yield index, historical, f"{row.origin}:{row.place}", event(mapping, row)


def event(mapping: RowMapping, row: Row) -> pb.IngestEvent:
    """The row as an event, or as what cannot be one."""
    place_id = _place_id(mapping.name, row)
    try:
        told = event_of(mapping, row.fields, place_id=place_id)
        made = pb.IngestEvent(
            message_id=told.message_id,
            type=told.name,
            identifiers=told.identifiers,
            properties=_struct(told.fields),
        )
        since = told.at - _EPOCH
        made.event_time.seconds = since.days * 86_400 + since.seconds
        made.event_time.nanos = since.microseconds * 1_000
    except BadRow as fault:
        return _unreadable(mapping, row, place_id, str(fault))
    except UnicodeEncodeError:
        return _unreadable(mapping, row, place_id, "it is not in the encoding that the mapping says")
    return made


def _unreadable(mapping: RowMapping, row: Row, place_id: str, why: str) -> pb.IngestEvent:
    read = {"read": row.fields.get(READ, "")} if BROKEN in row.fields else row.fields
    return pb.IngestEvent(
        message_id=place_id,
        type=str(mapping.event.value or ""),
        identifiers={space: _text(row.fields[at]) for space, at in mapping.identifiers.items() if row.fields.get(at)},
        properties=Struct(fields={_text(name): Value(string_value=_text(value)) for name, value in read.items()}),
        unreadable=_text(f"{row.origin}:{row.place} {why}"),
    )


def _place_id(name: str, row: Row) -> str:
    readable = f"{name}/{row.origin}:{row.place}"
    plain = len(readable) <= MAX_ID_CHARS and readable.isascii() and readable.isprintable()
    return readable if plain else id_of(name, row.origin, row.place)


def _struct(fields: Mapping[str, Any]) -> Struct:
    return Struct(fields={name: _value(name, value) for name, value in fields.items()})


def _text(value: object) -> str:
    return "" if value is None else str(value).encode(errors="replace").decode()


def _value(column: str, value: Any) -> Value:
    if value is None:
        return Value(null_value=NULL_VALUE)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        if isinstance(value, int) and abs(value) > _EXACT:
            raise BadRow(f"{column} is a whole number beyond 2^53: leave `as: number` out")
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=Struct(fields={str(key): _value(column, item) for key, item in value.items()}))
    if isinstance(value, Iterable):
        return Value(list_value=ListValue(values=[_value(column, item) for item in value]))
    return Value(string_value=str(value))
