"""Which stages and steps of journeys the scenarios went through."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cairn_journey import Journey, Programme
from cairn_journey.language.steps_model import Branch, Emit, Exit, Experiment, Jump, Repeat, Step, lists_within
from journeyctl.testing.playing import Played


class Spot(NamedTuple):
    """Something to go through."""

    journey: str
    kind: str
    """stage, step or arm."""
    name: str


class Covered(NamedTuple):
    """One journey's coverage."""

    journey: str
    reached: int
    spots: int
    missed: tuple[Spot, ...]


def coverage(games: Iterable[Played]) -> list[Covered]:
    """By journey in order of name, over all versions that were played."""
    spots: dict[Spot, None] = {}
    reached: set[Spot] = set()
    for played in games:
        for programme in played.versions:
            spots.update(dict.fromkeys(_spots(programme)))
        reached.update(_reached(played))
    journeys = sorted({spot.journey for spot in spots})
    return [_covered(journey, [spot for spot in spots if spot.journey == journey], reached) for journey in journeys]


def _covered(journey: str, spots: list[Spot], reached: set[Spot]) -> Covered:
    missed = tuple(spot for spot in spots if spot not in reached)
    return Covered(journey, len(spots) - len(missed), len(spots), missed)


def _spots(programme: Programme) -> Iterator[Spot]:
    for journey in programme.journeys.values():
        yield from (Spot(journey.name, "stage", stage.name) for stage in journey.stages)
        yield from _steps_of(journey)


def _steps_of(journey: Journey) -> Iterator[Spot]:
    for intervention in journey.interventions:
        for path, step in _paths(intervention.steps, ""):
            match step.does:
                case Emit(event):
                    yield Spot(journey.name, "event", event)
                case Exit(reason):
                    yield Spot(journey.name, "exit", reason)
                case Experiment(name, arms):
                    yield from (Spot(journey.name, "arm", f"{name}/{arm.name}") for arm in arms)
                case Branch() | Repeat() | Jump():
                    continue  # seen by what is inside them
                case _:
                    yield Spot(journey.name, "step", f"{intervention.name}/{path}")


def _paths(steps: tuple[Step, ...], prefix: str) -> Iterator[tuple[str, Step]]:
    """All steps with their paths, as the engine counts them."""
    for number, step in enumerate(steps, 1):
        path = f"{prefix}{number}"
        yield path, step
        for place, within in enumerate(lists_within(step.does), 1):
            yield from _paths(within, f"{path}.{place}.")


def _reached(played: Played) -> Iterator[Spot]:
    for customer in played.customers.values():
        for fact in customer.log:
            data, journey = fact.data, fact.data.get("journey", "")
            if fact.type == "journey.stage_entered":
                yield Spot(journey, "stage", data["stage"])
            elif fact.type == "journey.exited":
                yield Spot(journey, "exit", data["reason"])
            elif fact.type == "journey.arm_assigned":
                yield Spot(journey, "arm", f"{data['experiment']}/{data['arm']}")
            elif fact.source == "journey-state" and not journey:
                yield from (Spot(name, "event", fact.type) for name in played.world.programme.journeys)
            if journey and "intervention" in data and "step" in data:
                yield Spot(journey, "step", f"{data['intervention']}/{data['step']}")
