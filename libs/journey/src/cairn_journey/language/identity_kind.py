"""Read IdentityRules."""

import json
import re
from collections.abc import Callable
from typing import Final, Literal, cast

from phonenumbers import SUPPORTED_REGIONS

from cairn_journey.language.documents import Node
from cairn_journey.language.identity_model import Blocked, Devices, IdentityRules, Matching, NamespaceRules, TraitRules
from cairn_journey.language.identity_shapes import (
    BLOCKED,
    DEVICES,
    IDENTITY_RULES,
    KEEPS,
    MATCHING,
    NAMED,
    NAMESPACE_RULES,
    SHARED,
    SPELLINGS,
    TRAIT_RULES,
)
from cairn_journey.language.reading import Fields, Reading
from cairn_kernel.identifiers import EMAIL, PHONE, normalise
from cairn_kernel.survivorship import Keep
from cairn_kernel.time import parse_duration

_WINDOWED: Final = re.compile(r"([1-9][0-9]*) per (([0-9]+[smhdw])+)")


def read_identity_rules(reading: Reading, node: Node, text_of: Callable[[Node], str]) -> IdentityRules:
    """The rules at a node; `text_of` gives the model that is named or stands there."""
    top = Fields(reading, node, IDENTITY_RULES)
    return IdentityRules(
        name=top.name("name", "name the rules, such as shop"),
        namespaces=_namespaces(reading, top),
        blocked=tuple(one for item in top.items("blocked") for one in _blocked(reading, item)),
        devices=_devices(top),
        matching=_matching(reading, top, text_of),
        traits=_traits(reading, top),
        largest=_optional(top, "largest", 2),
        owner=top.text("owner"),
        description=top.text("description"),
    )


def _namespaces(reading: Reading, top: Fields) -> tuple[NamespaceRules, ...]:
    found: dict[str, NamespaceRules] = {}
    for item in top.items("namespaces"):
        fields = Fields(reading, item, NAMESPACE_RULES)
        name = fields.choice("name", NAMED)
        if name in found and fields.is_map:
            reading.fault(item, f"{name} stands here twice", "say all that holds for it in one place")
        most, per = _limit(reading, fields)
        found[name] = NamespaceRules(
            name,
            most,
            per,
            _optional(fields, "fan_out", 1),
            fields.optional_duration("valid_for"),
            _region(reading, fields, name),
            _mailboxes(reading, fields, name),
        )
    return tuple(found.values())


def _region(reading: Reading, fields: Fields, name: str) -> str:
    node, region = fields.node_of("region"), fields.text("region")
    if node is None or not region:
        return ""
    if name != PHONE:
        reading.fault(node, f"{name} has no region", "say it of phone")
    elif region not in SUPPORTED_REGIONS:
        reading.fault(node, f"{region} is no country", "write its two letters, such as DE")
    return region


def _mailboxes(reading: Reading, fields: Fields, name: str) -> bool:
    node, spelling = fields.node_of("spelling"), fields.choice("spelling", SPELLINGS, default=SPELLINGS[0])
    if node is not None and name != EMAIL:
        reading.fault(node, f"{name} has one spelling", "say it of email")
    return spelling == SPELLINGS[1]


def _limit(reading: Reading, fields: Fields) -> tuple[int | None, int | None]:
    node = fields.node_of("max")
    if node is None:
        return None, None
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
        return node.value, None
    match = _WINDOWED.fullmatch(node.value) if isinstance(node.value, str) else None
    if match is None:
        reading.fault(node, f"{node.plain()} is not a limit", "write a number from 1 up, or as in 20 per 7d")
        return None, None
    return int(match[1]), parse_duration(match[2])


