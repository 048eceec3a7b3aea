"""A request's body is parted into its events without trusting any of them."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from ingestion.domain.told import MAX_EVENT_BYTES

MAX_BATCH_EVENTS: Final = 2_500


class BadBatch(Exception):
    """The whole request is unusable; `reason` is stable and fit for its sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Batch(NamedTuple):
    """The events as bytes, each still to be understood, and what the batch says of itself."""

    events: list[bytes]
    sent: Any
    write_key: str


class Frame(NamedTuple):
    """What a client calls the parts of a batch; an empty name is a part that it does not send."""

    events: str = "batch"
    sent: str = "sentAt"
    write_key: str = "writeKey"


_SEGMENT: Final = Frame()
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list: Final = msgspec.json.Decoder(list[msgspec.Raw] | None)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)


def part_batch(body: bytes, frame: Frame = _SEGMENT, *, max_event_bytes: int = MAX_EVENT_BYTES) -> Batch:
    """A body with a list of events. Raises BadBatch: BROKEN_JSON, NO_BATCH, BATCH_SIZE."""
    try:
        told = _fields.decode(body)
        events = _list.decode(told.get(frame.events, _NULL))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        found = _part_roughly(body, frame, max_event_bytes)
    else:
        if events is None:
            raise BadBatch("NO_BATCH")
        found = Batch(
            [bytes(event) for event in events], _plain(told, frame.sent), _text(_plain(told, frame.write_key))
        )
    if len(found.events) > MAX_BATCH_EVENTS:
        raise BadBatch("BATCH_SIZE")
    return found


def part_list(body: bytes) -> Batch:
    """A body that is a list of events. Raises as `part_batch` does."""
    return part_batch(b'{"batch":' + body + b"}")


def part_single(body: bytes, frame: Frame = _SEGMENT) -> Batch:
    """A body that is one event, with the write key inside if it is nowhere else."""
    try:
        told = _fields.decode(body)
        return Batch([body], _plain(told, frame.sent), _text(_plain(told, frame.write_key)))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _single_roughly(body, frame)


def _plain(told: dict[str, msgspec.Raw], name: str) -> Any:
    return msgspec.json.decode(told[name]) if name in told else None


def _single_roughly(body: bytes, frame: Frame) -> Batch:
    fields = _lenient(body)
    if not isinstance(fields, dict):
        raise BadBatch("BROKEN_JSON")
    return Batch([body], fields.get(frame.sent), _text(fields.get(frame.write_key)))


def _part_roughly(body: bytes, frame: Frame, max_event_bytes: int) -> Batch:
    """One event is not strict JSON (NaN, a lone surrogate, too deep): find where each begins and ends."""
    start = _array(body, f'"{frame.events}"'.encode())
    pieces = list(_elements(body, start))
    end = pieces[-1][1] if pieces else start
    around = _lenient(body[:start] + b"]" + body[end + 1 :])
    if not isinstance(around, dict):
        raise BadBatch("BROKEN_JSON")
    events = [event for event in (body[low:high].strip() for low, high in pieces) if event]
    if len(events) < len(pieces) and len(pieces) > 1:
        raise BadBatch("BROKEN_JSON")
    for event in events:  # an event's own faults are its own; what is no JSON at all breaks the batch
        if len(event) <= max_event_bytes and _lenient(event) is _BROKEN:
            raise BadBatch("BROKEN_JSON")
    return Batch(events, around.get(frame.sent), _text(around.get(frame.write_key)))


def _array(body: bytes, name: bytes) -> int:
    """Where the elements of the batch begin."""
    depth = 0
    key = b""
    for token in _TOKEN.finditer(body):
        mark = token.group()
        if mark == b"[" and depth == 1 and key == name:
            return token.end()
        depth += (mark in b"{[") - (mark in b"}]") if len(mark) == 1 else 0
        if depth == 1 and len(mark) > 1:
            key = mark
        elif depth == 1 and mark == b",":
            key = b""
    raise BadBatch("BROKEN_JSON")


def _elements(body: bytes, start: int) -> Iterator[tuple[int, int]]:
    depth = 0
    begun = start
    for token in _TOKEN.finditer(body, start):
        mark = token.group()
        if depth == 0 and mark in (b",", b"]"):
            yield begun, token.start()
            begun = token.end()
            if mark == b"]":
                return
        elif mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth < 0:
                break
    raise BadBatch("BROKEN_JSON")


_BROKEN: Final = object()
_NULL: Final = msgspec.Raw(b"null")


def _lenient(body: bytes) -> Any:
    """As JSON with NaN, any number and lone surrogates; too deep gives None."""
    try:
        return json.loads(body.decode(errors="replace"), parse_int=len)
    except RecursionError:
        return None
    except ValueError:
        return _BROKEN


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
