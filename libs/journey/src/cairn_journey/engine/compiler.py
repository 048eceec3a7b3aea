"""Compile a programme: expressions ready to evaluate, rules indexed by event type, steps linked."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cairn_expressions import Expression, compile_expression
from cairn_journey.engine.conditions import CompiledAudience, Condition, Scope, types_changing
from cairn_journey.engine.features import CompiledFeature
from cairn_journey.engine.friction import CompiledFriction, Watch, watches_of
from cairn_journey.engine.steps import CompiledIntervention
from cairn_journey.language.model import PERSON, Entry, Journey, Schedule, Stage
from cairn_journey.language.programme import Programme
from cairn_journey.language.scopes import WHERE_VARIABLES
from cairn_journey.language.steps_model import OnError
from cairn_kernel.survivorship import Survivorship

EXIT_EVENT: Final = "exit_event"
"""An event of the journey's exit rules came, and the rule names no reason."""
EXIT_CONDITION: Final = "exit_condition"
"""A condition of the journey's exit rules holds, and the rule names no reason."""


class OnRule(NamedTuple):
    """An event that was looked out for came; it counts if the condition holds."""

    name: str
    when: Condition | None


class EntryRule(NamedTuple):
    """What leads in, if the condition holds, and the stage in which one begins."""

    when: Condition | None
    stage: str
    audience: CompiledAudience | None = None
    """The audience one comes into, if that is what leads in."""


class CompiledSchedule(NamedTuple):
    """A schedule that leads into a journey."""

    timer: str
    """Id of its timer: one of a kind per journey."""
    ref: str
    schedule: Schedule
    journey: "CompiledJourney"
    rule: EntryRule


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

    __slots__ = (
        "entries",
        "exits",
        "exits_on_time",
        "friction",
        "goal",
        "idle",
        "key",
        "looks",
        "stages",
        "triggers",
        "waits",
        "watches",
    )

    def __init__(self) -> None:
        self.entries: list[EntryRule] = []
        self.exits: list[OnRule] = []
        self.looks: list[OnRule] = []
        """Exit conditions that read what events of this type change."""
        self.goal: OnRule | None = None
        self.stages: list[OnRule] = []
        self.friction: list[OnRule] = []
        self.idle: list[tuple[str, int]] = []
        self.key: Expression | None = None
        """What tells instances apart; None: events of this type concern all of them."""
        self.watches: list[Watch] = []
        """What frictions look at in such events."""
        self.triggers = False
        self.exits_on_time = False
        """Whether time alone may bring one of `looks` about."""
        self.waits = False

    @property
    def follows(self) -> bool:
        """Whether an open instance keeps something of such an event."""
        return bool(self.idle or self.watches or (self.looks and self.exits_on_time))


