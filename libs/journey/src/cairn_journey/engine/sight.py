"""What conditions see at one instant: traits, the event at hand, features. Built once, shared by all rules."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cairn_expressions import Activation, EvaluationError, activate
from cairn_journey.engine.conditions import CompiledAudience, Condition
from cairn_journey.engine.features import CompiledFeature
from cairn_journey.engine.state import CustomerState

_NO_EVENT: Final[Mapping[str, Any]] = {}


class Sight:
    """The state must not change its traits and features while this is in use."""

    __slots__ = ("_featured", "_plain", "_state", "at", "event", "failed")

    def __init__(self, state: CustomerState, at: int, event: Mapping[str, Any] = _NO_EVENT) -> None:
        self._state = state
        self.at = at
        self.event = event
        """Clear fields of the event at hand; empty when time alone brought this about."""
        self.failed: list[tuple[Condition, EvaluationError]] | None = None
        """Conditions that were neither true nor false, as often as they were asked; None: there was none."""
        self._plain: Activation | None = None
        self._featured: dict[tuple[CompiledFeature, ...], Activation] = {}

    @property
    def traits(self) -> Mapping[str, Any]:
        """Clear traits."""
        return self._state.traits

    def holds(self, condition: Condition | None) -> bool:
        """Whether a condition holds; no condition always does, one that fails does not."""
        if condition is None:
            return True
        verdict = self._verdict(condition)
        if isinstance(verdict, bool):
            return verdict
        self._note(condition, verdict)
        return False

    def evaluate(self, condition: Condition, timed_out: bool | None = None) -> Any:
        """An expression's value, or EvaluationError, given how the last wait ended (None: there was none)."""
        if timed_out is None or not condition.after_wait:
            return condition.expression.evaluate(self._activation(condition))
        values = {**self._values_for(condition), "wait": {"timed_out": timed_out}}
        return condition.expression.evaluate(activate(values))

    def with_event(self, event: Mapping[str, Any]) -> "Sight":
        """The same instant with another event at hand."""
        return Sight(self._state, self.at, event)

    def forget(self) -> None:
        """Look at the traits anew: they have changed."""
        self._plain = None
        self._featured.clear()

    def value(self, condition: Condition) -> Any:
        """An expression's value, or None if it fails."""
        value = condition.expression.evaluate(self._activation(condition))
        if not isinstance(value, EvaluationError):
            return value
        self._note(condition, value)
        return None

    def features(self, features: Iterable[CompiledFeature]) -> dict[str, Any]:
        """The values of features by name."""
        return {feature.name: feature.value(self._state.features, self.at) for feature in features}

    def _verdict(self, condition: Condition) -> bool | EvaluationError:
        if condition.by_counts is None:
            return condition.expression.verdict(self._activation(condition))
        kept, at = self._state.features, self.at
        return condition.by_counts(*[feature.value(kept, at) for feature in condition.features])

    def _note(self, condition: Condition, error: EvaluationError) -> None:
        if self.failed is None:
            self.failed = []
        self.failed.append((condition, error))

    def _activation(self, condition: Condition) -> Activation:
        if condition.audiences:
            return activate(self._values_for(condition))
        read = condition.features
        if not read:
            if self._plain is None:
                self._plain = activate(self._values(()))
            return self._plain
        activation = self._featured.get(read)
        if activation is None:
            activation = self._featured[read] = activate(self._values(read))
        return activation

    def within(self, audiences: Iterable[CompiledAudience]) -> dict[str, bool]:
        """Whether the customer is in audiences, by name."""
        return {audience.name: self.holds(audience.condition) for audience in audiences}

    def _values_for(self, condition: Condition) -> dict[str, Any]:
        return {**self._values(condition.features), "audience": self.within(condition.audiences)}

    def _values(self, features: Iterable[CompiledFeature]) -> dict[str, Any]:
        values: dict[str, Any] = {"profile": self._state.traits, "event": self.event}
        for feature in features:
            values[feature.name] = feature.value(self._state.features, self.at)
        return values
