"""Say which frictions a customer has met."""

from cairn_journey.engine import facts
from cairn_journey.engine.compiler import CompiledJourney, JourneyRules
from cairn_journey.engine.friction import full, switched
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.state import Instance


class Obstacles:
    """Tells frictions of one customer's instances, after events, stages and time have been folded in."""

    __slots__ = ("_scene",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def after_event(self, journey: CompiledJourney, slot: str, rules: JourneyRules) -> None:
        """Those that the event at hand shows."""
        scene = self._scene
        for rule in rules.friction:
            if scene.sight.holds(rule.when):
                self._met(slot, rule.name)
        for watch in rules.watches:
            instance, friction = scene.state.open[slot], watch.friction
            if watch.part in ("repeat", "loop"):
                met = full(instance, friction, scene.sight.at)
            else:
                met = watch.part == "channel" and watch.element == instance.channel
                met = met and watch.sees(scene.sight.event) and switched(instance, friction, journey.frictions)
            if met:
                self._met(slot, friction.name)

    def after_stage(self, journey: CompiledJourney, slot: str, before: str) -> None:
        """Those that a stage shows which was entered just now, coming from another or none."""
        frictions = journey.frictions
        if not frictions:
            return
        instance = self._scene.state.open[slot]
        if frictions.order[instance.stage] < frictions.order.get(before, -1):
            for friction in frictions.back:
                self._met(slot, friction.name)
        for friction in frictions.loops:
            if full(self._scene.state.open[slot], friction, self._scene.sight.at):
                self._met(slot, friction.name)

    def after_time(self, instance: Instance, friction: str) -> None:
        """One that so long a stay, or so long a silence, is."""
        self._met(instance.slot, friction)

    def _met(self, slot: str, friction: str) -> None:
        self._scene.tell(self._scene.state.open[slot], facts.FRICTION_MET, friction=friction)
