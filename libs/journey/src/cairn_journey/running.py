"""Run interventions: what waited goes on, what is triggered starts, step by step until a wait or the end."""

from base64 import b64encode
from typing import Any

from cairn_journey import facts
from cairn_journey.compiler import (
    BranchStep,
    CompiledIntervention,
    CompiledJourney,
    CompiledStep,
    DecideStep,
    WaitStep,
)
from cairn_journey.evolve import influenced
from cairn_journey.scene import Scene
from cairn_journey.state import Instance
from cairn_kernel.ids import stable_id


class Running:
    """Runs the interventions of one customer's instances."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def intervene(self, journey: CompiledJourney, slot: str, type: str, entered: str) -> None:
        """Go on with what waited for this event; then start what it, or the stage it led to, triggers.

        While the journey is paused neither happens.
        """
        if self._scene.state.open[slot].held is not None:
            return
        for intervention in journey.interventions:
            instance = self._scene.state.open[slot]
            run = instance.runs.get(intervention.name)
            if run is not None:
                wait = intervention.waits[run.step]
                if wait.on == type and self._scene.sight.holds(wait.when):
                    self.end_wait(journey, instance, intervention, timed_out=False)
            instance = self._scene.state.open[slot]
            if intervention.name not in instance.runs and self._triggered(intervention, type, entered):
                self._run(journey, instance, intervention, self._scene.occasion, intervention.first, None)

    def _triggered(self, item: CompiledIntervention, type: str, entered: str) -> bool:
        by_stage = bool(entered) and item.stage == entered
        return (by_stage or (bool(type) and item.on == type)) and self._scene.sight.holds(item.when)

    def end_wait(
        self, journey: CompiledJourney, instance: Instance, intervention: CompiledIntervention, *, timed_out: bool
    ) -> None:
        """Go on after a wait."""
        run = instance.runs[intervention.name]
        wait = intervention.waits[run.step]
        about = {"intervention": intervention.name, "run": run.run, "step": run.step}
        self._scene.tell(instance, facts.WAIT_ENDED, **about, timed_out=timed_out)
        self._run(journey, instance, intervention, run.run, wait.next, timed_out)

    def _run(
        self,
        journey: CompiledJourney,
        instance: Instance,
        intervention: CompiledIntervention,
        run: str,
        step: CompiledStep | None,
        timed_out: bool | None,
    ) -> None:
        """Go through the steps until a wait or the end."""
        while step is not None:
            match step:
                case DecideStep():
                    self._moment(journey, instance, intervention, run, step)
                    step = step.next
                case WaitStep():
                    about = {"intervention": intervention.name, "run": run, "step": step.path}
                    self._scene.tell(instance, facts.WAIT_STARTED, **about, due=self._scene.sight.at + step.for_)
                    return
                case BranchStep():
                    step = self._arm(journey, step, timed_out)

    def _arm(self, journey: CompiledJourney, step: BranchStep, timed_out: bool | None) -> CompiledStep | None:
        for condition, first in step.arms:
            if self._scene.sight.holds_after_wait(condition, timed_out):
                return first
        return step.next

    def _moment(
        self,
        journey: CompiledJourney,
        instance: Instance,
        intervention: CompiledIntervention,
        run: str,
        step: DecideStep,
    ) -> None:
        if self._scene.quiet:
            if not self._suppressed():
                influenced(self._scene.programmes, self._scene.draft, instance, self._scene.sight.at)
            return
        moment_id = stable_id("moment", instance.instance_id, intervention.name, step.path, run)
        about = {"intervention": intervention.name, "step": step.path, "moment_id": moment_id}
        if reason := self._suppressed():
            self._scene.tell(instance, facts.MOMENT_SUPPRESSED, **about, reason=reason)
            return
        selector = step.selector
        data: dict[str, Any] = {
            **about,
            "actions": {"tag": selector.tag} if selector.tag else {"names": list(selector.names)},
            "context": self._context(journey, instance),
            "contacts": self._contacts(instance),
            "locale": str(self._scene.state.traits.get("locale", "")),
        }
        if journey.definition.priority:
            data["priority"] = journey.definition.priority
        if step.expires is not None:
            data["expires_at"] = self._scene.sight.at + step.expires
        self._scene.tell(instance, facts.MOMENT_REACHED, **data)

    def _suppressed(self) -> str:
        """Why a moment must cause nothing now; empty: it may."""
        if self._scene.cause.historical:
            return facts.HISTORICAL
        return facts.HOPS if self._scene.cause.hops > facts.MAX_HOPS else ""

    def _context(self, journey: CompiledJourney, instance: Instance) -> dict[str, Any]:
        return {
            "traits": self._scene.state.traits,
            "features": self._scene.sight.features(journey.features),
            "stage": self._scene.state.open[instance.slot].stage,
            "event": dict(self._scene.sight.event),
            "event_type": "" if self._scene.cause.type == facts.TIMER else self._scene.cause.type,
        }

    def _contacts(self, instance: Instance) -> dict[str, Any]:
        channels = self._scene.programmes.version(self._scene.state.tenant, instance.version).contacts
        sealed = self._scene.state.sealed
        return {
            channel: {
                "sealed": b64encode(sealed[field].sealed).decode(),
                "key_id": sealed[field].key_id,
                "field": field,
            }
            for channel, field in channels.items()
            if field in sealed
        }
