"""A request's body is parted into its events without trusting any of them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ingestion.domain.attributes import encodable

MAX_BATCH_EVENTS: Final = 2_500


class BadBatch(Exception):
    """The whole request is unusable; `reason` is stable and fit for its sender, `at` the byte where that shows."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


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


def part_batch(body: bytes, frame: Frame = _SEGMENT) -> Batch:
    """A body with a list of events. Raises BadBatch: BROKEN_JSON, NO_BATCH, BATCH_SIZE."""
    try:
        told = _fields.decode(body)
        events = _list.decode(told.get(frame.events, _NULL))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _part_roughly(body, frame)
    if events is None:
        raise BadBatch("NO_BATCH")
    if len(events) > MAX_BATCH_EVENTS:
        raise BadBatch("BATCH_SIZE")
    return Batch([bytes(event) for event in events], _plain(told, frame.sent), _text(_plain(told, frame.write_key)))


def part_list(body: bytes) -> Batch:
    """A body that is a list of events. Raises as `part_batch` does."""
    before = b'{"batch":'
    try:
        return part_batch(before + body + b"}")
    except BadBatch as fault:
        raise BadBatch(fault.reason, fault.at and max(fault.at - len(before), 0)) from None


def part_single(body: bytes, frame: Frame = _SEGMENT) -> Batch:
    """A body that is one event, with the write key inside if it is nowhere else."""
    try:
        told = _fields.decode(body)
        return Batch([body], _plain(told, frame.sent), _text(_plain(told, frame.write_key)))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        fields = _Scan(body).fields()
        return Batch([body], _leniently(fields, frame.sent), _text(_leniently(fields, frame.write_key)))


def _part_roughly(body: bytes, frame: Frame) -> Batch:
    """One event is not strict JSON (NaN, a lone surrogate, too deep): find where each begins and ends."""
    fields = _Scan(body).fields(frame.events)
    events = fields.get(frame.events)
    if not isinstance(events, list):
        raise BadBatch("NO_BATCH")
    return Batch(events, _leniently(fields, frame.sent), _text(_leniently(fields, frame.write_key)))


class _Scan:
    """One pass over a body, in time that grows with its length and whatever is in it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._text = body.decode("latin-1")
        """One character for each byte, so that places in one are places in the other."""
        self._at = 0
        self._runs = MAX_RUNS

    def fields(self, listed: str = "") -> dict[str, bytes | list[bytes]]:
        """The values of the object that the body is, and the elements of the list `listed`.

        Raises BadBatch: BROKEN_JSON, BATCH_SIZE, and NO_BATCH if it is another value.
        """
        found: dict[str, bytes | list[bytes]] = {}
        self._space()
        if self._next() != "{":
            self._value()
            self._end()
            raise BadBatch("NO_BATCH")
        for _ in self._items("}"):
            key, _ = self._decoded()
            if not isinstance(key, str):
                raise BadBatch("BROKEN_JSON", self._at)
            self._mark(":")
            found[key] = self._elements() if key == listed and self._next() == "[" else self._value()
        self._end()
        return found

    def _elements(self) -> list[bytes]:
        found: list[bytes] = []
        for _ in self._items("]"):
            found.append(self._value())
            if len(found) > MAX_BATCH_EVENTS:
                raise BadBatch("BATCH_SIZE")
        return found

    def _items(self, close: str) -> Iterator[None]:
        """Stops at each item of an object or a list; who asks for the next one has read it."""
        self._skip()
        if self._next() == close:
            return self._skip()
        while True:
            yield
            if self._next() == close:
                return self._skip()
            self._mark(",")

    def _value(self) -> bytes:
        begun = self._at
        _, end = self._decoded()
        return self._body[begun:end]

    def _decoded(self) -> tuple[Any, int]:
        """The value that begins here, None if it is too deep, and its end."""
        try:
            value, end = _decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as fault:
            raise BadBatch("BROKEN_JSON", fault.pos) from None
        except RecursionError:
            value, end = None, self._end_of_the_deep()
        self._at = end
        self._space()
        return value, end

    def _end_of_the_deep(self) -> int:
        depth = 0
        for run in _RUN.finditer(self._text, self._at):
            mark, length = run.group()[0], run.end() - run.start()
            self._runs -= 1
            if self._runs < 0:
                break
            if mark in "[{":
                depth += length
            elif mark in "]}":
                depth -= length
                if depth <= 0:
                    return run.end() + depth
        raise BadBatch("BROKEN_JSON", self._at)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _mark(self, mark: str) -> None:
        if self._next() != mark:
            raise BadBatch("BROKEN_JSON", self._at)
        self._skip()

    def _skip(self) -> None:
        self._at += 1
        self._space()

    def _space(self) -> None:
        if found := _SPACE.match(self._text, self._at):
            self._at = found.end()

    def _end(self) -> None:
        if self._at < len(self._text):
            raise BadBatch("BROKEN_JSON", self._at)


_NULL: Final = msgspec.Raw(b"null")
_SPACE: Final = re.compile(r"[ \t\n\r]+")
_RUN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[{]+|[\]}]+', re.DOTALL)
MAX_RUNS: Final = 100_000
"""How far the ends of what is nested too deeply are looked for: some 50 ms."""
_decoder: Final = json.JSONDecoder(parse_int=len, parse_float=len)


def _plain(told: dict[str, msgspec.Raw], name: str) -> Any:
    return msgspec.json.decode(told[name]) if name in told else None


def _leniently(told: Mapping[str, bytes | list[bytes]], name: str) -> Any:
    value = told.get(name)
    try:
        return json.loads(value.decode(), parse_int=len) if isinstance(value, bytes) else None
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) and encodable(value) else ""
