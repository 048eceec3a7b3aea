"""What conditions see at one instant: traits, the event at hand, features. Built once, shared by all rules."""

from collections.abc import Mapping
from typing import Any, Final

from cairn_expressions import Activation, EvaluationError, activate
from cairn_journey.compiler import CompiledJourney, Condition
from cairn_journey.state import CustomerState

_NO_EVENT: Final[Mapping[str, Any]] = {}


class Sight:
    """The state must not change its traits and features while this is in use."""

    __slots__ = ("_by_journey", "_plain", "_state", "at", "event")

    def __init__(self, state: CustomerState, at: int, event: Mapping[str, Any] = _NO_EVENT) -> None:
        self._state = state
        self.at = at
        self.event = event
        """Clear fields of the event at hand; empty when time alone brought this about."""
        self._plain: Activation | None = None
        self._by_journey: dict[str, Activation] = {}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Clear traits."""
        return self._state.traits

    def holds(self, journey: CompiledJourney, condition: Condition | None) -> bool:
        """Whether a condition holds; no condition always does."""
        return condition is None or condition.expression.holds(self._activation(journey, condition.featured))

    def holds_after_wait(self, journey: CompiledJourney, condition: Condition, timed_out: bool | None) -> bool:
        """Whether a branch's condition holds, given how the last wait ended (None: there was none)."""
        if timed_out is None:
            return self.holds(journey, condition)
        values = {**self._values(journey, condition.featured), "wait": {"timed_out": timed_out}}
        return condition.expression.holds(activate(values))

    def evaluate(self, journey: CompiledJourney, condition: Condition) -> Any:
        """An expression's value, or EvaluationError."""
        return condition.expression.evaluate(self._activation(journey, condition.featured))

    def value(self, journey: CompiledJourney, condition: Condition) -> Any:
        """An expression's value, or None."""
        value = self.evaluate(journey, condition)
        return None if isinstance(value, EvaluationError) else value

    def features(self, journey: CompiledJourney) -> dict[str, Any]:
        """The values of a journey's features by name."""
        return {feature.name: feature.value(self._state.features, self.at) for feature in journey.features}

    def _activation(self, journey: CompiledJourney, featured: bool) -> Activation:
        if not featured:
            if self._plain is None:
                self._plain = activate(self._values(journey, False))
            return self._plain
        activation = self._by_journey.get(journey.name)
        if activation is None:
            activation = self._by_journey[journey.name] = activate(self._values(journey, True))
        return activation

    def _values(self, journey: CompiledJourney, featured: bool) -> dict[str, Any]:
        values: dict[str, Any] = {"profile": self._state.traits, "event": self.event}
        if featured:
            values.update(self.features(journey))
        return values
