"""A programme: all definitions of a directory, checked as a whole and named by their content."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from cairn_journey.language.audience_kind import read_audience
from cairn_journey.language.catalogue_kinds import read_action, read_connector, read_policy, read_template
from cairn_journey.language.documents import Node, from_plain, read_text, read_yaml
from cairn_journey.language.event_kinds import read_event_type, read_source
from cairn_journey.language.faults import DefinitionFaults, Fault
from cairn_journey.language.identity_kind import read_identity_rules
from cairn_journey.language.identity_model import IdentityRules
from cairn_journey.language.journey_kind import read_journey
from cairn_journey.language.model import (
    Action,
    Audience,
    Connector,
    ContactPolicy,
    EventType,
    Journey,
    Source,
    SubjectKind,
    Template,
)
from cairn_journey.language.reach import check_reach, unused
from cairn_journey.language.reading import Reading, Use, suggestion
from cairn_journey.language.subject_kind import read_subject_kind
from cairn_kernel.event import canonical
from cairn_kernel.survivorship import Keep, Survivorship

KINDS: Final = (
    "Action",
    "Audience",
    "Connector",
    "ContactPolicy",
    "EventType",
    "IdentityRules",
    "Journey",
    "Source",
    "SubjectKind",
    "Template",
)
_NOT_YET: Final = frozenset({"Experiment", "JourneyMap"})
_FORMAT: Final = 1


class Programme:
    """Immutable. Two programmes with the same content have the same version, however their files are laid out."""

    def __init__(
        self, definitions: Sequence[Any], documents: Sequence[Mapping[str, Any]], warnings: tuple[Fault, ...] = ()
    ) -> None:
        self.warnings = warnings
        """What is not wrong but probably not meant, such as a template that nothing uses."""
        self.journeys: Mapping[str, Journey] = _by_name(definitions, Journey)
        self.audiences: Mapping[str, Audience] = _by_name(definitions, Audience)
        self.subjects: Mapping[str, SubjectKind] = _by_name(definitions, SubjectKind)
        self.actions: Mapping[str, Action] = _by_name(definitions, Action)
        self.policies: Mapping[str, ContactPolicy] = _by_name(definitions, ContactPolicy)
        self.templates: Mapping[str, Template] = _by_name(definitions, Template)
        self.connectors: Mapping[str, Connector] = _by_name(definitions, Connector)
        self.event_types: Mapping[str, EventType] = _by_name(definitions, EventType)
        self.sources: Mapping[str, Source] = _by_name(definitions, Source)
        self.identity: IdentityRules | None = next(
            (definition for definition in definitions if isinstance(definition, IdentityRules)), None
        )
        """None: the rules that hold without any."""
        self._documents = sorted(documents, key=lambda document: (document["kind"], document["name"]))

    @cached_property
    def _bundle(self) -> bytes:
        return canonical({"format": _FORMAT, "definitions": self._documents})

    @cached_property
    def survivorship(self) -> Mapping[str, Survivorship]:
        """Which value of a trait counts, by name; of those not named the latest."""
        trusted = {source.name: _TRUST[source.trust] for source in self.sources.values()}
        return {
            rule.name: Survivorship(
                rule.keep,
                trusted if rule.keep == Keep.TRUSTED else {name: place for place, name in enumerate(rule.sources)},
            )
            for rule in (self.identity.traits if self.identity is not None else ())
        }

    @property
    def documents(self) -> Sequence[Mapping[str, Any]]:
        """Its definitions as they were written, in order of kind and name."""
        return self._documents

    @cached_property
    def version(self) -> str:
        """Content hash of the bundle, 16 hex digits."""
        return sha256(self._bundle).hexdigest()[:16]

    def bundle(self) -> bytes:
        """Canonical JSON of all definitions, with the contents of templates and models in place of their names."""
        return self._bundle

    def standing_in(self, version: str) -> "Programme":
        """The same definitions under another version's name, to go through that version's streams as if these had held.

        It equals this programme, and its bundle is this programme's.
        """
        other = copy(self)
        other.__dict__["version"] = version
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Programme) and self._bundle == other._bundle

    def __hash__(self) -> int:
        return int(self.version, 16)


_TRUST: Final = {"server": 0, "partner": 1, "public": 2}
_SUFFIXES: Final = (".yaml", ".yml")
_SCENARIOS: Final = (".scenario.yaml", ".scenario.yml")
"""Files that test a programme rather than being part of it."""


def load_directory(path: Path | str) -> Programme:
    """Read every .yaml and .yml file below a directory, those of scenarios left out, as one programme.

    Raises DefinitionFaults with all faults at once if anything is wrong.
    """
    root = Path(path)
    faults: list[Fault] = []
    nodes: list[Node] = []
    if not root.is_dir():
        said = "this is not a folder" if root.exists() else "there is no such folder"
        raise DefinitionFaults([Fault(str(root), 1, 1, said, "name the folder with all definitions of the programme")])
    for file in sorted(item for item in root.rglob("*") if item.suffix.lower() in _SUFFIXES and item.is_file()):
        if file.name.endswith(_SCENARIOS):
            continue
        text = read_text(file, faults)
        if text is not None:
            nodes.extend(read_yaml(text, str(file), faults))
    if not nodes and not faults:
        faults.append(Fault(str(root), 1, 1, "there are no definitions here", "add a .yaml file with a Journey"))
    return _assemble(nodes, faults, lambda node, reading: _template_text(root, node, reading))


def load_text(text: str, file: str = "programme.yaml") -> Programme:
    """Read one YAML text as a programme; its templates must be inline. Raises DefinitionFaults."""
    faults: list[Fault] = []
    nodes = list(read_yaml(text, file, faults))
    return _assemble(nodes, faults, lambda node, reading: str(node.value))


def parse_bundle(bundle: bytes) -> Programme:
    """The programme that a bundle was made from, checked anew. Raises DefinitionFaults."""
    try:
        content = msgspec.json.decode(bundle)
        if content["format"] != _FORMAT:
            raise ValueError
        nodes = [from_plain(document, "bundle") for document in content["definitions"]]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError):
        cure = "make it with journeyctl of the same release"
        raise DefinitionFaults([Fault("bundle", 0, 0, "this is not a bundle", cure)]) from None
    return _assemble(nodes, [], lambda node, reading: str(node.value))


def _by_name(definitions: Sequence[Any], kind: type[Any]) -> dict[str, Any]:
    found = {item.name: item for item in definitions if isinstance(item, kind)}
    return dict(sorted(found.items()))


def _template_text(root: Path, node: Node, reading: Reading) -> str:
    name = str(node.value)
    if not name.endswith((".liquid", ".json")) or "\n" in name or "{" in name:
        return name
    file = Path(node.file).parent / name
    if not file.resolve().is_relative_to(root.resolve()):
        reading.fault(node, f"{name} lies outside the programme", "move the file into the directory of definitions")
        return ""
    if not file.is_file():
        reading.fault(node, f"there is no file {name}", "create it beside this file, or write the text here")
        return ""
    return read_text(file, reading.faults) or ""


def _assemble(nodes: Sequence[Node], faults: list[Fault], text_of: Callable[[Node, Reading], str]) -> Programme:
    reading = Reading(faults)
    reading.audiences = _names(nodes, "Audience")
    reading.subjects = _names(nodes, "SubjectKind")
    reading.roles = _roles(nodes)
    definitions: list[Any] = []
    documents: list[dict[str, Any]] = []
    journeys: list[tuple[Node, Journey]] = []
    seen: dict[tuple[str, str], Node] = {}
    for node in nodes:
        definition = _read(reading, node, text_of)
        if definition is None:
            continue
        definitions.append(definition)
        documents.append(_document(node, definition))
        if isinstance(definition, Journey):
            journeys.append((node, definition))
        _refuse_second(reading, node, definition, seen)
    _resolve(reading, definitions)
    if not reading.faults:
        check_reach(reading, journeys)
    if reading.faults:
        raise DefinitionFaults(reading.faults)
    return Programme(definitions, documents, unused(reading, nodes))


def _names(nodes: Sequence[Node], kind: str) -> frozenset[str]:
    """Names of the definitions of a kind, before they are read."""
    documents = (node.value for node in nodes if isinstance(node.value, dict))
    named = (document for document in documents if "kind" in document and document["kind"][1].value == kind)
    return frozenset(str(document["name"][1].plain()) for document in named if "name" in document)


def _roles(nodes: Sequence[Node]) -> Mapping[str, tuple[str, ...]]:
    """The roles that kinds of subject name, before they are read."""
    found: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        document = node.value
        if isinstance(document, dict) and _names([node], "SubjectKind") and "roles" in document:
            roles = document["roles"][1].value
            named = tuple(str(role.plain()) for role in roles) if isinstance(roles, list) else ()
            found[str(document["name"][1].plain())] = named
    return found


def _read(reading: Reading, node: Node, text_of: Callable[[Node, Reading], str]) -> Any:
    if not isinstance(node.value, dict):
        reading.fault(node, f"a definition must be a map, not {node.kind}", f"begin it with kind: {', '.join(KINDS)}")
        return None
    kind_node = node.value["kind"][1] if "kind" in node.value else Node(None, node.file, node.line, node.column)
    if isinstance(kind_node.value, dict | list):
        reading.fault(kind_node, f"kind must be a text, not {kind_node.kind}", f"use one of: {', '.join(KINDS)}")
        return None
    match str(kind_node.value) if kind_node.value is not None else None:
        case "Journey":
            return read_journey(reading, node)
        case "SubjectKind":
            return read_subject_kind(reading, node)
        case "Audience":
            return read_audience(reading, node)
        case "Action":
            return read_action(reading, node)
        case "ContactPolicy":
            return read_policy(reading, node)
        case "Connector":
            return read_connector(reading, node)
        case "EventType":
            return read_event_type(reading, node)
        case "IdentityRules":
            return read_identity_rules(reading, node, lambda value: text_of(value, reading))
        case "Source":
            return read_source(reading, node)
        case "Template":
            return read_template(reading, node, lambda value: text_of(value, reading))
        case None:
            reading.fault(node, "a definition needs a kind", f"begin it with kind: {', '.join(KINDS)}")
        case kind if kind in _NOT_YET:
            reading.fault(kind_node, f"{kind} is not supported yet", f"use one of: {', '.join(KINDS)}")
        case _:
            said = str(kind_node.value)
            reading.fault(kind_node, *_unknown_kind(said))
    return None


def _unknown_kind(said: str) -> tuple[str, str]:
    if said == "Scenario":
        return "a Scenario is no part of a programme", "name its file *.scenario.yaml"
    return f"there is no kind {said}", suggestion(said, KINDS)


def _document(node: Node, definition: Any) -> dict[str, Any]:
    document: dict[str, Any] = node.plain()
    if isinstance(definition, Template):
        for part, texts in definition.parts.items():
            document[part] = texts[""] if "" in texts else dict(texts)
    if isinstance(definition, IdentityRules) and definition.matching is not None:
        document["matching"] = {**document["matching"], "model": definition.matching.model}
    return document


def _refuse_second(reading: Reading, node: Node, definition: Any, seen: dict[tuple[str, str], Node]) -> None:
    kind = type(definition).__name__
    if kind == "IdentityRules" and (first := seen.setdefault((kind, ""), node)) is not node:
        place = f" ({first.file}:{first.line})" if first.line else ""
        reading.fault(node, f"there are rules of identity already{place}", "say it there: a programme has one")
        return
    first = seen.setdefault((kind, definition.name), node)
    if first is not node and definition.name:
        place = f" ({first.file}:{first.line})" if first.line else ""
        name_node = node.value["name"][1]
        reading.fault(
            name_node, f"there is another {kind} called {definition.name}{place}", "give it a name of its own"
        )


def _resolve(reading: Reading, definitions: Sequence[Any]) -> None:
    templates = {d.name: d.channel for d in definitions if isinstance(d, Template)}
    names: dict[str, set[str]] = {
        "Action": {d.name for d in definitions if isinstance(d, Action)},
        "Audience": set(reading.audiences),
        "Journey": {d.name for d in definitions if isinstance(d, Journey)},
        "Template": set(templates),
        "tag": {tag for d in definitions if isinstance(d, Action) for tag in d.tags},
        "channel": {d.channel for d in definitions if isinstance(d, Connector)},
    }
    for use in reading.uses:
        if use.name not in names[use.kind]:
            reading.fault(use.node, *_unknown(use, names[use.kind]))
        elif use.channel and templates.get(use.name, use.channel) != use.channel:
            said = f"template {use.name} is for {templates[use.name]}, not for {use.channel}"
            reading.fault(use.node, said, "use a template of the same channel")


def _unknown(use: Use, known: set[str]) -> tuple[str, str]:
    match use.kind:
        case "channel":
            close = f"; {suggestion(use.name, known)}" if known else ""
            return f"no connector serves the channel {use.name}", f"add a Connector with channel: {use.name}{close}"
        case "tag":
            return f"no action has the tag {use.name}", suggestion(use.name, known)
        case _:
            return f"there is no {use.kind} {use.name}", suggestion(use.name, known)
