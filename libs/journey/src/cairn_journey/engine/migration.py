"""People in flight when the programme changes: who stays on their version, who goes where in the new one, who cannot.

All depends on the journey's two versions and on the place where an instance is, so a plan is made per place, whoever
stands there.
"""

from typing import Literal, NamedTuple

from cairn_journey.engine.compiler import CompiledJourney, CompiledProgramme
from cairn_journey.engine.state import Instance
from cairn_journey.language.model import InFlight
from cairn_journey.language.places import DROP, resolved


class Place(NamedTuple):
    """Where an instance is in its journey: its stage, and the path of the wait of each intervention that waits."""

    stage: str
    waits: tuple[tuple[str, str], ...]
    """(intervention, path), in order."""

    def __str__(self) -> str:
        waits = ", ".join(f"{name}/{path}" for name, path in self.waits)
        return f"{self.stage or 'no stage yet'}{f', waiting at {waits}' if waits else ''}"


class Fate(NamedTuple):
    """What becomes of the instances at a place."""

    kind: Literal["stay", "migrate", "leave", "strand"]
    """Stay on their version, go on in the new one at `to`, leave the journey, or have nowhere to go."""
    to: Place | None = None
    moved: tuple[tuple[str, str], ...] = ()
    """(intervention, intervention it goes on in) for those of `to`."""
    problems: tuple[str, ...] = ()
    """What has no counterpart, each with its cure."""


def place_of(instance: Instance) -> Place:
    """Where an instance is."""
    return Place(instance.stage, tuple(sorted((name, run.step) for name, run in instance.runs.items())))


def fate(name: str, before: CompiledJourney | None, after: CompiledJourney | None, place: Place) -> Fate:
    """What becomes of those at a place of a journey's version when another programme comes into force."""
    if after is None:
        cure = f"keep {name} with `retired: drain` (those in it finish) or `retired: stop` (they leave)"
        return Fate("strand", problems=(f"the new programme has no journey {name}; {cure}",))
    if after.definition.retired == "stop":
        return Fate("leave")
    mapping = after.definition.in_flight
    return Fate("stay") if mapping is None else _mapped(mapping, before, after, place)


def migrants(after: CompiledProgramme) -> tuple[str, ...]:
    """Journeys in which an activation does something to those in flight."""
    found = [
        name
        for name, journey in after.journeys.items()
        if journey.definition.in_flight is not None or journey.definition.retired == "stop"
    ]
    return tuple(sorted(found))


def _mapped(mapping: InFlight, before: CompiledJourney | None, after: CompiledJourney, place: Place) -> Fate:
    problems = []
    stage = dict(mapping.stages).get(place.stage, place.stage)
    if stage and stage not in after.stages:
        cure = f"map it: in_flight: {{migrate: {{stages: {{{stage}: <one of {', '.join(after.stages) or 'none'}>}}}}}}"
        problems.append(f"{after.name} has no stage {stage} any more; {cure}")
    waits: dict[str, str] = {}
    moved: dict[str, str] = {}
    wanted = _by_path(mapping.waits, before)
    for name, path in place.waits:
        target = wanted.get((name, path), f"{name}/{path}")
        if target == DROP:
            continue
        to, at = resolved(target, after.definition.interventions)
        if not at or to in waits:
            cure = f'map it: in_flight: {{migrate: {{waits: {{"{name}/{path}": <intervention>/<step>, or drop}}}}}}'
            said = "is taken already" if at else "is no wait any more"
            problems.append(f"{target} of {after.name} {said}; {cure}")
            continue
        waits[to] = at
        moved[name] = to
    if problems:
        return Fate("strand", problems=tuple(problems))
    return Fate("migrate", Place(stage, tuple(sorted(waits.items()))), tuple(sorted(moved.items())))


def _by_path(waits: tuple[tuple[str, str], ...], before: CompiledJourney | None) -> dict[tuple[str, str], str]:
    """The mapping with the labels of the version that is left read as paths."""
    interventions = before.definition.interventions if before is not None else ()
    found = {}
    for source, target in waits:
        name, path = resolved(source, interventions)
        label = source.partition("/")
        found[(name, path) if path else (label[0], label[2])] = target
    return found