class CompiledJourney:
    """A journey ready to run."""

    __slots__ = (
        *(
            "_by_name",
            "audience",
            "conditions",
            "currency",
            "currency_code",
            "definition",
            "features",
            "exits",
            "frictions",
            "idle_stages",
        ),
        *("interventions", "keyed", "name", "on", "otherwise", "several", "stages", "value"),
    )

    def __init__(self, journey: Journey, audiences: Mapping[str, CompiledAudience]) -> None:
        self.definition = journey
        self.name = journey.name
        self.features = tuple(CompiledFeature(feature) for feature in journey.features)
        scope = Scope(journey, {feature.name: feature for feature in self.features}, audiences)
        self.audience = scope.standing(journey.audience, "audience")
        self.value = scope.at_event(journey.goal.value, "goal value")
        self.currency_code = journey.goal.currency if journey.goal.currency_is_code else ""
        self.currency = None if self.currency_code else scope.at_event(journey.goal.currency, "goal currency")
        self.interventions = tuple(
            CompiledIntervention(item, scope, journey.on_error or OnError())
            for item in sorted(journey.interventions, key=lambda item: -item.priority)
        )
        self._by_name = {item.name: item for item in self.interventions}
        self.stages: Mapping[str, tuple[Stage, Condition | None]] = {
            stage.name: (stage, (scope.at_event if stage.on else scope.standing)(stage.when, f"stage {stage.name}"))
            for stage in journey.stages
        }
        self.idle_stages = tuple((s.name, s.after.for_) for s in journey.stages if s.after is not None)
        self.on: dict[str, JourneyRules] = {}
        self.otherwise: list[tuple[Entry, EntryRule]] = []
        """What leads in besides events."""
        self._index(journey, scope, audiences)
        self.exits = self._standing_exits(journey, scope)
        self.conditions = scope.compiled
        self.frictions = CompiledFriction(journey)
        self.keyed = bool(journey.key)
        self.several = self.keyed or journey.merge == "both"
        for type, rules in self.on.items():
            text = dict(journey.key).get(type) or dict(journey.key).get("")
            rules.key = compile_expression(text, WHERE_VARIABLES) if text else None
            rules.exits_on_time = bool(self.exits.timed)

    def intervention(self, name: str) -> CompiledIntervention:
        """The intervention called so; there is one, since names come from runs of this version."""
        return self._by_name[name]

    def _index(self, journey: Journey, scope: Scope, audiences: Mapping[str, CompiledAudience]) -> None:
        for rule in () if journey.retired else journey.entry:
            if rule.on:
                self._rules(rule.on).entries.append(EntryRule(scope.at_event(rule.when, "entry"), rule.stage))
            else:
                when = scope.standing(rule.when, "entry")
                self.otherwise.append((rule, EntryRule(when, rule.stage, audiences.get(rule.audience))))
        for leaving in journey.exit:
            if leaving.on:
                reached = OnRule(leaving.reason or EXIT_EVENT, scope.at_event(leaving.when, "exit"))
                self._rules(leaving.on).exits.append(reached)
        self._rules(journey.goal.on).goal = OnRule("", scope.at_event(journey.goal.when, "goal"))
        for stage in journey.stages:
            if stage.after is not None:
                self._rules(stage.after.idle).idle.append((stage.name, stage.after.for_))
            else:
                self._rules(stage.on).stages.append(OnRule(stage.name, self.stages[stage.name][1]))
        for point in journey.friction:
            if point.kind == "on":
                self._rules(point.on).friction.append(
                    OnRule(point.name, scope.at_event(point.when, f"friction {point.name}"))
                )
        for type, watches in watches_of(journey).items():
            self._rules(type).watches.extend(watches)
        for item in self.interventions:
            if item.on:
                self._rules(item.on).triggers = True
            for wait in item.waits.values():
                for type in {wait.on, *wait.watches} - {""}:
                    self._rules(type).waits = True

    def _standing_exits(self, journey: Journey, scope: Scope) -> Exits:
        rules = tuple(
            OnRule(rule.reason or EXIT_CONDITION, scope.standing(rule.when, "exit"))
            for rule in journey.exit
            if not rule.on
        )
        for rule in rules:
            for type in types_changing(rule.when):
                self._rules(type).looks.append(rule)
        read = {feature.key: feature for rule in rules if rule.when is not None for feature in rule.when.reads}
        return Exits(rules, tuple(feature for feature in read.values() if feature.timed))

    def _rules(self, type: str) -> JourneyRules:
        return self.on.setdefault(type, JourneyRules())


class TypeRules:
    """What all journeys of a programme look out for in events of one type."""

    __slots__ = ("audiences", "features", "followed", "journeys", "rules")

    def __init__(
        self,
        features: tuple[CompiledFeature, ...],
        journeys: tuple[CompiledJourney, ...],
        audiences: tuple[CompiledAudience, ...],
        type: str,
    ) -> None:
        self.features = features
        self.journeys = journeys
        """Those with a higher priority first, then in order of name."""
        self.rules = tuple((journey, journey.on[type]) for journey in journeys)
        """With what each looks out for."""
        self.followed = tuple((journey, rules) for journey, rules in self.rules if rules.follows)
        """Those in which such an event leaves a trace before anything is decided."""
        self.audiences = audiences
        """Those that lead in, and that such an event may change."""


