"""What definitions look like: the one list of keys by which the loader reads; schema and formatter are made of it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Kind(NamedTuple):
    """A sort of value: in words, and as a JSON Schema."""

    words: str
    schema: Mapping[str, Any]


class Key(NamedTuple):
    """One key of a map: what it may hold, and what it means."""

    name: str
    kind: "AnyKind"
    text: str
    required: bool = False


class ListOf(NamedTuple):
    """A list of such values, of at least so many."""

    of: "AnyKind"
    least: int = 0


class MapOf(NamedTuple):
    """A map from names the author chooses to such values."""

    of: "AnyKind"
    least: int = 0
    names: str = ""
    """What the names must look like, as a regular expression."""


class OneOf(NamedTuple):
    """Any of several sorts of value."""

    kinds: "tuple[AnyKind, ...]"


class Shape:
    """A map with known keys, in their canonical order."""

    def __init__(self, name: str, what: str, text: str, *keys: Key, groups: tuple[tuple[str, ...], ...] = ()) -> None:
        self.name = name
        """Of its definition in the schema."""
        self.what = what
        """In faults: `a step`."""
        self.text = text
        self.keys: Mapping[str, Key] = {key.name: key for key in keys}
        self.groups = groups
        """Keys of which exactly one must be given."""

    def __repr__(self) -> str:
        return f"Shape({self.name})"


class Later(NamedTuple):
    """A shape that is defined further on, such as the one that holds this one."""

    name: str


AnyKind = Kind | ListOf | MapOf | OneOf | Shape | Later

TEXT: Final = Kind("text", {"type": "string", "minLength": 1})
NAME: Final = Kind("name", {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"})
EVENT: Final = Kind("event type", {"type": "string", "pattern": "^[a-z0-9_]+([.][a-z0-9_]+)*$"})
DURATION: Final = Kind("duration", {"type": "string", "pattern": "^([0-9]+[smhdw])+$"})
OFFSET: Final = Kind("duration, with a sign", {"type": "string", "pattern": "^[-+]?([0-9]+[smhdw])+$"})
CLOCK: Final = Kind("time of day", {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
CONDITION: Final = Kind("CEL, true or false", {"type": ["string", "boolean"], "minLength": 1})
VALUE: Final = Kind("CEL, or a number", {"type": ["string", "number", "boolean"], "minLength": 1})
ZONE: Final = Kind("`customer` or a time zone", {"type": "string", "minLength": 1})


def choice(*options: str) -> Kind:
    """One of some words."""
    return Kind(" \N{MIDDLE DOT} ".join(f"`{option}`" for option in options), {"enum": list(options)})


def whole(least: int, most: int | None = None) -> Kind:
    """A whole number within limits."""
    limits: dict[str, Any] = {"minimum": least} | ({"maximum": most} if most is not None else {})
    return Kind(f"whole number from {least}", {"type": "integer", **limits})
