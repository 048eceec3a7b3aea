"""A programme comes into force: what becomes of one customer's open instances, and how they go back."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from cairn_journey.engine import facts
from cairn_journey.engine.compiler import CompiledProgramme
from cairn_journey.engine.evolve import journey_of
from cairn_journey.engine.migration import Place, fate, place_of
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import Before, Instance, Run
from cairn_journey.engine.turn import Turn
from cairn_journey.language.places import waits_of
from cairn_kernel.event import Event


def migrate(programmes: Programmes, turn: Turn, event: Event) -> None:
    """Those in flight stay, go on in the new version, or leave, as its journeys say; or go back to where they were."""
    version = str(event.data["version"])
    after = programmes.version(turn.state.tenant, version)
    for instance in sorted(turn.state.open.values(), key=lambda one: one.slot):
        if event.data.get("reverted"):
            _go_back(programmes, turn, instance)
        elif instance.version != version:
            _go_on(programmes, turn, instance, after)


def migrate_again(programmes: Programmes, turn: Turn, migrated: Event) -> None:
    """Do what a change of the programme did, told by `journey.migrated`, to all who now stood where it found them."""
    data = migrated.data
    after = programmes.version(turn.state.tenant, data["to_version"])
    for instance in turn.state.instances(data["journey"]):
        if instance.version != data["from_version"]:
            continue
        if data["before"] is None:
            _go_back(programmes, turn, instance)
        else:
            _go_on(programmes, turn, instance, after)


def _go_on(programmes: Programmes, turn: Turn, instance: Instance, after: CompiledProgramme) -> None:
    before = journey_of(programmes, turn.state.tenant, instance)
    found = fate(instance.journey, before, after.journeys.get(instance.journey), place_of(instance))
    if found.kind == "leave":
        turn.tell(instance, facts.EXITED, reason=facts.RETIRED)
    elif found.to is not None:
        paths, targets = dict(found.to.waits), dict(found.moved)
        runs = {
            targets[name]: replace(run, step=paths[targets[name]])
            for name, run in instance.runs.items()
            if name in targets
        }
        origin = Before(instance.version, instance.stage, instance.stage_entered, instance.runs)
        _go(turn, instance, after.version, found.to.stage, instance.stage_entered, runs, origin)


def _go_back(programmes: Programmes, turn: Turn, instance: Instance) -> None:
    """To the place before the migration; what happened since then keeps its place where the old version has it."""
    origin = instance.before
    if origin is None:
        return
    old = programmes.version(turn.state.tenant, origin.version).journeys[instance.journey]
    new = journey_of(programmes, turn.state.tenant, instance)
    left = Place(origin.stage, tuple(sorted((name, run.step) for name, run in origin.runs.items())))
    landed = fate(instance.journey, old, new, left)
    stage, entered = instance.stage, instance.stage_entered
    if stage not in old.stages or (landed.to is not None and stage == landed.to.stage):
        stage, entered = origin.stage, origin.stage_entered
    runs = _runs_back(instance, origin, dict(landed.moved), waits_of(old.definition.interventions))
    _go(turn, instance, origin.version, stage, entered, runs, None)


def _runs_back(
    instance: Instance, origin: Before, moved: Mapping[str, str], waits: Mapping[str, Mapping[str, str]]
) -> dict[str, Run]:
    """Runs that were dropped or are still under way, as they were; newer ones where the old version has their wait."""
    runs = {}
    for name, run in origin.runs.items():
        now = instance.runs.get(moved.get(name, ""))
        if name not in moved or (now is not None and now.run == run.run):
            runs[name] = run
    for name, run in instance.runs.items():
        if name not in runs and name not in moved.values() and run.step in waits.get(name, {}):
            runs[name] = run
    return runs


def _go(
    turn: Turn,
    instance: Instance,
    version: str,
    stage: str,
    stage_entered: int | None,
    runs: Mapping[str, Run],
    before: Before | None,
) -> None:
    data = {
        "journey": instance.journey,
        "instance_id": instance.instance_id,
        "from_version": instance.version,
        "to_version": version,
        "stage": stage,
        "stage_entered": stage_entered,
        "runs": msgspec.to_builtins(runs),
        "before": msgspec.to_builtins(before),
    }
    if instance.key:
        data["key"] = instance.key
    turn.record(facts.make(turn.cause, turn.state.profile_id, facts.MIGRATED, version, turn.occasion, data))
