"""Compile a programme: expressions ready to evaluate, rules indexed by event type, steps linked."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from cairn_expressions import Expression, compile_expression
from cairn_journey.features import CompiledFeature
from cairn_journey.model import Arm, Branch, Decide, Intervention, Journey, On, Selector, Stage, Step, Wait
from cairn_journey.programme import Programme
from cairn_journey.scopes import WHERE_VARIABLES, branch_variables, event_variables, standing_variables

IDENTIFIED: Final = "profile.identified"
"""The event that tells traits: clear ones in `data`, personal ones in `sealed`."""
EXIT_EVENT: Final = "exit_event"
"""An event of the journey's exit rules came, and the rule names no reason."""
EXIT_CONDITION: Final = "exit_condition"
"""A condition of the journey's exit rules holds, and the rule names no reason."""


class Condition(NamedTuple):
    """A condition, and the features that it reads, which must be at hand."""

    expression: Expression
    features: tuple[CompiledFeature, ...]


class DecideStep:
    """A moment."""

    __slots__ = ("expires", "next", "path", "selector")

    def __init__(self, path: str, selector: Selector, expires: int | None, next: "CompiledStep | None") -> None:
        self.path = path
        self.selector = selector
        self.expires = expires
        self.next = next


class WaitStep:
    """A wait."""

    __slots__ = ("for_", "next", "on", "path", "when")

    def __init__(self, path: str, for_: int, on: str, when: Condition | None, next: "CompiledStep | None") -> None:
        self.path = path
        self.for_ = for_
        self.on = on
        self.when = when
        self.next = next


class BranchStep:
    """A parting of ways; `next` if no condition holds."""

    __slots__ = ("arms", "next", "path")

    def __init__(
        self, path: str, arms: tuple[tuple[Condition, "CompiledStep | None"], ...], next: "CompiledStep | None"
    ) -> None:
        self.path = path
        self.arms = arms
        self.next = next


CompiledStep = DecideStep | WaitStep | BranchStep


class CompiledIntervention:
    """An intervention with its steps linked and its waits by path."""

    __slots__ = ("first", "name", "on", "stage", "waits", "when")

    def __init__(self, intervention: Intervention, scope: "_Scope") -> None:
        self.name = intervention.name
        self.stage = intervention.trigger.stage
        self.on = intervention.trigger.on
        self.when = scope.at_event(intervention.trigger.when)
        self.waits: dict[str, WaitStep] = {}
        self.first = self._link(intervention.steps, "", None, scope)

    def _link(
        self, steps: tuple[Step, ...], prefix: str, after: CompiledStep | None, scope: "_Scope"
    ) -> CompiledStep | None:
        following = after
        for number in range(len(steps) - 1, -1, -1):
            following = self._compile(steps[number], f"{prefix}{number + 1}", following, scope)
        return following

    def _compile(self, step: Step, path: str, following: CompiledStep | None, scope: "_Scope") -> CompiledStep:
        match step:
            case Decide(selector, expires):
                return DecideStep(path, selector, expires, following)
            case Wait(for_, until):
                on = until or On("")
                wait = self.waits[path] = WaitStep(path, for_, on.on, scope.at_event(on.when), following)
                return wait
            case Branch(arms):
                linked = tuple(
                    self._arm(arm, f"{path}.{number + 1}.", following, scope) for number, arm in enumerate(arms)
                )
                return BranchStep(path, linked, following)

    def _arm(
        self, arm: Arm, prefix: str, following: CompiledStep | None, scope: "_Scope"
    ) -> tuple[Condition, CompiledStep | None]:
        condition = scope.in_branch(arm.when)
        return condition, self._link(arm.steps, prefix, following, scope)


class OnRule(NamedTuple):
    """An event that was looked out for came; it counts if the condition holds."""

    name: str
    when: Condition | None


class Exits(NamedTuple):
    """Exit conditions over traits and features, and those of the features that time alone changes."""

    rules: tuple[OnRule, ...]
    timed: tuple[CompiledFeature, ...]

    @property
    def conditions(self) -> list[Condition]:
        """Any of which ends an instance."""
        return [rule.when for rule in self.rules if rule.when is not None]


class JourneyRules:
    """What one journey looks out for in events of one type."""

    __slots__ = ("entries", "exits", "friction", "goal", "idle", "key", "looks", "stages", "triggers", "waits")

    def __init__(self) -> None:
        self.entries: list[OnRule] = []
        self.exits: list[OnRule] = []
        self.looks: list[OnRule] = []
        """Exit conditions that read what events of this type change."""
        self.goal: OnRule | None = None
        self.stages: list[OnRule] = []
        self.friction: list[OnRule] = []
        self.idle: list[tuple[str, int]] = []
        self.key: Expression | None = None
        """What tells instances apart; None: events of this type concern all of them."""
        self.triggers = False
        self.waits = False