class CompiledProgramme:
    """A programme ready to run, indexed by event type: an event costs what the rules for its type cost."""

    def __init__(self, programme: Programme, subject: str = PERSON, whole: "CompiledProgramme | None" = None) -> None:
        self.programme = programme
        self._whole = whole or self
        self._abouts: dict[str, CompiledProgramme] = {}
        self.version = programme.version
        self.audiences: Mapping[str, CompiledAudience]
        self.journeys: Mapping[str, CompiledJourney]
        if whole is not None:
            self.audiences, self.journeys = whole.audiences, whole.journeys
        else:
            self.audiences = {name: CompiledAudience(audience) for name, audience in programme.audiences.items()}
            self.journeys = {
                name: CompiledJourney(journey, self.audiences) for name, journey in programme.journeys.items()
            }
        own = [journey for journey in self.journeys.values() if journey.definition.subject == subject]
        self._ordered = sorted(own, key=lambda one: (-one.definition.priority, one.name))
        self.schedules: tuple[CompiledSchedule, ...] = tuple(self._schedules())
        self.led_by: Mapping[str, list[tuple[CompiledJourney, EntryRule]]] = self._led_by()
        """What leads in by audience."""
        self.tracked = tuple(self.audiences[name] for name in sorted(self.led_by))
        """Audiences that lead into journeys."""
        self.followers: Mapping[tuple[str, str], list[tuple[CompiledJourney, EntryRule]]] = self._followers()
        """What leads in by another journey and what happened there."""
        self.arms = bool(self.schedules or self.tracked or self.followers)
        """Whether anything but events leads into journeys."""
        self.lateness = max((journey.lateness for journey in programme.journeys.values()), default=0)
        """How late (µs) an event may be and still take effect when it happened: the longest any journey allows."""
        self.survivorship: Mapping[str, Survivorship] = programme.survivorship
        """Which value of a trait counts, by name; of those not named the latest."""
        self.by_type: Mapping[str, TypeRules] = self._index()
        self.contacts: Mapping[str, str] = {
            connector.channel: connector.contact for connector in programme.connectors.values() if connector.contact
        }
        """The sealed trait with the customer's address, by channel."""

    def about(self, subject: str) -> "CompiledProgramme":
        """What of it concerns subjects of one kind (empty: persons): its journeys, and all audiences."""
        if not subject or subject == PERSON:
            return self._whole
        abouts = self._whole._abouts
        if subject not in abouts:
            abouts[subject] = CompiledProgramme(self.programme, subject, self._whole)
        return abouts[subject]

    @property
    def features(self) -> list[CompiledFeature]:
        """All that is kept, each once."""
        return list({feature.key: feature for rules in self.by_type.values() for feature in rules.features}.values())

    def _index(self) -> dict[str, TypeRules]:
        features: dict[str, dict[str, CompiledFeature]] = {}
        for journey in self._ordered:
            for feature, compiled in zip(journey.definition.features, journey.features, strict=True):
                features.setdefault(feature.event, {})[compiled.key] = compiled
        for audience in self.audiences.values():
            for compiled in audience.features:
                features.setdefault(compiled.event, {})[compiled.key] = compiled
        types = {type for journey in self._ordered for type in journey.on} | set(features)
        types.update(*(audience.types for audience in self.tracked))
        return {
            type: TypeRules(
                tuple(features.get(type, {}).values()),
                tuple(journey for journey in self._ordered if type in journey.on),
                tuple(audience for audience in self.tracked if type in audience.types),
                type,
            )
            for type in sorted(types)
        }

    def _schedules(self) -> Iterator[CompiledSchedule]:
        for journey in self._ordered:
            for entry, rule in journey.otherwise:
                if entry.schedule is not None:
                    ref = ref_of(entry.schedule)
                    yield CompiledSchedule(schedule_timer(journey.name, ref), ref, entry.schedule, journey, rule)

    def _led_by(self) -> dict[str, list[tuple[CompiledJourney, EntryRule]]]:
        found: dict[str, list[tuple[CompiledJourney, EntryRule]]] = {}
        for journey in self._ordered:
            for entry, rule in journey.otherwise:
                if entry.audience:
                    found.setdefault(entry.audience, []).append((journey, rule))
        return found

    def _followers(self) -> dict[tuple[str, str], list[tuple[CompiledJourney, EntryRule]]]:
        found: dict[tuple[str, str], list[tuple[CompiledJourney, EntryRule]]] = {}
        for journey in self._ordered:
            for entry, rule in journey.otherwise:
                if entry.journey:
                    found.setdefault((entry.journey, entry.moment), []).append((journey, rule))
        return found


def schedule_timer(journey: str, ref: str) -> str:
    """Id of a schedule's timer."""
    return f"schedule:{journey}:{ref}"


def ref_of(schedule: Schedule) -> str:
    """A schedule in a few characters; one that is written anew but says the same goes on."""
    if schedule.every is not None:
        return f"every-{schedule.every}"
    day = "d" if schedule.weekday is None else f"w{schedule.weekday}"
    if schedule.day is not None:
        day = f"m{schedule.day}"
    return f"{day}-{schedule.at}-{schedule.zone}"


def compile_programme(programme: Programme) -> CompiledProgramme:
    """Compile a programme; it was checked when it was loaded, so nothing can be wrong with it."""
    return CompiledProgramme(programme)
