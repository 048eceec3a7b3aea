"""Read frictions, the channels that they speak of, and how they bear on health."""

import re
from collections.abc import Mapping
from typing import Final

from cairn_journey.language.documents import Node
from cairn_journey.language.journey_shapes import CHANNEL, DETECTIONS, FRICTION, FRICTION_KINDS, HEALTH, RECOVERY
from cairn_journey.language.model import Channel, Friction, Health, Stage
from cairn_journey.language.reading import Fields, suggestion
from cairn_journey.language.scopes import WHERE_VARIABLES

_WEIGHTS: Final[Mapping[str, int]] = {
    "on": 5,
    "error": 10,
    "repeat": 10,
    "loop": 10,
    "dwell": 5,
    "back": 5,
    "channel_switch": 10,
    "silence": 15,
}
"""What a friction takes from health unless it says so itself."""
_CURE: Final = (
    "friction is detected by an event: on: coupon.rejected; or give error, repeat, loop, dwell, back, channel_switch "
    "or silence"
)
_QUANTILE: Final = re.compile(r"p[1-9][0-9]?")
_MOST_TIMES: Final = 100
_MOST_WEIGHT: Final = 100


def read_friction(
    top: Fields, stages: tuple[Stage, ...], channels: tuple[Channel, ...], variables: Mapping[str, type]
) -> tuple[Friction, ...]:
    """The friction points of a journey."""
    points: list[Friction] = []
    for item in top.items("friction"):
        fields = Fields(top.reading, item, FRICTION)
        name = fields.name("name", "name the friction point")
        node = fields.node_of("name")
        if node is not None and name in {other.name for other in points}:
            top.reading.fault(node, f"there is another friction point called {name}", "give it a name of its own")
        kinds = [kind for kind in FRICTION_KINDS if fields.node_of(kind) is not None]
        if len(kinds) == 1:
            points.append(_friction(fields, name, kinds[0], stages, channels, variables))
        elif fields.is_map:
            fields.reading.fault(item, f"friction point {name} must say one thing that shows it", _CURE)
    return tuple(points)


def read_usual(fields: Fields) -> tuple[tuple[str, int], ...]:
    """How long customers usually stay in a stage: `{p50: 1d, p90: 3d}`."""
    found = []
    for name, key_node, _ in fields.entries("usual"):
        if not _QUANTILE.fullmatch(name):
            fields.reading.fault(key_node, f"{name} is not a quantile", "write p1 to p99, such as p90: 3d")
            continue
        usual = fields.fields("usual", "usual", tuple(one for one, _, _ in fields.entries("usual")))
        if usual is not None:
            found.append((name, usual.duration(name)))
    return tuple(sorted(found))


def read_channels(top: Fields) -> tuple[Channel, ...]:
    """The channels a customer may come by, the cheapest first."""
    channels: list[Channel] = []
    for item in top.items("channels"):
        fields = Fields(top.reading, item, CHANNEL)
        name = fields.name("name", "name the channel")
        fields.required("on", "say which events come by it: on: [call.received]")
        types = tuple(fields.listed_event(str(node.plain()), node) for node in fields.items("on"))
        channels.append(Channel(name, types, fields.condition("when", WHERE_VARIABLES)))
    return tuple(channels)


def read_health(top: Fields) -> Health:
    """How health moves, besides the weights of frictions."""
    fields = top.fields("health", HEALTH)
    if fields is None:
        return Health()
    usual = Health()
    recovery = fields.fields("recovery", RECOVERY)
    progress = fields.whole("progress", minimum=0, default=usual.progress)
    if recovery is None:
        return Health(progress=progress)
    return Health(progress, recovery.whole("points", minimum=0), recovery.duration("every") or usual.every)


def _friction(
    fields: Fields,
    name: str,
    kind: str,
    stages: tuple[Stage, ...],
    channels: tuple[Channel, ...],
    variables: Mapping[str, type],
) -> Friction:
    weight = _weight(fields, kind)
    if kind in ("on", "error"):
        return Friction(name, on=fields.event(kind), when=fields.condition("when", variables), weight=weight)
    if (when := fields.node_of("when")) is not None:
        fields.reading.fault(when, f"`when` means nothing beside {kind}", f"put it within {kind}, or leave it out")
    if kind == "back":
        node = fields.node_of("back")
        if node is not None and node.value is not True:
            fields.reading.fault(node, "back is either true or left out", "write back: true")
        return Friction(name, kind="back", weight=weight)
    inner = fields.fields(kind, DETECTIONS[kind])
    if inner is None or not inner.is_map:
        return Friction(name, kind="back", weight=weight)
    match kind:
        case "repeat":
            return _repeat(inner, name, weight)
        case "loop":
            return _loop(inner, name, weight, stages)
        case "dwell":
            return _dwell(inner, name, weight, stages)
        case "channel_switch":
            return _switch(inner, name, weight, channels)
    return Friction(
        name,
        kind="silence",
        weight=weight,
        on=inner.event("after"),
        when=inner.condition("when", WHERE_VARIABLES),
        within=inner.duration("for", "say how long nothing may come: for: 3d"),
        until=inner.event("until", "say what ends it: until: promise.kept"),
    )


