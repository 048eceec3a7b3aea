"""What changed between two programmes, definition by definition and field by field."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from cairn_journey.language.programme import Programme
from cairn_kernel.event import canonical

_NONE: Final = object()


class FieldChange(NamedTuple):
    """One field, by its path such as `goal.within` or `stages[lapsing].after.for`; None where it is absent."""

    path: str
    before: Any
    after: Any


class DefinitionChange(NamedTuple):
    """A definition that came, went or changed."""

    action: Literal["added", "removed", "changed"]
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()


def diff(before: Programme | None, after: Programme) -> list[DefinitionChange]:
    """The changes in order of kind and name."""
    old = {(one["kind"], one["name"]): one for one in before.documents} if before is not None else {}
    new = {(one["kind"], one["name"]): one for one in after.documents}
    found = []
    for kind, name in sorted(old.keys() | new.keys()):
        one, other = old.get((kind, name)), new.get((kind, name))
        if one is None:
            found.append(DefinitionChange("added", kind, name))
        elif other is None:
            found.append(DefinitionChange("removed", kind, name))
        elif canonical(one) != canonical(other):
            found.append(DefinitionChange("changed", kind, name, tuple(_fields("", one, other))))
    return found


def _fields(path: str, one: Any, other: Any) -> Iterator[FieldChange]:
    """Where two values differ, as deep as both are of one shape."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _fields(f"{path}.{key}" if path else str(key), one.get(key, _NONE), other.get(key, _NONE))
    elif _named(one) and _named(other):
        yield from _items(path, {item["name"]: item for item in one}, {item["name"]: item for item in other})
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True), 1):
            yield from _fields(f"{path}[{number}]", left, right)
    elif one is _NONE or other is _NONE or canonical(one) != canonical(other):
        yield FieldChange(path, None if one is _NONE else one, None if other is _NONE else other)


def _items(path: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name in [*one, *(name for name in other if name not in one)]:
        yield from _fields(f"{path}[{name}]", one.get(name, _NONE), other.get(name, _NONE))


def _named(value: Any) -> bool:
    """A list of maps that tell themselves apart by their names."""
    if not isinstance(value, list) or not all(isinstance(item, dict) and "name" in item for item in value):
        return False
    return len({item["name"] for item in value}) == len(value)
