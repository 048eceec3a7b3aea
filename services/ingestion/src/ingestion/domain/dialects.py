"""The ways in which clients speak to the front door: how each parts a request, and what its events mean."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ingestion.domain import cloudevents, posthog, snowplow
from ingestion.domain.batches import Batch, Frame, part_batch, part_list, part_single
from ingestion.domain.faults import BAD_ATTRIBUTES, BAD_TEXT, FIELD_FORMAT, NUMBER_RANGE, BadEvent
from ingestion.domain.segment import Call
from ingestion.domain.told import MAX_EVENT_BYTES

LARGE_EVENT_BYTES: Final = 256 * 1024
"""What clients other than Segment's may send as one event."""


class Dialect(NamedTuple):
    """One way to speak. `calls` gives what an event tells, mostly one call; it raises BadEvent."""

    name: str
    part: Callable[[bytes], Batch]
    calls: Callable[[bytes], Iterable[Call]]
    max_event_bytes: int = LARGE_EVENT_BYTES
    many: bool = True
    """Whether a request is a batch."""
    divides: bool = False
    """Whether clients send a batch that is too large again in parts, when they are told 413."""


def _understand(raw: bytes) -> tuple[Call]:
    try:
        return (_decode(raw),)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        fields = _leniently(raw)
    return (Call(**{name: fields.get(field) for name, field in _FIELDS}),)


def _translated(calls: Callable[[Mapping[str, Any]], Iterable[Call]]) -> Callable[[bytes], Iterable[Call]]:
    def understand(raw: bytes) -> Iterable[Call]:
        try:
            fields = _object.decode(raw)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            fields = _leniently(raw)
        return tuple(calls(fields))

    return understand


def _leniently(raw: bytes) -> dict[str, Any]:
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
    return fields


def _is_json_but_for_numbers(raw: bytes) -> bool:
    try:
        json.loads(raw, parse_int=len)
    except ValueError:
        return False
    return True


_decode: Final = msgspec.json.Decoder(Call).decode
_object: Final = msgspec.json.Decoder(dict[str, Any])
_FIELDS: Final = tuple(zip(Call.__struct_fields__, Call.__struct_encode_fields__, strict=True))

_posthog: Final = _translated(posthog.calls)
_cloudevents: Final = _translated(cloudevents.calls)
_POSTHOG_FRAME: Final = Frame("batch", "sent_at", "api_key")
_SNOWPLOW_FRAME: Final = Frame("data", "", "")
_CLOUD_FRAME: Final = Frame("", "", "")

SEGMENT: Final = Dialect("segment", part_batch, _understand, MAX_EVENT_BYTES)
SEGMENT_SINGLE: Final = Dialect("segment", part_single, _understand, MAX_EVENT_BYTES, many=False)
POSTHOG: Final = Dialect("posthog", lambda body: part_batch(body, _POSTHOG_FRAME), _posthog, divides=True)
POSTHOG_SINGLE: Final = Dialect("posthog", lambda body: part_single(body, _POSTHOG_FRAME), _posthog, many=False)
SNOWPLOW: Final = Dialect("snowplow", lambda body: part_batch(body, _SNOWPLOW_FRAME), _translated(snowplow.calls))
CLOUD_EVENT: Final = Dialect("cloudevents", lambda body: part_single(body, _CLOUD_FRAME), _cloudevents, many=False)
CLOUD_EVENTS: Final = Dialect("cloudevents", part_list, _cloudevents)

BY_NAME: Final = {dialect.name: dialect for dialect in (SEGMENT, POSTHOG, SNOWPLOW, CLOUD_EVENT)}
"""How to understand an event again that one of these spoke."""