def _weight(fields: Fields, kind: str) -> int:
    node = fields.node_of("weight")
    weight = fields.whole("weight", minimum=0, default=_WEIGHTS[kind])
    if node is not None and weight > _MOST_WEIGHT:
        fields.reading.fault(node, "a friction takes at most all of the health, which is 100", "write 0 to 100")
    return weight


def _repeat(fields: Fields, name: str, weight: int) -> Friction:
    times, within = _often(fields)
    when = fields.condition("when", WHERE_VARIABLES)
    return Friction(name, "repeat", fields.event("on"), when, weight, times=times, within=within)


def _often(fields: Fields, least: int = 2) -> tuple[int, int]:
    node = fields.node_of("times")
    times = fields.whole("times", minimum=least)
    if node is not None and times > _MOST_TIMES:
        fields.reading.fault(node, f"at most {_MOST_TIMES} times are kept in mind", f"write {least} to {_MOST_TIMES}")
    return min(times, _MOST_TIMES), fields.duration("within", "say within which time: within: 1h")


def _loop(fields: Fields, name: str, weight: int, stages: tuple[Stage, ...]) -> Friction:
    kinds = [key for key in ("stages", "events") if fields.node_of(key) is not None]
    if len(kinds) != 1:
        fields.reading.fault(fields.node, "a loop is over stages or over events", "give one of `stages` and `events`")
        return Friction(name, "back", weight=weight)
    items = fields.items(kinds[0])
    if len(items) < 2:
        fields.reading.fault(fields.node, "a loop goes over at least two", f"name them in order: {kinds[0]}: [a, b]")
        return Friction(name, "back", weight=weight)
    times, within = _often(fields, least=1)
    if kinds[0] == "stages":
        path = tuple(_known_stage(fields, node, stages) for node in items)
        return Friction(name, "loop", weight=weight, times=times, within=within, stages=path)
    types = tuple(fields.listed_event(str(node.plain()), node) for node in items)
    return Friction(name, "loop", weight=weight, times=times, within=within, events=types)


def _dwell(fields: Fields, name: str, weight: int, stages: tuple[Stage, ...]) -> Friction:
    node = fields.required("stage", "say in which stage")
    stage = _known_stage(fields, node, stages) if node is not None else ""
    longer, peers = fields.node_of("longer_than"), fields.node_of("peers")
    if (longer is None) == (peers is None):
        cure = "give `longer_than: 3d`, or `peers: p90` of a stage that says what is usual"
        fields.reading.fault(fields.node, "a dwell is longer than a time, or than with others", cure)
        return Friction(name, "back", weight=weight)
    if longer is not None:
        return Friction(name, "dwell", weight=weight, stage=stage, within=fields.duration("longer_than"))
    quantile = fields.text("peers")
    usual = next((dict(one.usual) for one in stages if one.name == stage), {})
    if peers is not None and quantile and quantile not in usual:
        cure = f"measure it and write it at the stage: usual: {{{quantile}: 3d}}"
        fields.reading.fault(peers, f"stage {stage} does not say how long {quantile} of customers stay", cure)
    return Friction(name, "dwell", weight=weight, stage=stage, within=usual.get(quantile, 0))


def _switch(fields: Fields, name: str, weight: int, channels: tuple[Channel, ...]) -> Friction:
    known = [channel.name for channel in channels]
    fields.required("to", "say to which channels: to: [phone, store]")
    to = []
    for node in fields.items("to"):
        if node.value in known:
            to.append(str(node.value))
        else:
            cure = (
                suggestion(str(node.plain()), known) if known else "declare channels: [{name: web, on: [page.viewed]}]"
            )
            fields.reading.fault(node, f"this journey has no channel {node.plain()}", cure)
    return Friction(name, "channel_switch", weight=weight, to=tuple(to))


def _known_stage(fields: Fields, node: Node, stages: tuple[Stage, ...]) -> str:
    names = [stage.name for stage in stages]
    if node.value not in names:
        fields.reading.fault(node, f"this journey has no stage {node.plain()}", suggestion(str(node.plain()), names))
    return str(node.plain())
