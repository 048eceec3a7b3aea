"""One walk over what an event says: is it storable, and which fields are personal?"""

from typing import Any, Final

from ingestion.domain.faults import BAD_ATTRIBUTES, BAD_TEXT, NUMBER_RANGE, BadEvent, step
from ingestion.domain.personal import Personal

MAX_DEPTH: Final = 32
MAX_KEYS: Final = 1_000
LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63 - 1
"""Whole numbers are 64-bit on the bus."""

_INFINITY: Final = float("inf")
_NOTHING: Final = Personal(frozenset())
_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Controls of the bidirectional algorithm (Unicode Standard Annex 9)."""


def check_text(value: str, field: str) -> None:
    """Raises BAD_TEXT for NUL and lone surrogates, which no store takes."""
    if "\x00" in value or not (value.isascii() or encodable(value)):
        raise BadEvent(BAD_TEXT, field)


def check_id(value: str, field: str) -> None:
    """What `check_text` raises, and BAD_TEXT for what turns the reading direction: two ids that look alike."""
    check_text(value, field)
    if not value.isascii() and not _TURNING.isdisjoint(value):
        raise BadEvent(BAD_TEXT, field)


def part(fields: dict[str, Any], personal: Personal, *, within: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The clear fields and, by path, the personal ones. `within` is the name of the fields' own field.

    Raises BadEvent: BAD_TEXT, BAD_ATTRIBUTES (too deep, too many keys, not a number), NUMBER_RANGE.
    """
    walk = _Walk(personal)
    clear = walk.mapping(fields, "", f"{within}.", 1)
    return clear, walk.sealed


class _Walk:
    __slots__ = ("_keys", "_personal", "sealed")

    def __init__(self, personal: Personal) -> None:
        self._personal = personal
        self._keys = 0
        self.sealed: dict[str, Any] = {}

    def mapping(self, fields: dict[str, Any], path: str, told: str, depth: int) -> dict[str, Any]:
        """`path` names a sealed field exactly; `told` is the same path, fit to be shown."""
        self._keys += len(fields)
        if depth > MAX_DEPTH or self._keys > MAX_KEYS:
            raise BadEvent(BAD_ATTRIBUTES, told[:-1])
        clear: dict[str, Any] = {}
        known = self._personal.get
        for key, value in fields.items():
            personal = known(key)
            if personal is None:
                check_text(key, f"{told}*")
                personal = self._personal[key]
            kind = type(value)
            if personal and value is not None and value != "":
                self.sealed[path + key] = self.value(value, "", told + step(key), depth, sealed=True)
            elif (kind is str and value.isascii() and "\x00" not in value) or value is None or kind is bool:
                clear[key] = value
            elif (kind is int and LOWEST <= value <= HIGHEST) or (kind is float and -_INFINITY < value < _INFINITY):
                clear[key] = value
            elif kind is list and depth < MAX_DEPTH and all(map(_is_plain_text, value)):
                clear[key] = value
            else:
                clear[key] = self.value(value, path + key, told + step(key), depth)
        return clear

    def value(self, value: Any, path: str, told: str, depth: int, sealed: bool = False) -> Any:
        if isinstance(value, str):
            check_text(value, told)
        elif value is None or isinstance(value, bool):
            pass
        elif isinstance(value, int):
            if not LOWEST <= value <= HIGHEST:
                raise BadEvent(NUMBER_RANGE, told)
        elif isinstance(value, float):
            if value != value:
                raise BadEvent(BAD_ATTRIBUTES, told)
            if value in (_INFINITY, -_INFINITY):
                raise BadEvent(NUMBER_RANGE, told)
        elif isinstance(value, dict):
            if sealed:  # personal as a whole: checked, not parted
                return _Walk(_NOTHING).mapping(value, "", told + ".", depth + 1)
            return self.mapping(value, path + ".", told + ".", depth + 1)
        elif isinstance(value, list):
            if depth >= MAX_DEPTH:
                raise BadEvent(BAD_ATTRIBUTES, told)
            return [
                self.value(item, f"{path}.{index}", f"{told}[{index}]", depth + 1, sealed)
                for index, item in enumerate(value)
            ]
        else:
            raise BadEvent(BAD_ATTRIBUTES, told)
        return value


def _is_plain_text(value: object) -> bool:
    return type(value) is str and value.isascii() and "\x00" not in value


def encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
