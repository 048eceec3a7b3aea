"""From the bytes of one event to what is taken in or kept aside: a bad event never raises from here."""

import json
from typing import Any, Final, NamedTuple

import msgspec

from ingestion.domain import segment
from ingestion.domain.drafts import Aside, Draft, Secrets, aside, draft
from ingestion.domain.faults import (
    BAD_ATTRIBUTES,
    BAD_TEXT,
    FIELD_FORMAT,
    NUMBER_RANGE,
    TOO_LARGE,
    BadEvent,
)
from ingestion.domain.told import MAX_EVENT_BYTES, MAX_MESSAGE_ID_CHARS, Source

Arrival = Draft | Aside

_decode: Final = msgspec.json.Decoder(segment.Call).decode


class Request(NamedTuple):
    """What the events of one request have in common."""

    source: Source
    arrived: int
    """By our clock, µs."""
    kind: str = ""
    """The type of call, if the address says it."""
    sent: object = None
    """The batch's sentAt."""
    traceparent: str = ""


def arrive(raw: bytes, request: Request, secrets: Secrets, *, place: str = "") -> Arrival:
    """One Segment call, as JSON."""
    call = _NO_CALL
    try:
        call = _understand(raw)
        if len(raw) > MAX_EVENT_BYTES:
            raise BadEvent(TOO_LARGE, "")
        told = segment.told_by(call, request.source, kind=request.kind, sent=request.sent, arrived=request.arrived)
        return draft(
            told, request.source, secrets, arrived=request.arrived, place=place, traceparent=request.traceparent
        )
    except BadEvent as fault:
        return set_aside(fault, raw, request, secrets, call=call, place=place)


def set_aside(
    fault: BadEvent, raw: bytes, request: Request, secrets: Secrets, *, call: segment.Call, place: str
) -> Aside:
    return aside(
        fault.inside(place),
        raw,
        request.source,
        secrets,
        names=segment.named_by(call, kind=request.kind),
        message_id=readable_id(call.message_id),
        arrived=request.arrived,
    )


def readable_id(value: object) -> str:
    """The message id of a bad event, if it has one that can be shown."""
    readable = isinstance(value, str) and value.isascii() and value.isprintable()
    return str(value) if readable and len(str(value)) <= MAX_MESSAGE_ID_CHARS else ""


def _understand(raw: bytes) -> segment.Call:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _diagnose(raw)


def _diagnose(raw: bytes) -> segment.Call:
    """What is wrong with JSON that the strict decoder refuses. A lone surrogate passes: the walk finds its path."""
    try:
        fields: Any = json.loads(raw.decode())
    except UnicodeError:
        raise BadEvent(BAD_TEXT, "") from None
    except RecursionError:
        raise BadEvent(BAD_ATTRIBUTES, "") from None
    except ValueError:  # a number of thousands of digits, or no JSON at all
        raise BadEvent(NUMBER_RANGE if _is_json_but_for_numbers(raw) else FIELD_FORMAT, "") from None
    if not isinstance(fields, dict):
        raise BadEvent(FIELD_FORMAT, "")
    return segment.Call(**{name: fields.get(field) for name, field in _FIELDS})


def _is_json_but_for_numbers(raw: bytes) -> bool:
    try:
        json.loads(raw, parse_int=len)
    except ValueError:
        return False
    return True


_NO_CALL: Final = segment.Call()
_FIELDS: Final = tuple(zip(segment.Call.__struct_fields__, segment.Call.__struct_encode_fields__, strict=True))
