"""The JSON Schema of definitions, made of the shapes that the loader reads by; editors complete and check with it."""

from typing import Any, Final

from cairn_journey.language.catalogue_shapes import ACTION, CONNECTOR, POLICY, TEMPLATE
from cairn_journey.language.event_shapes import EVENT_TYPE, SOURCE
from cairn_journey.language.identity_shapes import IDENTITY_RULES
from cairn_journey.language.journey_shapes import AUDIENCE, JOURNEY, SUBJECT_KIND
from cairn_journey.language.shapes import AnyKind, Kind, Later, ListOf, MapOf, OneOf, Shape
from cairn_journey.language.steps_shapes import STEP

KINDS: Final = {
    shape.name: shape
    for shape in (
        ACTION,
        AUDIENCE,
        CONNECTOR,
        POLICY,
        EVENT_TYPE,
        IDENTITY_RULES,
        JOURNEY,
        SOURCE,
        SUBJECT_KIND,
        TEMPLATE,
    )
}
"""The shapes of definitions, by kind."""
LATER: Final = {STEP.name: STEP}
"""Shapes that others refer to by name."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one definition, that is of one document of a YAML file."""
    found: dict[str, Any] = {}
    for shape in (*KINDS.values(), *LATER.values()):
        _define(shape, found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cairn definition",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(KINDS), "description": "What is defined here."}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{kind}"},
            }
            for kind in KINDS
        ],
        "$defs": dict(sorted(found.items())),
    }


def _define(shape: Shape, found: dict[str, Any]) -> None:
    if shape.name in found:
        return
    found[shape.name] = definition = {
        "type": "object",
        "description": shape.text,
        "additionalProperties": False,
    }
    definition["properties"] = {key.name: _with_text(_schema(key.kind, found), key.text) for key in shape.keys.values()}
    if required := [key.name for key in shape.keys.values() if key.required]:
        definition["required"] = required
    if shape.groups:
        definition["allOf"] = [{"oneOf": [{"required": [name]} for name in group]} for group in shape.groups]


def _with_text(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, **schema}


def _schema(kind: AnyKind, found: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case Kind(_, schema):
            return dict(schema)
        case ListOf(of, least):
            return {"type": "array", "items": _schema(of, found)} | ({"minItems": least} if least else {})
        case MapOf(of, least, names):
            limits: dict[str, Any] = {"minProperties": least} if least else {}
            named = {"propertyNames": {"pattern": names}} if names else {}
            return {"type": "object", "additionalProperties": _schema(of, found), **limits, **named}
        case OneOf(kinds):
            return {"anyOf": [_schema(one, found) for one in kinds]}
        case Later(name):
            return {"$ref": f"#/$defs/{name}"}
        case Shape() as shape:
            _define(shape, found)
            return {"$ref": f"#/$defs/{shape.name}"}
