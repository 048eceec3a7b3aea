"""Why one event is kept aside."""

from typing import Final

FIELD_REQUIRED: Final = "FIELD_REQUIRED"
FIELD_FORMAT: Final = "FIELD_FORMAT"
TOO_LARGE: Final = "TOO_LARGE"
BAD_TEXT: Final = "BAD_TEXT"
BAD_ATTRIBUTES: Final = "BAD_ATTRIBUTES"
NUMBER_RANGE: Final = "NUMBER_RANGE"
TIME_RANGE: Final = "TIME_RANGE"
ID_REUSED: Final = "ID_REUSED"
SCHEMA: Final = "SCHEMA"
UNKNOWN_TYPE: Final = "UNKNOWN_TYPE"
UNREADABLE: Final = "UNREADABLE"

REASONS: Final = (
    FIELD_REQUIRED,
    FIELD_FORMAT,
    TOO_LARGE,
    BAD_TEXT,
    BAD_ATTRIBUTES,
    NUMBER_RANGE,
    TIME_RANGE,
    ID_REUSED,
    SCHEMA,
    UNKNOWN_TYPE,
    UNREADABLE,
)

_NAMEABLE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$[]*")


class BadEvent(Exception):
    """One event cannot be taken in; `field` is the path of the field at fault, never its value."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field

    def inside(self, parent: str) -> "BadEvent":
        """The same fault, told from one level further out."""
        return BadEvent(self.reason, join(parent, self.field))


def join(parent: str, child: str) -> str:
    """Path of a child; either may be empty."""
    return f"{parent}.{child}" if parent and child else parent or child


def step(key: str) -> str:
    """One step of a path; a key that may hold personal data (an address, a sentence) is told as `*`."""
    return key if len(key) <= 40 and _NAMEABLE.issuperset(key) and not key.isdigit() else "*"