class CompiledJourney:
    """A journey ready to run."""

    __slots__ = (
        *("_by_name", "audience", "currency", "currency_code", "definition", "features", "exits", "idle_stages"),
        *("interventions", "keyed", "name", "on", "stages", "value"),
    )

    def __init__(self, journey: Journey) -> None:
        self.definition = journey
        self.name = journey.name
        self.features = tuple(CompiledFeature(feature) for feature in journey.features)
        scope = _Scope(journey, {feature.name: feature for feature in self.features})
        self.audience = scope.standing(journey.audience)
        self.value = scope.at_event(journey.goal.value)
        self.currency_code = journey.goal.currency if journey.goal.currency_is_code else ""
        self.currency = None if self.currency_code else scope.at_event(journey.goal.currency)
        self.interventions = tuple(CompiledIntervention(item, scope) for item in journey.interventions)
        self._by_name = {item.name: item for item in self.interventions}
        self.stages: Mapping[str, tuple[Stage, Condition | None]] = {
            stage.name: (stage, scope.at_event(stage.when) if stage.on else scope.standing(stage.when))
            for stage in journey.stages
        }
        self.idle_stages = tuple((s.name, s.after.for_) for s in journey.stages if s.after is not None)
        self.on: dict[str, JourneyRules] = {}
        self._index(journey, scope)
        self.exits = self._standing_exits(journey, scope)
        self.keyed = bool(journey.key)
        for type, rules in self.on.items():
            text = dict(journey.key).get(type) or dict(journey.key).get("")
            rules.key = compile_expression(text, WHERE_VARIABLES) if text else None

    def intervention(self, name: str) -> CompiledIntervention:
        """The intervention called so; there is one, since names come from runs of this version."""
        return self._by_name[name]

    def _index(self, journey: Journey, scope: "_Scope") -> None:
        for rule in journey.entry:
            self._rules(rule.on).entries.append(OnRule("", scope.at_event(rule.when)))
        for leaving in journey.exit:
            if leaving.on:
                reached = OnRule(leaving.reason or EXIT_EVENT, scope.at_event(leaving.when))
                self._rules(leaving.on).exits.append(reached)
        self._rules(journey.goal.on).goal = OnRule("", scope.at_event(journey.goal.when))
        for stage in journey.stages:
            if stage.after is not None:
                self._rules(stage.after.idle).idle.append((stage.name, stage.after.for_))
            else:
                self._rules(stage.on).stages.append(OnRule(stage.name, scope.at_event(stage.when)))
        for point in journey.friction:
            self._rules(point.on).friction.append(OnRule(point.name, scope.at_event(point.when)))
        for item in self.interventions:
            if item.on:
                self._rules(item.on).triggers = True
            for wait in item.waits.values():
                if wait.on:
                    self._rules(wait.on).waits = True

    def _standing_exits(self, journey: Journey, scope: "_Scope") -> Exits:
        rules = tuple(
            OnRule(rule.reason or EXIT_CONDITION, scope.standing(rule.when)) for rule in journey.exit if not rule.on
        )
        for rule in rules:
            for type in types_changing(rule.when):
                self._rules(type).looks.append(rule)
        read = {feature.key: feature for rule in rules if rule.when is not None for feature in rule.when.features}
        return Exits(rules, tuple(feature for feature in read.values() if feature.timed))

    def _rules(self, type: str) -> JourneyRules:
        return self.on.setdefault(type, JourneyRules())


class TypeRules:
    """What all journeys of a programme look out for in events of one type."""

    __slots__ = ("features", "journeys")

    def __init__(self, features: tuple[CompiledFeature, ...], journeys: tuple[CompiledJourney, ...]) -> None:
        self.features = features
        self.journeys = journeys
        """Those with a higher priority first, then in order of name."""


class CompiledProgramme:
    """A programme ready to run, indexed by event type: an event costs what the rules for its type cost."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.version = programme.version
        self.journeys: Mapping[str, CompiledJourney] = {
            name: CompiledJourney(journey) for name, journey in programme.journeys.items()
        }
        self.by_type: Mapping[str, TypeRules] = self._index()
        self.contacts: Mapping[str, str] = {
            connector.channel: connector.contact for connector in programme.connectors.values() if connector.contact
        }
        """The sealed trait with the customer's address, by channel."""

    def _index(self) -> dict[str, TypeRules]:
        features: dict[str, dict[str, CompiledFeature]] = {}
        for journey in self.journeys.values():
            for feature, compiled in zip(journey.definition.features, journey.features, strict=True):
                features.setdefault(feature.event, {})[compiled.key] = compiled
        ordered = sorted(self.journeys.values(), key=lambda journey: (-journey.definition.priority, journey.name))
        types = {type for journey in self.journeys.values() for type in journey.on} | set(features)
        return {
            type: TypeRules(
                tuple(features.get(type, {}).values()),
                tuple(journey for journey in ordered if type in journey.on),
            )
            for type in sorted(types)
        }


class _Scope:
    """Compiles the conditions of one journey."""

    def __init__(self, journey: Journey, features: Mapping[str, CompiledFeature]) -> None:
        self._features = features
        self._at_event = event_variables(journey.features)
        self._standing = standing_variables(journey.features)
        self._in_branch = branch_variables(journey.features)

    def at_event(self, text: str) -> Condition | None:
        return self._compile(text, self._at_event) if text else None

    def standing(self, text: str) -> Condition | None:
        return self._compile(text, self._standing) if text else None

    def in_branch(self, text: str) -> Condition:
        return self._compile(text, self._in_branch)

    def _compile(self, text: str, variables: Mapping[str, type]) -> Condition:
        expression = compile_expression(text, variables)
        read = sorted({reference.split(".")[0] for reference in expression.references} & set(self._features))
        return Condition(expression, tuple(self._features[name] for name in read))


def types_changing(condition: Condition | None) -> list[str]:
    """Types of events that may change what a standing condition says."""
    if condition is None:
        return []
    types = {feature.event for feature in condition.features}
    if any(name.split(".")[0] == "profile" for name in condition.expression.references):
        types.add(IDENTIFIED)
    return sorted(types)


def compile_programme(programme: Programme) -> CompiledProgramme:
    """Compile a programme; it was checked when it was loaded, so nothing can be wrong with it."""
    return CompiledProgramme(programme)
