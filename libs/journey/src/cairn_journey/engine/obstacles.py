"""Say which frictions a customer has met."""

from cairn_journey.engine import facts
from cairn_journey.engine.compiler import CompiledJourney, JourneyRules
from cairn_journey.engine.friction import full, switched
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.state import Instance


def after_event(scene: Scene, journey: CompiledJourney, slot: str, rules: JourneyRules) -> None:
    """Those that the event at hand shows."""
    for rule in rules.friction:
        if scene.sight.holds(rule.when):
            _met(scene, slot, rule.name)
    for watch in rules.watches:
        instance, friction = scene.state.open[slot], watch.friction
        if watch.part in ("repeat", "loop"):
            met = full(instance, friction, scene.sight.at)
        else:
            met = watch.part == "channel" and watch.element == instance.channel
            met = met and watch.sees(scene.sight.event) and switched(instance, friction, journey.frictions)
        if met:
            _met(scene, slot, friction.name)


def after_stage(scene: Scene, journey: CompiledJourney, slot: str, before: str) -> None:
    """Those that a stage shows which was entered just now, coming from another or none."""
    frictions = journey.frictions
    if not frictions:
        return
    instance = scene.state.open[slot]
    if frictions.order[instance.stage] < frictions.order.get(before, -1):
        for friction in frictions.back:
            _met(scene, slot, friction.name)
    for friction in frictions.loops:
        if full(scene.state.open[slot], friction, scene.sight.at):
            _met(scene, slot, friction.name)


def after_time(scene: Scene, instance: Instance, friction: str) -> None:
    """One that so long a stay, or so long a silence, is."""
    _met(scene, instance.slot, friction)


def _met(scene: Scene, slot: str, friction: str) -> None:
    scene.tell(scene.state.open[slot], facts.FRICTION_MET, friction=friction)
