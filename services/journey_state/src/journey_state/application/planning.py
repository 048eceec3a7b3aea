"""People in flight when another programme comes into force: what becomes of them, and what they are then told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cairn_journey import Programme, Programmes
from cairn_journey.engine.compiler import CompiledProgramme, compile_programme
from cairn_journey.engine.filling import any_new
from cairn_journey.engine.migration import Fate, Place, fate, migrants
from cairn_kernel.errors import Refused
from cairn_kernel.event import DEFINITION_ACTIVATED
from cairn_runtime.walks import Command


class Occupied(NamedTuple):
    """A place where instances are, and how many."""

    journey: str
    version: str
    place: Place
    instances: int


class Planned(NamedTuple):
    """An occupied place, and what becomes of those who are there."""

    occupied: Occupied
    fate: Fate


def plan(programmes: Programmes, tenant: str, after: Programme, occupied: Sequence[Occupied]) -> list[Planned]:
    """What becomes of each occupied place."""
    compiled = compile_programme(after)
    return [Planned(one, _fate(programmes, tenant, compiled, one)) for one in occupied]


def transition(
    programmes: Programmes,
    tenant: str,
    before: Programme | None,
    after: Programme,
    occupied: Sequence[Occupied],
    *,
    reverted: bool,
) -> Command | None:
    """What customers are told when a programme comes into force; None: nothing.

    Raises Refused (WOULD_STRAND) unless the programme says of everybody in flight what becomes of them; on the way
    back whom nothing is said of stays on their version.
    """
    leaving = compile_programme(before) if before is not None else None
    coming = compile_programme(after)
    if not reverted:
        _refuse_stranding(plan(programmes, tenant, after, occupied))
    data: dict[str, Any] = {"version": after.version} | ({"reverted": True} if reverted else {})
    if any_new(leaving, coming):
        data |= {"previous": leaving.version if leaving is not None else ""}
        return Command(tenant, DEFINITION_ACTIVATED, data)
    if coming.arms or (leaving is not None and leaving.arms):
        return Command(tenant, DEFINITION_ACTIVATED, data)
    concerned = migrants(leaving) if reverted and leaving is not None else migrants(coming)
    present = tuple(sorted({one.journey for one in occupied} & set(concerned)))
    return Command(tenant, DEFINITION_ACTIVATED, data, present) if present else None


def _fate(programmes: Programmes, tenant: str, after: CompiledProgramme, one: Occupied) -> Fate:
    if one.version == after.version:
        return Fate("stay")
    running = programmes.version(tenant, one.version).journeys.get(one.journey)
    return fate(one.journey, running, after.journeys.get(one.journey), one.place)


def _refuse_stranding(planned: Sequence[Planned]) -> None:
    stranded = [one for one in planned if one.fate.kind == "strand"]
    if not stranded:
        return
    number = sum(one.occupied.instances for one in stranded)
    problems = list(dict.fromkeys(problem for one in stranded for problem in one.fate.problems))
    more = f" (and {len(problems) - 1} more; journeyctl plan tells them)" if len(problems) > 1 else ""
    raise Refused(
        f"{number} {'instance' if number == 1 else 'instances'} in flight would be stranded: {problems[0]}{more}",
        reason="WOULD_STRAND",
        instances=number,
    )
