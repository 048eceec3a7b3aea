"""Which events a change may make something else of: what tells whether two programmes have to be asked or only one.

Time is not in it. What happens when a timer is due is always asked of the changed programme.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from cairn_journey.engine.compiler import CompiledJourney, CompiledProgramme
from cairn_journey.engine.steps import CompiledIntervention
from cairn_journey.language.diff import diff
from cairn_journey.language.model import Journey
from cairn_kernel.event import Event


class Touched(NamedTuple):
    """Types of events at which journeys under the changed programme may do something else, from the same state."""

    types: frozenset[str]
    everything: bool = False
    """Whether that may be at any event."""
    foreign: frozenset[str] = frozenset()
    """Journeys of which facts may name what the changed programme does not have."""
    journeys: frozenset[str] = frozenset()
    """Those that are not the same."""

    def reaches(self, stream: Iterable[Event]) -> bool:
        """Whether the change may make anything else of a customer's stream: it touches an event, or a journey in it."""
        if self.everything:
            return True
        if not self.types and not self.journeys:
            return False
        types, journeys = self.types, self.journeys
        return any(event.type in types or event.data.get("journey") in journeys for event in stream)


_ELSEWHERE: Final = frozenset({"Action", "Connector", "ContactPolicy", "EventType", "Source", "Template"})
"""Kinds of definitions that journeys do not look at, but for a connector's contact."""


class _Everything(Exception):
    """No event can be left out."""


def touched(before: CompiledProgramme, after: CompiledProgramme) -> Touched:
    """Where two programmes may differ in what their journeys do with an event.

    Only lengths of time are looked through (a stage by absence, the time for a goal), and interventions, which do
    nothing but at what triggers them or what they wait for. Any other change of a journey touches all that the journey
    looks out for; one of contacts, and of any kind of definition but those in `_ELSEWHERE`, touches everything.
    """
    one, other = before.programme, after.programme
    foreign = frozenset(
        name for name, journey in before.journeys.items() if not _has(after.journeys.get(name), journey)
    )
    everything = Touched(frozenset(), everything=True, foreign=foreign)
    changes = diff(one, other)
    if before.contacts != after.contacts or any(change.kind not in {"Journey", *_ELSEWHERE} for change in changes):
        return everything
    types: set[str] = set()
    changed = frozenset(change.name for change in changes if change.kind == "Journey")
    try:
        for name in sorted(changed):
            types.update(_types(before.journeys.get(name), after.journeys.get(name)))
    except _Everything:
        return everything
    return Touched(frozenset(types - {""}), foreign=foreign, journeys=changed)


def _has(after: CompiledJourney | None, before: CompiledJourney) -> bool:
    """Whether the journey is still there, with all stages and frictions it had."""
    if after is None:
        return False
    return (
        after.stages.keys() >= before.stages.keys()
        and after.frictions.by_name.keys() >= before.frictions.by_name.keys()
    )


def _types(one: CompiledJourney | None, other: CompiledJourney | None) -> Iterator[str]:
    if one is not None and other is not None:
        if _frame(one.definition) == _frame(other.definition) and _order(one, other) == _order(other, one):
            yield from _of_interventions(one, other)
            return
    for journey in (one, other):
        if journey is not None and journey.otherwise:
            raise _Everything
        yield from journey.on if journey is not None else ()


def _frame(journey: Journey) -> Journey:
    """A journey without lengths of time and interventions, and without what no replay looks at."""
    stages = tuple(
        stage if stage.after is None else replace(stage, after=replace(stage.after, for_=0)) for stage in journey.stages
    )
    goal = replace(journey.goal, within=None)
    return replace(journey, goal=goal, stages=stages, interventions=(), owner="", description="", in_flight=None)


def _order(one: CompiledJourney, other: CompiledJourney) -> list[str]:
    """The interventions that both have, as the first has them in order."""
    return [item.name for item in one.interventions if item.name in _by_name(other.interventions)]


def _of_interventions(one: CompiledJourney, other: CompiledJourney) -> Iterator[str]:
    """Types of events at which interventions may act that are not the same in both."""
    same = {item.name: item for item in one.definition.interventions}
    same = {item.name: item for item in other.definition.interventions if same.get(item.name) == item}
    for journey in (one, other):
        for item in journey.interventions:
            if item.name not in same:
                yield from _acts_at(journey, item)


def _acts_at(journey: CompiledJourney, item: CompiledIntervention) -> Iterator[str]:
    yield item.on
    for wait in item.waits.values():
        yield wait.on
        yield from wait.watches
    if not item.stage:
        return
    if any(rule.stage == item.stage for _, rule in journey.otherwise):
        raise _Everything
    for type, rules in journey.on.items():
        if any(rule.name == item.stage for rule in rules.stages) or any(
            rule.stage == item.stage for rule in rules.entries
        ):
            yield type


def _by_name(items: Iterable[CompiledIntervention]) -> set[str]:
    return {item.name for item in items}
