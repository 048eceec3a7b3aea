"""From what was observed to a schema that would describe it, and to what differs from the one in force."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

ENOUGH: Final = 50
"""Events from which on a field that was always there is called required."""


class Field(NamedTuple):
    """A path of the events of a type: how many had it, and of which kinds its values were."""

    path: str
    events: int
    kinds: Mapping[str, int]


class Shape(NamedTuple):
    """What events of a type look like; `events` were looked at."""

    events: int
    fields: Mapping[str, Field]


def shape_of(rows: Iterable[tuple[str, str, int]]) -> Shape:
    """From (path, kind, events); path '' counts the events."""
    events = 0
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for path, kind, count in rows:
        if path:
            kinds[path][kind] += count
        else:
            events += count
    fields = {path: Field(path, min(found.total(), events), dict(found)) for path, found in sorted(kinds.items())}
    return Shape(events, fields)


def proposal(shape: Shape) -> dict[str, Any]:
    """A JSON Schema that all that was observed fits."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(shape, "", shape.events)}


def _object(shape: Shape, path: str, events: int) -> dict[str, Any]:
    below = {name: field for name, field in _children(shape, path)}
    made: dict[str, Any] = {"type": "object"}
    if below:
        made["properties"] = {name: _schema(shape, field) for name, field in below.items()}
    always = [name for name, field in below.items() if events >= ENOUGH and field.events == events]
    return {**made, "required": always} if always else made


def _schema(shape: Shape, field: Field) -> dict[str, Any]:
    kinds = sorted(set(field.kinds) - ({"integer"} if "number" in field.kinds else set()))
    made: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if "object" in kinds:
        made |= {
            key: value for key, value in _object(shape, field.path, field.kinds["object"]).items() if key != "type"
        }
    items = shape.fields.get(f"{field.path}[]")
    if items is not None:
        made["items"] = _schema(shape, items)
    return made


def _children(shape: Shape, path: str) -> Iterable[tuple[str, Field]]:
    start = f"{path}." if path else ""
    for place, field in shape.fields.items():
        name = place.removeprefix(start)
        if place.startswith(start) and name and "." not in name and "[" not in name:
            yield name, field


def drift(shape: Shape, schema: Mapping[str, Any]) -> list[str]:
    """Paths that the schema does not know, and those whose values are of another kind, in words."""
    found: list[str] = []
    for path, field in shape.fields.items():
        declared = _declared(schema, path)
        if declared is None:
            found.append(f"{path} is not described")
            continue
        allowed = declared.get("type")
        names = {allowed} if isinstance(allowed, str) else set(allowed or ())
        other = sorted(
            kind
            for kind in field.kinds
            if names and kind not in names and not (kind == "integer" and "number" in names)
        )
        if other:
            found.append(f"{path} is also {' or '.join(other)}")
    return found


def _declared(schema: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """What a schema says of a path; None if it does not name it, an empty map if it names only what is around it."""
    here: Any = schema
    for part in path.replace("[]", ".[]").split("."):
        if not isinstance(here, Mapping):
            return None
        inner = here.get("items") if part == "[]" else here.get("properties", {}).get(part)
        if inner is None:
            return {} if part == "[]" or ("properties" not in here and here is not schema) else None
        here = inner
    return here if isinstance(here, Mapping) else {}
