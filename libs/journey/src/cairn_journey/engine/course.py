"""One run of an intervention while it goes from step to step."""

from collections.abc import Mapping
from typing import Any

from cairn_journey.engine.compiler import CompiledJourney
from cairn_journey.engine.state import CustomerState, Instance
from cairn_journey.engine.steps import CompiledIntervention, CompiledStep

_LAPS = ""
"""The counter of how often the run went back; with it each passage of a step has a name of its own."""


class Course:
    """Where a run is between two waits."""

    __slots__ = ("_counters", "id", "intervention", "journey", "slot", "timed_out")

    def __init__(
        self,
        journey: CompiledJourney,
        intervention: CompiledIntervention,
        slot: str,
        id: str,
        counters: Mapping[str, int],
        *,
        timed_out: bool | None = None,
    ) -> None:
        self.journey = journey
        self.intervention = intervention
        self.slot = slot
        """Where the instance is open."""
        self.id = id
        """What started the run."""
        self.timed_out = timed_out
        """How its last wait ended; None: there was none."""
        self._counters = dict(counters)

    def instance(self, state: CustomerState) -> Instance:
        """The instance that it belongs to."""
        return state.open[self.slot]

    @property
    def counters(self) -> dict[str, int]:
        """Rounds by path, to be kept over a wait."""
        return dict(self._counters)

    def count(self, path: str) -> int:
        """How many rounds a loop or a jump has made."""
        return self._counters.get(path, 0)

    def set_count(self, path: str, rounds: int, *, back: bool) -> None:
        """Note so many rounds; `back` if the run returns to a step where it was."""
        self._counters[path] = rounds
        if back:
            self._counters[_LAPS] = self._counters.get(_LAPS, 0) + 1

    def end_count(self, path: str) -> None:
        """A loop is done."""
        self._counters.pop(path, None)

    def about(self, step: CompiledStep) -> dict[str, Any]:
        """What facts about a step say."""
        about: dict[str, Any] = {"intervention": self.intervention.name, "step": step.path}
        laps = self._counters.get(_LAPS)
        return {**about, "lap": laps} if laps else about

    def place(self, step: CompiledStep) -> str:
        """The name of this passage of a step."""
        laps = self._counters.get(_LAPS)
        return f"{step.path}#{laps}" if laps else step.path
