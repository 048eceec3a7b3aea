"""Decide: what an event, or time alone, brings about for one customer."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from cairn_journey.engine import facts
from cairn_journey.engine.arming import AUDIENCE, SCHEDULE
from cairn_journey.engine.compiler import (
    CompiledJourney,
    CompiledProgramme,
    JourneyRules,
    OnRule,
)
from cairn_journey.engine.entering import Entering
from cairn_journey.engine.evolve import evolve, journey_of, under_one
from cairn_journey.engine.failing import untold
from cairn_journey.engine.features import amount
from cairn_journey.engine.friction import DWELL, SILENCE
from cairn_journey.engine.looking import turns_at
from cairn_journey.engine.moments import moment_of_member
from cairn_journey.engine.obstacles import after_event, after_stage, after_time
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.running import end_wait, intervene
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.sight import Sight
from cairn_journey.engine.slots import key_of, slot_of
from cairn_journey.engine.state import CustomerState, Instance, Timer
from cairn_kernel.event import ADDRESSED, Event
from cairn_kernel.ids import stable_id
from cairn_kernel.money import decimal_text

WINDOW_ELAPSED: Final = "goal_window_elapsed"
"""The time for the goal is over."""


class Turn(Scene):
    """One customer's turn: takes events and time in, gathers facts, keeps the state in step with them.

    A quiet turn goes through the past again: it comes to the same state, and no moment is stated.
    """

    __slots__ = ("_entering", "_version")

    def __init__(self, programmes: Programmes, state: CustomerState, *, quiet: bool = False) -> None:
        super().__init__(programmes, state, quiet=quiet)
        self._entering = Entering()
        self._version = ""

    def fire_due(self, upto: int) -> None:
        """Fire the timers due at or before an instant, ordered by (due, id), also those armed on the way."""
        draft = self.draft
        while draft.state.is_due(upto):
            timers = draft.state.timers
            first = min((timer.due, id) for id, timer in timers.items())[1]
            self._fire(first, timers[first])
            if self.emissions:
                self._react()

    def touch(self, event: Event) -> None:
        """Take a touchpoint in, then the events of our own that it leads to.

        Its definition_version says which programme is in force.
        """
        self._version = event.definition_version
        self._take(event)
        if self.emissions:
            self._react()

    def come_under(self, programme: CompiledProgramme, cause: Event) -> None:
        """A programme comes into force for a customer who does nothing."""
        self.cause, self.occasion = cause, cause.id
        self.sight = Sight(self.state, cause.as_of)
        self._entering.under(programme)
        told = {"version": programme.version}
        version = programme.version
        self.record(facts.make(cause, self.state.profile_id, facts.ARMED, version, self.occasion, told))
        self._entering.look(self, programme.tracked)
        self._entering.follow(self)
        self._tell_failures(version)
        self._react()

    def _react(self) -> None:
        """Take in what has been emitted, and what is emitted on that, in order."""
        active = self.programmes.active(self.state.tenant)
        while (event := self.next_emitted()) is not None:
            version = self._version or (active.version if active is not None else "")
            self._take(stamped(event, self.state.profile_id, version))
        self.emissions = 0

    def record(self, fact: Event) -> None:
        """State a fact and fold it; others may follow from it once what is at hand is done."""
        evolve(self.programmes, self.draft, fact)  # as in the scene, without a call more for each fact
        self.facts.append(fact)
        if self._entering.follows:
            self._entering.note(fact)

    def _take(self, event: Event) -> None:
        draft = self.draft
        state = draft.state
        version = event.definition_version
        compiled = self.programmes.version(state.tenant, version) if version else None
        subject = event.subject or state.subject
        if subject and compiled is not None:
            compiled = compiled.about(subject)
        fresh = compiled is not None and compiled.arms and state.version != version
        self._entering.under(compiled)
        self.record(event)
        if event.type == ADDRESSED and not self.quiet:
            self.record(moment_of_member(self.programmes, draft.state, event))
        state = draft.state
        rules = compiled.by_type.get(event.type) if compiled is not None else None
        open = state.open
        if rules is None and not open and not fresh:
            return
        self.cause, self.occasion = event, event.id
        self.sight = Sight(state, event.as_of, event.data)
        if under_one(open, version):
            for journey, looked_for in rules.rules if rules is not None else ():
                if journey.several:
                    self._keyed(journey.name, journey, version, event.type)
                elif looked_for.entries or journey.name in draft.state.open:
                    self._journey(journey.name, "", journey, journey, version, event.type)
        else:
            self._journeys_of_versions(rules.journeys if rules is not None else (), version, event.type)
        if compiled is not None and compiled.arms:
            self._entering.look(self, compiled.tracked if fresh else rules.audiences if rules is not None else ())
            self._entering.follow(self)
        if self.sight.failed:
            self._tell_failures(version)

    def _journeys_of_versions(self, candidates: Sequence[CompiledJourney], version: str, type: str) -> None:
        """As `touch`, where some instances run under other versions than the one in force."""
        entering = {journey.name: journey for journey in candidates}
        running = {one.journey: journey_of(self.programmes, self.state.tenant, one) for one in self.state.open.values()}
        for journey in sorted({**running, **entering}.values(), key=lambda one: (-one.definition.priority, one.name)):
            self._keyed(journey.name, entering.get(journey.name), version, type)

    def _keyed(self, name: str, entering: CompiledJourney | None, version: str, type: str) -> None:
        """The instances of one journey that an event is about, in order of key, then perhaps a new one."""
        data, tenant = self.sight.event, self.state.tenant
        fresh = key_of(entering.on[type].key, data) if entering is not None else ""
        able = entering if entering is not None and (fresh or not entering.keyed) else None
        for instance in self.state.instances(name):
            running = journey_of(self.programmes, tenant, instance)
            rules = running.on.get(type)
            if instance.key == fresh and able is not None:
                self._journey(instance.slot, fresh, running, able, version, type)
                able = None
            elif rules is not None and key_of(rules.key, data) in ("", instance.key):
                self._journey(instance.slot, instance.key, running, None, version, type)
            elif rules is not None and rules.looks:
                self._exit(instance, rules.looks)
        if able is not None:
            self._journey(slot_of(name, fresh), fresh, None, able, version, type)

    def _journey(
        self,
        slot: str,
        key: str,
        running: CompiledJourney | None,
        entering: CompiledJourney | None,
        version: str,
        type: str,
    ) -> None:
        """Exit, goal, entry, stages, interventions of one journey in one slot, in this order.

        `running` is the version an open instance would be under, `entering` the one a new instance would be under.
        """
        instance = self.draft.state.open.get(slot)
        if instance is not None and running is not None:
            rules = running.on.get(type)
            if rules is None:
                return
            if not self._leave(running, instance, rules):
                self._within(running, rules, instance, type, "")
                return
        if entering is None:
            return
        rules = entering.on[type]
        begins = self._entering.by_event(self, entering, key, version, rules)
        if begins is not None:
            self._within(entering, rules, self.draft.state.open[slot], type, begins)

    def _within(
        self, journey: CompiledJourney, rules: JourneyRules, instance: Instance, type: str, begins: str
    ) -> None:
        """Stages, frictions and interventions; `begins` is the stage with which one entered just now, if any."""
        slot = instance.slot
        entered = begins or (self._detect(instance, rules) if rules.stages else "")
        if rules.friction or rules.watches:
            after_event(self, journey, slot, rules)
        if entered and not begins:
            after_stage(self, journey, slot, instance.stage)
        if entered or rules.triggers or (rules.waits and self.draft.state.open[slot].runs):
            intervene(self, journey, slot, type, entered)

    def _leave(self, journey: CompiledJourney, instance: Instance, rules: JourneyRules) -> bool:
        """Whether exit or goal ended the instance."""
        if self._exit(instance, rules.exits) or self._exit(instance, rules.looks):
            return True
        if rules.goal is None or not self.sight.holds(rules.goal.when):
            return False
        value, currency = self._worth(journey)
        told: dict[str, Any] = {"value": value, "currency": currency}
        attribution = journey.definition.goal.attribution
        if attribution is not None:
            told["attributed"] = instance.moment is not None and self.sight.at <= instance.moment + attribution
        self.tell(instance, facts.GOAL_REACHED, **told)
        return True

    def _exit(self, instance: Instance, rules: Iterable[OnRule]) -> bool:
        """Whether they left, by the first rule that holds."""
        for rule in rules:
            if self.sight.holds(rule.when):
                self.tell(instance, facts.EXITED, reason=rule.name)
                return True
        return False

    def _worth(self, journey: CompiledJourney) -> tuple[str, str]:
        number = amount(self.sight.value(journey.value)) if journey.value is not None else None
        if number is None:
            return "", ""
        if journey.currency_code:
            return decimal_text(number), journey.currency_code
        stated = self.sight.event.get("currency")
        currency = self.sight.value(journey.currency) if journey.currency is not None else stated
        return decimal_text(number), currency if isinstance(currency, str) else ""

    def _detect(self, instance: Instance, rules: JourneyRules) -> str:
        """Enter the first stage that is detected, unless it is the one they are in; return it."""
        for rule in rules.stages:
            if self.sight.holds(rule.when):
                if rule.name == instance.stage:
                    return ""
                self.tell(instance, facts.STAGE_ENTERED, stage=rule.name)
                return rule.name
        return ""

    def _fire(self, id: str, timer: Timer) -> None:
        version = self.state.version
        tenant, subject = self.state.tenant, self.state.subject
        self._entering.under(self.programmes.version(tenant, version).about(subject) if version else None)
        self.cause, self.occasion = self._time_of(timer), stable_id("timer", id, timer.due)
        self.sight = Sight(self.state, timer.due)
        if timer.kind in (SCHEDULE, AUDIENCE):
            self._entering.on_time(self, id, timer)
        else:
            version = self.state.open[timer.slot].version
            self._fire_within(timer)
        self._entering.follow(self)
        self._tell_failures(version)

    def _fire_within(self, timer: Timer) -> None:
        instance = self.state.open[timer.slot]
        journey = journey_of(self.programmes, self.state.tenant, instance)
        if timer.kind == "goal":
            self.tell(instance, facts.EXITED, reason=WINDOW_ELAPSED)
        elif timer.kind in (DWELL, SILENCE):
            after_time(self, instance, timer.ref)
        elif timer.kind == "look":
            self._look(journey, instance)
        elif timer.kind == "wait":
            end_wait(self, journey, timer.slot, journey.intervention(timer.ref))
        elif not self.sight.holds(journey.stages[timer.ref][1]):
            self.tell(instance, facts.STAGE_SKIPPED, stage=timer.ref)
        else:
            self.tell(instance, facts.STAGE_ENTERED, stage=timer.ref)
            after_stage(self, journey, timer.slot, instance.stage)
            intervene(self, journey, timer.slot, "", timer.ref)

    def _look(self, journey: CompiledJourney, instance: Instance) -> None:
        """Time alone may have brought an exit condition about; if not, say when it would."""
        if not self._exit(instance, journey.exits.rules):
            conditions, timed = journey.exits.conditions, journey.exits.timed
            self.tell(instance, facts.LOOKED, next=turns_at(conditions, timed, self.state, self.sight.at, now=False))

    def _tell_failures(self, version: str) -> None:
        """State which conditions were neither true nor false on this occasion, unless it is known of them."""
        for told in untold(self.state.failures, self.sight.failed or ()):
            profile_id = self.state.profile_id
            self.record(facts.make(self.cause, profile_id, facts.CONDITION_FAILED, version, self.occasion, told))

    def _time_of(self, timer: Timer) -> Event:
        state = self.state
        return Event(
            id=timer.cause,
            tenant=state.tenant,
            type=facts.TIMER,
            event_time=timer.due,
            as_of=timer.due,
            profile_id=state.profile_id,
            historical=timer.historical,
            correlation_id=timer.correlation_id,
            hops=timer.hops,
        )


def stamped(event: Event, profile_id: str, version: str, as_of: int | None = None) -> Event:
    """The touchpoint as it goes into a profile's stream, under the programme in force; perhaps in effect earlier."""
    effect = event.as_of if as_of is None else as_of
    if event.profile_id == profile_id and event.definition_version == version and event.as_of == effect:
        return event
    return replace(event, profile_id=profile_id, definition_version=version, as_of=effect)
