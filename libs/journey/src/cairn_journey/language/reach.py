"""What can never happen, or never end, seen over a whole programme; and what nobody uses.

Told is only what holds whatever customers do. Loops are the exception: one that a condition might stop is refused too,
since nothing but that condition stands between it and a flood.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cairn_journey.language.documents import Node
from cairn_journey.language.faults import Fault
from cairn_journey.language.flow import Flow
from cairn_journey.language.model import OUTCOMES, Journey
from cairn_journey.language.reading import Reading
from cairn_journey.language.steps_model import Decide, Emit, Exit, Intervention

_OWN_OUTCOMES: Final = frozenset(f"delivery.{outcome}" for outcome in OUTCOMES if outcome != "clicked")
"""What follows from a decision without the customer doing anything."""
_CURE: Final = "put a wait before the decide, or start it by something the customer does"


class _Cause(NamedTuple):
    """An intervention as a link between events: what starts it, and what follows from it at once."""

    journey: str
    intervention: str
    starts: frozenset[str]
    results: frozenset[str]


def check_reach(reading: Reading, journeys: Sequence[tuple[Node, Journey]]) -> None:
    """Note loops through several interventions or journeys, and goals, stages and steps that nobody can come to."""
    _refuse_loops(reading, [journey for _, journey in journeys])
    for node, journey in journeys:
        _refuse_goal(reading, node, journey)
        _refuse_too_late(reading, node, journey)


def unused(reading: Reading, nodes: Sequence[Node]) -> tuple[Fault, ...]:
    """Warnings about audiences and templates that nothing refers to."""
    used = {(use.kind, use.name) for use in reading.uses}
    found = []
    for node in nodes:
        if not isinstance(node.value, dict) or "name" not in node.value or "kind" not in node.value:
            continue
        kind, name = str(node.value["kind"][1].plain()), node.value["name"][1]
        if kind in ("Audience", "Template") and (kind, str(name.plain())) not in used:
            found.append(name.fault(f"nothing uses the {kind} {name.plain()}", "use it, or take it out"))
    return tuple(sorted(found))


def _refuse_loops(reading: Reading, journeys: Sequence[Journey]) -> None:
    causes = [_cause(journey, item) for journey in journeys for item in journey.interventions]
    ways: dict[str, set[str]] = {}
    for cause in causes:
        for start in cause.starts:
            ways.setdefault(start, set()).update(cause.results)
    for journey in journeys:
        for event, happens in _happenings(journey):
            ways.setdefault(event, set()).add(happens)
    for cause in causes:
        again = sorted(cause.starts & _reached(cause.results, ways))
        node = reading.triggers.get((cause.journey, cause.intervention))
        if again and node is not None:
            own = "its own messages cause" if again[0] in cause.results & _OWN_OUTCOMES else "it leads to"
            said = f"this could loop without waiting: {own} {again[0]}, which starts it again"
            reading.fault(node, said, _CURE)


def _cause(journey: Journey, item: Intervention) -> _Cause:
    stage = item.trigger.stage
    starts = {item.trigger.on} | {one.on for one in journey.stages if stage and one.name == stage}
    starts |= {_source(one.on, one.journey, one.moment) for one in journey.entry if stage and one.stage == stage}
    flow = Flow(item.steps)
    results: set[str] = set()
    for path in flow.reachable(flow.first, at_once=True):
        match flow.steps[path].does if path in flow.steps else None:
            case Decide():
                results |= _OWN_OUTCOMES
            case Emit(event):
                results.add(event)
            case Exit():
                results.add(_happened(journey.name, "exited"))
    return _Cause(journey.name, item.name, frozenset(starts - {""}), frozenset(results))


def _happenings(journey: Journey) -> Iterator[tuple[str, str]]:
    """What events do to the stay itself; entering again counts only if it needs no time."""
    if journey.reentry.rule == "always":
        for entry in journey.entry:
            yield _source(entry.on, entry.journey, entry.moment), _happened(journey.name, "entered")
    yield journey.goal.on, _happened(journey.name, "goal")
    for rule in journey.exit:
        yield rule.on, _happened(journey.name, "exited")


def _source(on: str, journey: str, moment: str) -> str:
    return _happened(journey, moment) if journey else on


def _happened(journey: str, moment: str) -> str:
    return f"{journey}>{moment}"


def _reached(events: frozenset[str], ways: Mapping[str, set[str]]) -> set[str]:
    found, ahead = set(events), list(events)
    while ahead:
        fresh = ways.get(ahead.pop(), set()) - found
        found |= fresh
        ahead.extend(fresh)
    return found


def _refuse_goal(reading: Reading, node: Node, journey: Journey) -> None:
    goal = journey.goal
    if goal.when == "false":
        place = _at(node, "goal", "when")
        reading.fault(place, "nobody can reach this goal: its condition never holds", "write a condition that can hold")
    for number, rule in enumerate(journey.exit):
        if rule.on and rule.on == goal.on and rule.when in ("", "true", goal.when):
            said = f"nobody can reach the goal: {rule.on} ends the stay before it counts"
            reading.fault(_at(node, "exit", number), said, "narrow this exit with `when`, or take it out")
        elif not rule.on and rule.when == "true":
            said = "nobody can reach the goal: everybody leaves at once"
            reading.fault(_at(node, "exit", number), said, "write a condition that does not always hold")


def _refuse_too_late(reading: Reading, node: Node, journey: Journey) -> None:
    """What comes only after the time for the goal is over: by then the stay has ended."""
    within = journey.goal.within
    if not within:
        return
    time = _at(node, "goal", "within").plain()
    begins = {entry.stage for entry in journey.entry}
    cure = f"shorten it, or give the goal more time than {time}"
    for number, stage in enumerate(journey.stages):
        if stage.after is not None and stage.after.for_ >= within and stage.name not in begins:
            said = f"nobody can reach this stage: the stay ends after {time}"
            reading.fault(_at(node, "stages", number, "after"), said, cure)
    for item in journey.interventions:
        earliest, places = Flow(item.steps).earliest(), reading.places.get((journey.name, item.name), {})
        for path, (at, before) in earliest.items():
            if at >= within > before and path in places:
                said = f"nobody can reach this step: the stay ends after {time}"
                reading.fault(places[path], said, "shorten the waits before it, or give the goal more time")


def _at(node: Node, *path: str | int) -> Node:
    """The node at a path, or the last one on the way to it."""
    for step in path:
        if isinstance(step, str) and isinstance(node.value, dict) and step in node.value:
            node = node.value[step][1]
        elif isinstance(step, int) and isinstance(node.value, list) and step < len(node.value):
            node = node.value[step]
    return node
