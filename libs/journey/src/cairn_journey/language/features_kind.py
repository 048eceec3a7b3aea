"""Read features."""

import re
from typing import Final

from cairn_journey.language.documents import Node
from cairn_journey.language.journey_shapes import FEATURE, FEATURE_KINDS
from cairn_journey.language.model import Feature
from cairn_journey.language.reading import Fields, Reading
from cairn_journey.language.scopes import WHERE_VARIABLES
from cairn_kernel.time import DAY, SECOND

_OF_A_FIELD: Final = ("sum", "min", "max", "distinct", "last")
_OF_THE_LATEST: Final = ("last", "idle")
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED: Final = frozenset(
    "profile event wait stage features audience in true false null as break const continue else for function if import "
    "let loop package namespace return var void while int uint double bool string bytes list map type size has all "
    "exists exists_one filter timestamp duration dyn matches min max".split()
)


def read_features(top: Fields) -> tuple[Feature, ...]:
    """The features of a journey or an audience."""
    features = []
    for name, key_node, node in top.entries("features"):
        if not _IDENTIFIER.fullmatch(name) or name in _RESERVED:
            cure = "use lower-case letters, digits and underscores, beginning with a letter, and no word of CEL"
            top.reading.fault(key_node, f"{name} cannot be the name of a feature", cure)
            continue
        feature = _feature(top.reading, name, node)
        if feature is not None:
            features.append(feature)
    return tuple(features)


def _feature(reading: Reading, name: str, node: Node) -> Feature | None:
    fields = Fields(reading, node, FEATURE)
    kinds = [kind for kind in FEATURE_KINDS if fields.node_of(kind) is not None]
    if len(kinds) != 1:
        if fields.is_map:
            cure = f"give exactly one of {', '.join(FEATURE_KINDS)} with an event type"
            reading.fault(node, f"feature {name} must say what it is", cure)
        return None
    kind = kinds[0]
    return Feature(
        name=name,
        kind=kind,  # type: ignore[arg-type]  # one of FEATURE_KINDS
        event=fields.event(kind),
        where=fields.condition("where", WHERE_VARIABLES),
        of=_field(fields, name, kind),
        window=_window(fields, name, kind),
        per=_per(fields, kind),
    )


def _field(fields: Fields, name: str, kind: str) -> str:
    node = fields.node_of("of")
    if kind in _OF_A_FIELD:
        fields.required("of", f"name the event's field: {name}: {{{kind}: basket.purchased, of: amount}}")
    elif node is not None:
        fields.reading.fault(node, f"a {kind} takes no field", "leave `of` out")
    return fields.text("of")


def _window(fields: Fields, name: str, kind: str) -> int | None:
    window, node = fields.optional_duration("window"), fields.node_of("window")
    if kind == "rate":
        fields.required("window", f"say over which time: {name}: {{rate: page.viewed, window: 7d, per: 1d}}")
    if window is None or node is None:
        return window
    if kind in _OF_THE_LATEST:
        fields.reading.fault(node, f"{kind} has no window: it is about the latest event", "leave `window` out")
    if window < 30 * SECOND:
        fields.reading.fault(node, "a window has at least 30 seconds", "write 30s or more")
    return window


def _per(fields: Fields, kind: str) -> int | None:
    node, per = fields.node_of("per"), fields.optional_duration("per")
    if node is not None and kind != "rate":
        fields.reading.fault(node, f"a {kind} is not per unit of time", "leave `per` out, or use rate")
    return (per or DAY) if kind == "rate" else None
