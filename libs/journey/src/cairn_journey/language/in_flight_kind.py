"""Read what becomes of those who are in a journey when a new version of it comes into force."""

from collections.abc import Collection
from typing import Final, Literal

from cairn_journey.language.journey_shapes import IN_FLIGHT, MIGRATE
from cairn_journey.language.model import InFlight
from cairn_journey.language.places import DROP, resolved
from cairn_journey.language.reading import Fields, suggestion
from cairn_journey.language.steps_model import Intervention

STAY: Final = "stay"
_CURE: Final = 'write stay, or {migrate: {stages: {old: new}, waits: {"offer/2": "offer/3", "offer/4": drop}}}'


def read_in_flight(top: Fields, stages: Collection[str], interventions: tuple[Intervention, ...]) -> InFlight | None:
    """Where they go; None: they stay on their version."""
    node = top.node_of("in_flight")
    if node is None or node.value == STAY:
        return None
    if not isinstance(node.value, dict):
        top.reading.fault(node, f"in_flight cannot be {node.plain()}", _CURE)
        return None
    outer = Fields(top.reading, node, IN_FLIGHT)
    if outer.required("migrate", _CURE) is None:
        return None
    fields = outer.fields("migrate", MIGRATE)
    if fields is None:
        return None
    return InFlight(_stages(fields, stages), _waits(fields, interventions))


def read_retired(top: Fields) -> Literal["", "drain", "stop"]:
    """Whether nobody enters any more, and what becomes of those in it."""
    node = top.node_of("retired")
    if node is None:
        return ""
    return "stop" if top.choice("retired", ("drain", "stop")) == "stop" else "drain"


def _stages(fields: Fields, stages: Collection[str]) -> tuple[tuple[str, str], ...]:
    found = []
    for old, _, node in fields.entries("stages"):
        new = str(node.plain())
        if new not in stages:
            fields.reading.fault(node, f"there is no stage {new} to go to", suggestion(new, stages))
        found.append((old, new))
    return tuple(sorted(found))


def _waits(fields: Fields, interventions: tuple[Intervention, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for old, place, node in fields.entries("waits"):
        new = str(node.plain())
        if "/" not in old:
            cure = 'write intervention and step, such as "offer/2"'
            fields.reading.fault(place, f"{old} does not name a wait", cure)
        if new != DROP and not resolved(new, interventions)[1]:
            cure = f"name a wait by intervention and step, such as offer/2, or write {DROP}"
            fields.reading.fault(node, f"there is no wait {new} to go to", cure)
        found.append((old, new))
    return tuple(sorted(found))