def _blocked(reading: Reading, item: Node) -> list[Blocked]:
    fields = Fields(reading, item, BLOCKED)
    namespace = fields.choice("namespace", NAMED)
    if fields.node_of("values") is None and fields.node_of("patterns") is None:
        fields.required("values", 'name values or patterns: values: [desk@shop.example], patterns: ["info@*"]')
    found = []
    for text, node in zip(fields.texts("patterns"), fields.items("patterns"), strict=True):
        if not any(letter.isalnum() for letter in text):
            reading.fault(node, f"{text} fits anything", "name at least one letter or digit, as in info@*")
        found.append(Blocked(namespace, "", text.lower() if namespace == EMAIL else text))
    for text, node in zip(fields.texts("values"), fields.items("values"), strict=True):
        value = normalise(namespace, text)
        if text and not value:
            cure = f"take it out: Cairn takes no such value as {namespace} anyway"
            reading.fault(node, f"{text} is never an identifier of {namespace}", cure)
        found.append(Blocked(namespace, value))
    return found


def _devices(top: Fields) -> Devices:
    fields = top.fields("devices", DEVICES)
    if fields is None:
        return Devices()
    shared = fields.choice("shared", SHARED, default="interval")
    return Devices(cast(Literal["interval", "last", "first"], shared), fields.optional_duration("idle"))


def _matching(reading: Reading, top: Fields, text_of: Callable[[Node], str]) -> Matching | None:
    fields = top.fields("matching", MATCHING)
    if fields is None or not fields.is_map:
        return None
    automatic, review = _probability(reading, fields, "automatic", 0.99), _probability(reading, fields, "review", 0.5)
    limit = fields.node_of("review") or fields.node_of("automatic")
    if limit is not None and review > automatic:
        reading.fault(limit, "review is above automatic", "let review be the smaller one")
    node = fields.required("model", "train one: journeyctl identity match customers.csv --model people.json")
    fields.required("fields", "say where its columns stand in traits: {given_name: firstName}")
    model = text_of(node) if node is not None else ""
    columns = _columns(reading, node, model) if node is not None and model else None
    paths = []
    for column, key_node, path in fields.entries("fields"):
        if columns is not None and column not in columns:
            reading.fault(key_node, f"the model has no column {column}", f"it has {', '.join(sorted(columns))}")
        if not isinstance(path.value, str) or not path.value:
            reading.fault(path, f"{path.plain()} is no path of a trait", "write it as address.city")
            continue
        paths.append((column, path.value))
    events = tuple(fields.listed_event("events", item) for item in fields.items("events"))
    return Matching(
        model,
        tuple(paths),
        automatic,
        review,
        fields.whole("candidates", minimum=2, default=100),
        events or ("profile.identified",),
    )


def _traits(reading: Reading, top: Fields) -> tuple[TraitRules, ...]:
    found: dict[str, TraitRules] = {}
    for item in top.items("traits"):
        fields = Fields(reading, item, TRAIT_RULES)
        fields.required("name", "name the trait, such as loyalty")
        name, keep, sources = fields.text("name"), fields.choice("keep", KEEPS), fields.node_of("sources")
        if name in found and fields.is_map:
            reading.fault(item, f"{name} stands here twice", "say which value counts in one place")
        if keep == Keep.SOURCE and sources is None:
            reading.fault(item, "keep: source needs sources", "list them, the best first: sources: [crm, shop]")
        elif keep in KEEPS and keep != Keep.SOURCE and sources is not None:
            reading.fault(sources, f"sources say nothing to keep: {keep}", "leave them out, or say keep: source")
        found[name] = TraitRules(name, Keep(keep) if keep in KEEPS else Keep.LATEST, tuple(fields.texts("sources")))
    return tuple(found.values())


def _columns(reading: Reading, node: Node, model: str) -> set[str] | None:
    """The columns that a model compares; None if it is none."""
    try:
        return set(json.loads(model)["model"]["rules"]["fields"])
    except (ValueError, KeyError, TypeError):
        reading.fault(node, "this is no trained model", "train one: journeyctl identity match customers.csv --model …")
        return None


def _probability(reading: Reading, fields: Fields, key: str, default: float) -> float:
    node = fields.node_of(key)
    if node is None:
        return default
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not 0 < node.value < 1:
        reading.fault(node, f"{node.plain()} is no probability", "write a number between 0 and 1, such as 0.99")
        return default
    return float(node.value)


def _optional(fields: Fields, key: str, minimum: int) -> int | None:
    return None if fields.node_of(key) is None else fields.whole(key, minimum=minimum)
