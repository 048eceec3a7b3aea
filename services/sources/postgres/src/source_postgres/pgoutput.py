"""Messages of PostgreSQL's logical decoding plugin `pgoutput`, protocol version 1, and the values in them.

Source: PostgreSQL 18 documentation, 54.9 "Logical Replication Message Formats".
"""

import json
import struct
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from cairn_source import Change

_BOOL: Final = 16
_WHOLE: Final = frozenset({20, 21, 23, 26})
_FLOATS: Final = frozenset({700, 701})
_NUMERIC: Final = 1700
_JSON: Final = frozenset({114, 3802})
_CHANGES: Final[dict[str, Change]] = {"I": "insert", "U": "update", "D": "delete"}
POSTGRES_EPOCH_S: Final = 946_684_800
"""2000-01-01 in seconds since 1970: its timestamps are µs after it."""


class Column(NamedTuple):
    name: str
    type_oid: int
    key: bool = False


class Relation(NamedTuple):
    """A table as it was when the rows after it were written."""

    name: str
    """`schema.table`."""
    columns: tuple[Column, ...]


class Begun(NamedTuple):
    """A transaction: where its commit ends up in the log, when it was, and its id."""

    commit_lsn: int
    at_us: int
    """µs since 1970."""
    xid: int


class Changed(NamedTuple):
    relation_id: int
    change: Change
    values: tuple[str | None, ...]
    """As text, in the order of the columns."""
    known: tuple[bool, ...]
    """False: not told. It is stored out of line and did not change, or is no part of the key of a deleted row."""


class _Reader:
    def __init__(self, message: bytes) -> None:
        self._message = message
        self._at = 1

    def take(self, form: str) -> Any:
        (value,) = struct.unpack_from(f">{form}", self._message, self._at)
        self._at += struct.calcsize(f">{form}")
        return value

    def letter(self) -> str:
        return chr(self.take("B"))

    def text(self) -> str:
        end = self._message.index(0, self._at)
        told = self._message[self._at : end].decode()
        self._at = end + 1
        return told

    def sized(self) -> str:
        length = self.take("i")
        self._at += length
        return self._message[self._at - length : self._at].decode()

    def row(self) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
        kinds, values = [], []
        for _ in range(self.take("h")):
            kind = self.letter()
            kinds.append(kind)
            values.append(self.sized() if kind == "t" else None)
        return tuple(values), tuple(kinds)


def begun(message: bytes) -> Begun:
    """Message `B`."""
    reader = _Reader(message)
    lsn, at, xid = reader.take("q"), reader.take("q"), reader.take("I")
    return Begun(lsn, at + POSTGRES_EPOCH_S * 1_000_000, xid)


def committed(message: bytes) -> int:
    """Message `C`: the end of the transaction in the log; the next one begins after it."""
    reader = _Reader(message)
    reader.take("B")
    reader.take("q")
    end: int = reader.take("q")
    return end


def relation(message: bytes) -> tuple[int, Relation]:
    """Message `R`: id and table."""
    reader = _Reader(message)
    relation_id = reader.take("I")
    name = f"{reader.text()}.{reader.text()}"
    reader.letter()
    columns = []
    for _ in range(reader.take("h")):
        key = bool(reader.take("B") & 1)
        column, type_oid = reader.text(), reader.take("I")
        reader.take("i")
        columns.append(Column(column, type_oid, key))
    return relation_id, Relation(name, tuple(columns))


def changed(message: bytes) -> Changed:
    """Messages `I`, `U` and `D`. Of an update that has the old row, what did not change is taken from there."""
    reader = _Reader(message)
    change = _CHANGES[chr(message[0])]
    relation_id, part = reader.take("I"), reader.letter()
    old: tuple[str | None, ...] = ()
    if part in "KO":
        old, kinds = reader.row()
        if change == "delete":
            return Changed(relation_id, change, old, tuple(kind == "t" or part == "O" for kind in kinds))
        whole = part == "O"
        reader.letter()
    else:
        whole = False
    values, kinds = reader.row()
    if whole:
        values = tuple(old[at] if kind == "u" else values[at] for at, kind in enumerate(kinds))
    return Changed(relation_id, change, values, tuple(kind != "u" or whole for kind in kinds))


def plain(type_oid: int, text: str | None) -> Any:
    """A value from its text: number, boolean, JSON; everything else stays text."""
    if text is None:
        return None
    if type_oid == _BOOL:
        return text in ("t", "true")
    if type_oid in _WHOLE:
        return int(text)
    if type_oid in _FLOATS or type_oid == _NUMERIC:
        return _number(text)
    if type_oid in _JSON:
        return json.loads(text)
    return text


def _number(text: str) -> Any:
    """NaN and the infinities, which JSON does not have, stay text."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def fields_of(columns: Sequence[Column], values: Sequence[str | None], known: Sequence[bool]) -> dict[str, Any]:
    """Column to value; what is not known is left out."""
    triples = zip(columns, values, known, strict=True)
    return {column.name: plain(column.type_oid, value) for column, value, there in triples if there}
