"""Read EventType and Source."""

import re
from typing import Any, Final, Literal, cast

import jsonschema_rs

from cairn_journey.language.documents import Node
from cairn_journey.language.event_shapes import CLOCKS, EVENT_TYPE, MODES, QUOTA, SOURCE, TRUSTS, UNKNOWN
from cairn_journey.language.model import EventType, Source
from cairn_journey.language.reading import Fields, Reading
from cairn_kernel.event import canonical
from cairn_kernel.event_names import normalised

_FIELD: Final = re.compile(r"[^.\s]+")


def read_event_type(reading: Reading, node: Node) -> EventType:
    """The event type at a node."""
    top = Fields(reading, node, EVENT_TYPE)
    return EventType(
        name=_type_name(top),
        version=top.whole("version", minimum=1, default=1),
        mode=cast(Literal["strict", "learn", "open"], top.choice("mode", MODES, default="open")),
        schema=_schema(top),
        personal=_field_names(top),
        owner=top.text("owner"),
        description=top.text("description"),
    )


def read_source(reading: Reading, node: Node) -> Source:
    """The source at a node."""
    top = Fields(reading, node, SOURCE)
    quota = top.fields("quota", QUOTA)
    return Source(
        name=top.name("name", "name the source as its write key does: name: shop"),
        clock=cast(Literal["server", "device"], top.choice("clock", CLOCKS, default="server")),
        trust=cast(Literal["server", "public", "partner"], top.choice("trust", TRUSTS, default="server")),
        unknown=cast(Literal["accept", "quarantine"], top.choice("unknown", UNKNOWN, default="accept")),
        per_second=quota.whole("per_second", minimum=1) if quota is not None else None,
        owner=top.text("owner"),
        description=top.text("description"),
    )


def _type_name(top: Fields) -> str:
    node = top.required("name", "name the event type: name: order.completed")
    name = top.text("name")
    if node is not None and name and name != normalised(name):
        top.reading.fault(node, f"{name} is not an event type", f"write {normalised(name) or 'a name'}")
    return name


def _schema(top: Fields) -> bytes:
    node = top.node_of("schema")
    if node is None:
        return b"{}"
    told: Any = node.plain()
    if not isinstance(told, dict):
        top.reading.fault(node, f"a schema must be a map, not {node.kind}", "write JSON Schema: {type: object, …}")
        return b"{}"
    outside: list[str] = []
    try:
        jsonschema_rs.validator_for(told, retriever=lambda uri: outside.append(uri))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, RecursionError) as fault:
        place = _place(node, getattr(fault, "instance_path", []))
        if outside:
            top.reading.fault(node, "this schema refers to something outside itself", "write it out, or use $defs")
        else:
            top.reading.fault(place, "this is not JSON Schema", "see json-schema.org/draft/2020-12")
    return canonical(told)


def _place(node: Node, path: list[str | int]) -> Node:
    """The node at a path, or the last one on the way to it."""
    for step in path:
        if isinstance(node.value, dict) and step in node.value:
            node = node.value[str(step)][1]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
    return node


def _field_names(top: Fields) -> tuple[str, ...]:
    for name, node in zip(top.texts("personal"), top.items("personal"), strict=True):
        if not _FIELD.fullmatch(name):
            top.reading.fault(node, f"{name} is not a field", "write its own name, without those around it")
    return top.texts("personal")
