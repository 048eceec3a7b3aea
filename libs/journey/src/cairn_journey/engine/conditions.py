"""Conditions ready to evaluate, with the features they read."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from cairn_expressions import EvaluationError, Expression, activate, compile_expression
from cairn_journey.engine.features import CompiledFeature
from cairn_journey.language.model import Audience, Journey
from cairn_journey.language.scopes import branch_variables, event_variables, standing_variables
from cairn_kernel.ids import stable_id

IDENTIFIED: Final = "profile.identified"
"""The event that tells traits: clear ones in `data`, personal ones in `sealed`."""
KEPT_COUNTS: Final = 256
"""For so many counts it is kept what a condition says."""
ByCounts = Callable[..., bool | EvaluationError]


class Place(NamedTuple):
    """Where a condition stands."""

    kind: str
    """journey or audience."""
    name: str
    part: str
    """Such as `entry` or `stage lapsing`."""
    owner: str
    """What all keys of one journey or audience begin with."""
    key: str
    """What tells it, as it is written, apart from all others."""

    @classmethod
    def of(cls, kind: str, name: str, part: str, expression: str) -> "Place":
        """The place of an expression."""
        owner = f"{kind}/{name}/"
        return cls(kind, name, part, owner, f"{owner}{part}/{stable_id('expression', expression)[:8]}")


class Condition(NamedTuple):
    """A condition, and the features that it reads, which must be at hand."""

    expression: Expression
    features: tuple[CompiledFeature, ...]
    place: Place
    after_wait: bool = False
    """Whether it asks how the last wait ended."""
    audiences: "tuple[CompiledAudience, ...]" = ()
    """Those it asks about."""
    by_counts: ByCounts | None = None
    """What it says of its features in order, if it reads nothing but counts."""

    @property
    def reads(self) -> tuple[CompiledFeature, ...]:
        """Features it depends on, also by way of audiences."""
        return (*self.features, *(feature for audience in self.audiences for feature in audience.condition.features))


class CompiledAudience:
    """An audience: the condition of being in it, and what may change that."""

    __slots__ = ("condition", "features", "name", "timed", "types")

    def __init__(self, audience: Audience) -> None:
        self.name = audience.name
        self.features = tuple(CompiledFeature(feature) for feature in audience.features)
        known = {feature.name: feature for feature in self.features}
        self.condition = condition = Scope(audience, known, {}).always(audience.when, "when")
        self.types = frozenset(types_changing(condition))
        """Of events."""
        self.timed = tuple(feature for feature in condition.features if feature.timed)


class Scope:
    """Compiles the conditions of one journey or audience."""

    def __init__(
        self,
        definition: Journey | Audience,
        features: Mapping[str, CompiledFeature],
        audiences: "Mapping[str, CompiledAudience]",
    ) -> None:
        self._features = features
        self._audiences = audiences
        self._at_event = event_variables(definition.features)
        self._standing = standing_variables(definition.features)
        self._in_steps = branch_variables(definition.features)
        self.compiled: list[Condition] = []
        """All conditions so far."""
        self._owner = ("journey" if isinstance(definition, Journey) else "audience", definition.name)

    def at_event(self, text: str, part: str) -> Condition | None:
        """Where an event is at hand."""
        return self._compile(text, self._at_event, part) if text else None

    def standing(self, text: str, part: str) -> Condition | None:
        """Where no event is at hand."""
        return self._compile(text, self._standing, part) if text else None

    def always(self, text: str, part: str) -> Condition:
        """Where no event is at hand, and there is a condition."""
        return self._compile(text, self._standing, part)

    def in_steps(self, text: str, part: str) -> Condition:
        """In a step, where also the last wait can be asked about."""
        return self._compile(text, self._in_steps, part)

    def _compile(self, text: str, variables: Mapping[str, type], part: str) -> Condition:
        expression = compile_expression(text, variables)
        names = {reference.split(".")[0] for reference in expression.references}
        read = sorted(names & set(self._features))
        asked = sorted(name.split(".")[1] for name in expression.references if name.startswith("audience."))
        audiences = tuple(self._audiences[name] for name in asked)
        features, place = tuple(self._features[name] for name in read), Place.of(*self._owner, part, text)
        by_counts = _by_counts(expression, features) if names == {one.name for one in features if one.counts} else None
        condition = Condition(expression, features, place, "wait" in names, audiences, by_counts)
        self.compiled.append(condition)
        return condition


def _by_counts(expression: Expression, features: tuple[CompiledFeature, ...]) -> ByCounts:
    """What the same counts say is kept: there are few of them, and asking costs as much as all else about an event."""

    @lru_cache(maxsize=KEPT_COUNTS)
    def verdict(*counts: int | None) -> bool | EvaluationError:
        return expression.verdict(activate({one.name: count for one, count in zip(features, counts, strict=True)}))

    return verdict


def types_changing(condition: Condition | None) -> list[str]:
    """Types of events that may change what a standing condition says."""
    if condition is None:
        return []
    types = {feature.event for feature in condition.features}
    types.update(*(audience.types for audience in condition.audiences))
    if any(name.split(".")[0] == "profile" for name in condition.expression.references):
        types.add(IDENTIFIED)
    return sorted(types)
