"""The contract of a source: what it reads, how it says where it is, and what it is told."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

Change = Literal["insert", "update", "delete"]


class Row(NamedTuple):
    """One row, or one change of a row."""

    origin: str
    """The file or table it is of: what `from` of a mapping is compared with, and half of its id."""
    place: str
    """Where it stands there: the same text whenever it is read again, another one for every other row."""
    fields: Mapping[str, Any]
    """Column to value; texts, numbers, booleans, times, or what JSON has."""
    change: Change = "insert"


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows that follow each other in one stream of the legacy system, and the cursor after them."""

    stream: str
    """What has a cursor of its own: a file, a log."""
    cursor: str
    """Where reading goes on after these rows."""
    rows: Sequence[Row] = field(default=())
    past: bool = False
    """Whether the rows tell what was long before: they build state and cause no message, unless the mapping says so."""


class Source(Protocol):
    """What a team writes. All methods may raise Unreachable, and may be called again after it."""

    async def check(self) -> None:
        """Return if the legacy system can be read as configured; read nothing."""
        ...

    def read(self, cursors: Mapping[str, str]) -> AsyncGenerator[Slice]:
        """Everything there is after the cursors (stream to cursor), in bounded memory; then end.

        It is called again after a while, and after every fault. What was read and not acknowledged is read again:
        the same rows in the same places. Slices of one stream come in the order of their cursors.
        """
        ...

    async def acknowledged(self, stream: str, cursor: str) -> None:
        """Everything up to the cursor is in Cairn, and the cursor is on disk: the legacy system may forget it."""
        ...


class Unreachable(Exception):
    """The legacy system cannot be read now, or not as configured: one UPPER_SNAKE word without personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason: Final = reason
