"""Whether a schema may take the place of another: what was allowed must stay allowed, unless the version goes up."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from cairn_journey.language.model import EventType
from cairn_journey.language.programme import Programme

_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COMPARED: Final = ("pattern", "format", "multipleOf", "uniqueItems", "const", "allOf", "anyOf", "oneOf", "not", "$ref")


class Break(NamedTuple):
    """Events that were allowed would be refused: where, and why."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path or 'the event'}: {self.why}"


def breaks(before: Programme, after: Programme) -> dict[str, list[Break]]:
    """By event type: what a changed programme would refuse that the other takes in, under the same version number."""
    found = {
        name: list(breaks_of(before.event_types[name], changed))
        for name, changed in after.event_types.items()
        if name in before.event_types and changed.version <= before.event_types[name].version
    }
    return {name: told for name, told in found.items() if told}


def breaks_of(before: EventType, after: EventType) -> Iterator[Break]:
    """What `after` refuses that `before` took in. Only a strict type refuses anything."""
    if after.version < before.version:
        yield Break("", f"version {after.version} is older than {before.version}")
    elif after.mode == "strict":
        old = json.loads(before.schema) if before.mode == "strict" else {}
        yield from _narrowed(old, json.loads(after.schema), "")


def _narrowed(old: Any, new: Any, path: str) -> Iterator[Break]:
    old = {} if old is True else old
    if old == new or new is True or new == {}:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield Break(path, "it is no longer allowed")
        return
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield Break(_join(path, name), "it must be there now")
    yield from _properties(old, new, path)
    if "items" in new:
        yield from _narrowed(old.get("items", {}), new["items"], f"{path}[]")


def _types(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Break]:
    allowed, before = _set(new.get("type")), _set(old.get("type"))
    if not allowed:
        return
    lost = sorted(kind for kind in before if kind not in allowed and not (kind == "integer" and "number" in allowed))
    if not before:
        yield Break(path, f"it must be {' or '.join(sorted(allowed))} now")
    elif lost:
        yield Break(path, f"it may no longer be {' or '.join(lost)}")


def _values(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Break]:
    if "enum" in new:
        gone = [value for value in old.get("enum", ()) if value not in new["enum"]]
        if "enum" not in old or gone:
            yield Break(path, "fewer values are allowed")
    for key in _LEAST:
        if key in new and (key not in old or new[key] > old[key]):
            yield Break(path, f"{key} is {new[key]} now")
    for key in _MOST:
        if key in new and (key not in old or new[key] < old[key]):
            yield Break(path, f"{key} is {new[key]} now")
    for key in _COMPARED:
        if key in new and new[key] != old.get(key):
            yield Break(path, f"{key} is another one")


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Break]:
    known, fields = old.get("properties", {}), new.get("properties", {})
    others = old.get("additionalProperties", True)
    for name, schema in fields.items():
        yield from _narrowed(known.get(name, others if others is not False else schema), schema, _join(path, name))
    rest = new.get("additionalProperties", True)
    if rest is False and others is not False:
        yield Break(path, "fields that are not named are no longer allowed")
    if rest is False:
        for name in sorted(set(known) - set(fields)):
            yield Break(_join(path, name), "it is no longer allowed")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _set(kinds: Any) -> set[str]:
    return {kinds} if isinstance(kinds, str) else set(kinds or ())
