"""Slots: where the open instances of one customer stand. A journey with a key may be open once for each key."""

from collections.abc import Mapping
from typing import Any, Final

from cairn_expressions import Expression, activate

MAX_OPEN: Final = 100
"""So many instances of one journey may be open at once for one customer; further entries are refused by a fact."""
MAX_KEYS: Final = 200
"""So many keys of ended instances are remembered per customer and journey; those that ended first are forgotten."""
_MAX_CHARACTERS: Final = 200


def slot_of(journey: str, key: str) -> str:
    """The name of the place: the journey, with the key if it has one."""
    return f"{journey}/{key}" if key else journey


def key_of(expression: Expression | None, data: Mapping[str, Any]) -> str:
    """The key that an event gives: a text or a whole number, at most 200 characters; empty if it gives none."""
    if expression is None:
        return ""
    value = expression.value(activate({"event": data}))
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    key = str(value)
    return key if len(key) <= _MAX_CHARACTERS else ""


def remembered(keys: Mapping[str, int], key: str, ended: int) -> dict[str, int]:
    """When instances ended, by key, with one more; bounded."""
    known = {**keys, key: ended}
    if len(known) > MAX_KEYS:
        del known[min(known, key=lambda one: (known[one], one))]
    return known
