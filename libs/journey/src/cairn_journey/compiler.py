"""Compile a programme: expressions ready to evaluate, rules indexed by event type, steps linked."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from cairn_expressions import Expression, compile_expression
from cairn_journey.conditions import Condition, Scope, types_changing
from cairn_journey.features import CompiledFeature
from cairn_journey.model import Journey, Stage
from cairn_journey.programme import Programme
from cairn_journey.scopes import WHERE_VARIABLES
from cairn_journey.steps import CompiledIntervention
from cairn_journey.steps_model import OnError

EXIT_EVENT: Final = "exit_event"
"""An event of the journey's exit rules came, and the rule names no reason."""
EXIT_CONDITION: Final = "exit_condition"
"""A condition of the journey's exit rules holds, and the rule names no reason."""


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
        scope = Scope(journey, {feature.name: feature for feature in self.features})
        self.audience = scope.standing(journey.audience)
        self.value = scope.at_event(journey.goal.value)
        self.currency_code = journey.goal.currency if journey.goal.currency_is_code else ""
        self.currency = None if self.currency_code else scope.at_event(journey.goal.currency)
        self.interventions = tuple(
            CompiledIntervention(item, scope, journey.on_error or OnError())
            for item in sorted(journey.interventions, key=lambda item: -item.priority)
        )
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

    def _index(self, journey: Journey, scope: "Scope") -> None:
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
                for type in {wait.on, *wait.watches} - {""}:
                    self._rules(type).waits = True

    def _standing_exits(self, journey: Journey, scope: Scope) -> Exits:
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


def compile_programme(programme: Programme) -> CompiledProgramme:
    """Compile a programme; it was checked when it was loaded, so nothing can be wrong with it."""
    return CompiledProgramme(programme)
