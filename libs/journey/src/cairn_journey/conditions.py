"""Conditions ready to evaluate, with the features they read."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from cairn_expressions import Expression, compile_expression
from cairn_journey.features import CompiledFeature
from cairn_journey.model import Journey
from cairn_journey.scopes import branch_variables, event_variables, standing_variables

IDENTIFIED: Final = "profile.identified"
"""The event that tells traits: clear ones in `data`, personal ones in `sealed`."""


class Condition(NamedTuple):
    """A condition, and the features that it reads, which must be at hand."""

    expression: Expression
    features: tuple[CompiledFeature, ...]
    after_wait: bool = False
    """Whether it asks how the last wait ended."""


class Scope:
    """Compiles the conditions of one journey."""

    def __init__(self, journey: Journey, features: Mapping[str, CompiledFeature]) -> None:
        self._features = features
        self._at_event = event_variables(journey.features)
        self._standing = standing_variables(journey.features)
        self._in_steps = branch_variables(journey.features)

    def at_event(self, text: str) -> Condition | None:
        """Where an event is at hand."""
        return self._compile(text, self._at_event) if text else None

    def standing(self, text: str) -> Condition | None:
        """Where no event is at hand."""
        return self._compile(text, self._standing) if text else None

    def in_steps(self, text: str) -> Condition:
        """In a step, where also the last wait can be asked about."""
        return self._compile(text, self._in_steps)

    def _compile(self, text: str, variables: Mapping[str, type]) -> Condition:
        expression = compile_expression(text, variables)
        names = {reference.split(".")[0] for reference in expression.references}
        read = sorted(names & set(self._features))
        return Condition(expression, tuple(self._features[name] for name in read), "wait" in names)


def types_changing(condition: Condition | None) -> list[str]:
    """Types of events that may change what a standing condition says."""
    if condition is None:
        return []
    types = {feature.event for feature in condition.features}
    if any(name.split(".")[0] == "profile" for name in condition.expression.references):
        types.add(IDENTIFIED)
    return sorted(types)
