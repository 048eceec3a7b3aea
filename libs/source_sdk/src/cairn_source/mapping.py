"""What the columns of a file or table mean: a mapping file, checked as definitions are."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cairn_journey import DefinitionFaults, Fault
from cairn_journey.language.documents import Node, read_yaml
from cairn_journey.language.reading import Fields, Reading
from cairn_kernel.identifiers import CAIRN_PROFILE, NAMESPACES

Kind = Literal["text", "number", "boolean", "json"]
KINDS: Final = ("text", "number", "boolean", "json")
FORMATS: Final = ("csv", "jsonl", "parquet")
CHANGES: Final = ("insert", "update", "delete")
_KEYS: Final = (
    *("kind", "name", "from", "on", "format", "delimiter", "encoding", "event", "id", "time", "identifiers"),
    *("properties", "rest", "historical"),
)
_SPACES: Final = tuple(sorted(space for space in NAMESPACES if space != CAIRN_PROFILE))


@dataclass(frozen=True, slots=True)
class Field:
    """A value: a column read as a kind, or the same value for all rows."""

    column: str = ""
    kind: Kind = "text"
    value: object = None


@dataclass(frozen=True, slots=True)
class Time:
    """When it happened: a column; `format` as strptime has it, else ISO 8601, or seconds or ms since 1970."""

    column: str
    format: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a row becomes an event. `id` empty: the place of the row in its file is its id."""

    name: str
    event: Field
    time: Time
    identifiers: dict[str, str]
    """Namespace to column."""
    properties: dict[str, Field]
    id: tuple[str, ...] = ()
    origin: str = "*"
    """Which files or tables it is for: a pattern such as `orders-*.csv` or `public.orders`."""
    on: tuple[str, ...] = ("insert",)
    """Which changes of a table become events."""
    rest: bool = False
    """Whether columns that are not named become properties too."""
    historical: bool | None = None
    """Whether its events are of the past and cause no message; None if it does not say."""
    format: str = ""
    delimiter: str = ","
    encoding: str = "utf-8-sig"

    def applies(self, origin: str, change: str) -> bool:
        """Whether a change of a row of a file or table becomes an event."""
        return change in self.on and fnmatchcase(origin, self.origin)

    def columns(self) -> set[str]:
        """The columns that must be there."""
        fields = [self.event, *self.properties.values()]
        return {self.time.column, *self.identifiers.values(), *self.id, *(f.column for f in fields if f.column)}


def load_mapping(path: Path) -> Mapping:
    """Read a mapping. Raises DefinitionFaults with every fault at its place."""
    faults: list[Fault] = []
    try:
        nodes = list(read_yaml(path.read_text(encoding="utf-8"), str(path), faults))
    except (OSError, UnicodeDecodeError):
        raise DefinitionFaults([Fault(str(path), 1, 1, "this file cannot be read", "name a YAML file")]) from None
    if not faults and len(nodes) != 1:
        faults.append(Fault(str(path), 1, 1, f"there are {len(nodes)} definitions here", "write one: kind: Import"))
    mapping = _mapping(nodes[0], Reading(faults)) if not faults else None
    if mapping is None or faults:
        raise DefinitionFaults(faults)
    return mapping


def load_mappings(path: Path) -> tuple[Mapping, ...]:
    """The mappings of a folder's YAML files, or of one file. Raises DefinitionFaults."""
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not paths:
        raise DefinitionFaults([Fault(str(path), 1, 1, "there is no mapping here", "write one: kind: Import")])
    return tuple(load_mapping(each) for each in paths)


def _mapping(node: Node, reading: Reading) -> Mapping:
    top = Fields(reading, node, "an import", _KEYS)
    top.choice("kind", ("Import",))
    top.required("event", "name the event of each row: event: Order Completed, or event: {column: what}")
    identifiers = _identifiers(top)
    return Mapping(
        name=top.name("name", "name the import: the same rows under the same name are the same events"),
        event=_field(top, "event", top.node_of("event")),
        time=_time(top),
        identifiers=identifiers,
        properties={name: _field(top, name, value) for name, _, value in top.entries("properties")},
        id=top.texts("id"),
        origin=top.text("from") or "*",
        on=_changes(top),
        rest=top.choice("rest", ("keep", "drop"), default="drop") == "keep",
        historical=_flag(top, "historical"),
        format=top.choice("format", FORMATS, default="") if top.node_of("format") is not None else "",
        delimiter=_delimiter(top),
        encoding=top.text("encoding") or "utf-8-sig",
    )


def _identifiers(top: Fields) -> dict[str, str]:
    top.required("identifiers", "say who a row is about: identifiers: {user_id: customer_no}")
    found: dict[str, str] = {}
    for name, key, value in top.entries("identifiers"):
        if name not in _SPACES:
            top.reading.fault(key, f"{name} is no namespace of identifiers", f"use one of: {', '.join(_SPACES)}")
        elif not isinstance(value.value, str):
            top.reading.fault(value, f"{name} must name a column", "write the column's name")
        else:
            found[name] = value.value
    return found


def _time(top: Fields) -> Time:
    node = top.required("time", "say when it happened: time: {column: ordered_at}")
    if node is None or isinstance(node.value, str):
        return Time(str(node.value) if node is not None else "")
    fields = Fields(top.reading, node, "time", ("column", "format", "zone"))
    fields.required("column", "name the column")
    zone, zone_node = fields.text("zone") or "UTC", fields.node_of("zone")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        if zone_node is not None:
            top.reading.fault(zone_node, f"{zone} is no time zone", "write one such as Europe/Berlin")
        zone = "UTC"
    return Time(fields.text("column"), fields.text("format"), zone)


def _field(top: Fields, name: str, node: Node | None) -> Field:
    """A bare text is a column, but for the event, whose name it is."""
    if node is None:
        return Field()
    if not isinstance(node.value, dict):
        return Field(value=node.value) if name == "event" else Field(column=str(node.plain()))
    fields = Fields(top.reading, node, name, ("column", "as", "value"))
    if (fields.node_of("column") is None) == (fields.node_of("value") is None):
        top.reading.fault(node, f"{name} needs a column or a value", "give one of them: {column: total, as: number}")
    value = fields.node_of("value")
    return Field(
        fields.text("column") if fields.node_of("column") is not None else "",
        fields.choice("as", KINDS, default="text"),  # type: ignore[arg-type]  # one of KINDS
        value.plain() if value is not None else None,
    )


def _changes(top: Fields) -> tuple[str, ...]:
    node = top.node_of("on")
    told: Sequence[str] = top.texts("on") or ("insert",)
    if node is not None and (unknown := sorted(set(told) - set(CHANGES))):
        top.reading.fault(node, f"{unknown[0]} is no change of a row", f"use {', '.join(CHANGES)}")
    return tuple(told)


def _flag(top: Fields, key: str) -> bool | None:
    node = top.node_of(key)
    if node is not None and not isinstance(node.value, bool):
        top.reading.fault(node, f"{key} must be true or false", "write true or false")
    return node.value if node is not None and isinstance(node.value, bool) else None


def _delimiter(top: Fields) -> str:
    node = top.node_of("delimiter")
    if node is None:
        return ","
    if not isinstance(node.value, str) or len(node.value) != 1:
        top.reading.fault(node, "a delimiter is one character", 'write one such as ";"')
        return ","
    return node.value
