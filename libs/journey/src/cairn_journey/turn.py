"""Decide: what an event, or time alone, brings about for one customer."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from cairn_journey import facts
from cairn_journey.compiler import (
    BranchStep,
    CompiledIntervention,
    CompiledJourney,
    CompiledStep,
    DecideStep,
    JourneyRules,
    OnRule,
    WaitStep,
)
from cairn_journey.evolve import NO_RECORD, evolve, journey_of
from cairn_journey.features import amount
from cairn_journey.model import Reentry
from cairn_journey.registry import Programmes
from cairn_journey.sight import Sight
from cairn_journey.state import CustomerState, Draft, Instance, Timer
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.money import decimal_text

WINDOW_ELAPSED: Final = "goal_window_elapsed"
"""The time for the goal is over."""
EXIT_EVENT: Final = "exit_event"
"""An event of the journey's exit rules came."""

_TIMER: Final = "cairn.timer"
_NONE: Final[tuple[CompiledJourney, ...]] = ()


class Turn:
    """One customer's turn: takes events and time in, gathers facts, keeps the state in step with them.

    A quiet turn goes through the past again: it comes to the same state, and no moment is stated.
    """

    def __init__(self, programmes: Programmes, state: CustomerState, *, quiet: bool = False) -> None:
        self.facts: list[Event] = []
        self._programmes = programmes
        self._draft = Draft(state)
        self._quiet = quiet
        self._cause: Event
        self._occasion = ""
        self._sight: Sight

    @property
    def state(self) -> CustomerState:
        """The state after the facts so far."""
        return self._draft.state

    def record(self, fact: Event) -> None:
        """State a fact and fold it."""
        evolve(self._programmes, self._draft, fact)
        self.facts.append(fact)

    def fire_due(self, upto: int) -> None:
        """Fire the timers due at or before an instant, ordered by (due, id), also those armed on the way."""
        draft = self._draft
        while timers := draft.state.timers:
            due = [(timer.due, id) for id, timer in timers.items() if timer.due <= upto]
            if not due:
                return
            first = min(due)[1]
            self._fire(first, timers[first])

    def touch(self, event: Event) -> None:
        """Take a touchpoint in; its definition_version says which programme is in force."""
        self.record(event)
        state = self._draft.state
        version = event.definition_version
        compiled = self._programmes.version(state.tenant, version) if version else None
        rules = compiled.by_type.get(event.type) if compiled is not None else None
        open = state.open
        if rules is None and not open:
            return
        self._cause, self._occasion = event, event.id
        self._sight = Sight(state, event.as_of, event.data)
        candidates = rules.journeys if rules is not None else _NONE
        if all(instance.version == version for instance in open.values()):
            for journey in candidates:
                self._journey(journey.name, journey, journey, version, event.type)
        else:
            self._journeys_of_versions(candidates, version, event.type)

    def _journeys_of_versions(self, candidates: Sequence[CompiledJourney], version: str, type: str) -> None:
        """As `touch`, where some instances run under other versions than the one in force."""
        tenant, open = self.state.tenant, self.state.open
        running = {name: journey_of(self._programmes, tenant, instance) for name, instance in open.items()}
        entering = {journey.name: journey for journey in candidates}
        for name in sorted({*running, *entering}):
            self._journey(name, running.get(name), entering.get(name), version, type)

    def _journey(
        self, name: str, running: CompiledJourney | None, entering: CompiledJourney | None, version: str, type: str
    ) -> None:
        """Exit, goal, entry, stages, interventions of one journey, in this order.

        `running` is the version an open instance would be under, `entering` the one a new instance would be under.
        """
        journey = self._stay(name, running, type)
        if journey is None and entering is not None and self._enter(entering, version, entering.on[type]):
            journey = entering
        rules = journey.on.get(type) if journey is not None else None
        if journey is None or rules is None:
            return
        instance = self._draft.state.open[name]
        entered = self._detect(instance, rules) if rules.stages else ""
        for rule in rules.friction:
            if self._sight.holds(rule.when):
                self._state(instance, facts.FRICTION_MET, friction=rule.name)
        if rules.waits or rules.triggers or entered:
            self._intervene(journey, name, type, entered)

    def _stay(self, name: str, running: CompiledJourney | None, type: str) -> CompiledJourney | None:
        """Exit or goal if the event brings them about; the journey if the instance stays open."""
        draft = self._draft
        instance = draft.state.open.get(name)
        if instance is None or running is None:
            return None
        rules = running.on.get(type)
        if rules is not None:
            self._leave(running, instance, rules)
        return running if name in draft.state.open else None

    def _leave(self, journey: CompiledJourney, instance: Instance, rules: JourneyRules) -> None:
        if self._matches(rules.exits):
            self._state(instance, facts.EXITED, reason=EXIT_EVENT)
        elif rules.goal is not None and self._sight.holds(rules.goal.when):
            value, currency = self._worth(journey)
            self._state(instance, facts.GOAL_REACHED, value=value, currency=currency)

    def _worth(self, journey: CompiledJourney) -> tuple[str, str]:
        number = amount(self._sight.value(journey.value)) if journey.value is not None else None
        if number is None:
            return "", ""
        if journey.currency_code:
            return decimal_text(number), journey.currency_code
        stated = self._sight.event.get("currency")
        currency = self._sight.value(journey.currency) if journey.currency is not None else stated
        return decimal_text(number), currency if isinstance(currency, str) else ""

    def _enter(self, journey: CompiledJourney, version: str, rules: JourneyRules) -> bool:
        """Whether they entered."""
        if not rules.entries:
            return False
        state = self._draft.state
        record = state.records.get(journey.name, NO_RECORD)
        if record.entered and not _may_return(journey.definition.reentry, record.last_ended, self._sight.at):
            return False
        if not self._matches(rules.entries) or not self._sight.holds(journey.audience):
            return False
        occurrence = record.entered + 1
        instance_id = stable_id("instance", state.tenant, state.profile_id, journey.name, occurrence)
        data = {"journey": journey.name, "instance_id": instance_id, "occurrence": occurrence}
        self.record(facts.make(self._cause, state.profile_id, facts.ENTERED, version, self._occasion, data))
        return True

    def _matches(self, rules: Iterable[OnRule]) -> bool:
        for rule in rules:  # any() over a generator costs twice as much, and this is the hot path
            if self._sight.holds(rule.when):
                return True
        return False

    def _detect(self, instance: Instance, rules: JourneyRules) -> str:
        """Enter the first stage that is detected, unless it is the one they are in; return it."""
        for rule in rules.stages:
            if self._sight.holds(rule.when):
                if rule.name == instance.stage:
                    return ""
                self._state(instance, facts.STAGE_ENTERED, stage=rule.name)
                return rule.name
        return ""

    def _intervene(self, journey: CompiledJourney, name: str, type: str, entered: str) -> None:
        """Go on with what waited for this event; then start what it, or the stage it led to, triggers."""
        for intervention in journey.interventions:
            instance = self.state.open[name]
            run = instance.runs.get(intervention.name)
            if run is not None:
                wait = intervention.waits[run.step]
                if wait.on == type and self._sight.holds(wait.when):
                    self._end_wait(journey, instance, intervention, timed_out=False)
            instance = self.state.open[name]
            if intervention.name not in instance.runs and self._triggered(intervention, type, entered):
                self._run(journey, instance, intervention, self._occasion, intervention.first, None)

    def _triggered(self, item: CompiledIntervention, type: str, entered: str) -> bool:
        by_stage = bool(entered) and item.stage == entered
        return (by_stage or (bool(type) and item.on == type)) and self._sight.holds(item.when)

    def _fire(self, id: str, timer: Timer) -> None:
        instance = self.state.open[timer.journey]
        journey = journey_of(self._programmes, self.state.tenant, instance)
        self._cause, self._occasion = self._time_of(timer), stable_id("timer", id, timer.due)
        self._sight = Sight(self.state, timer.due)
        if timer.kind == "goal":
            self._state(instance, facts.EXITED, reason=WINDOW_ELAPSED)
        elif timer.kind == "wait":
            self._end_wait(journey, instance, journey.intervention(timer.ref), timed_out=True)
        elif not self._sight.holds(journey.stages[timer.ref][1]):
            self._state(instance, facts.STAGE_SKIPPED, stage=timer.ref)
        else:
            self._state(instance, facts.STAGE_ENTERED, stage=timer.ref)
            self._intervene(journey, timer.journey, "", timer.ref)

    def _time_of(self, timer: Timer) -> Event:
        state = self.state
        return Event(
            id=timer.cause,
            tenant=state.tenant,
            type=_TIMER,
            event_time=timer.due,
            as_of=timer.due,
            profile_id=state.profile_id,
            historical=timer.historical,
            correlation_id=timer.correlation_id,
            hops=timer.hops,
        )

    def _end_wait(
        self, journey: CompiledJourney, instance: Instance, intervention: CompiledIntervention, *, timed_out: bool
    ) -> None:
        run = instance.runs[intervention.name]
        wait = intervention.waits[run.step]
        about = {"intervention": intervention.name, "run": run.run, "step": run.step}
        self._state(instance, facts.WAIT_ENDED, **about, timed_out=timed_out)
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
                    self._state(instance, facts.WAIT_STARTED, **about, due=self._sight.at + step.for_)
                    return
                case BranchStep():
                    step = self._arm(journey, step, timed_out)

    def _arm(self, journey: CompiledJourney, step: BranchStep, timed_out: bool | None) -> CompiledStep | None:
        for condition, first in step.arms:
            if self._sight.holds_after_wait(condition, timed_out):
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
        if self._quiet:
            return
        moment_id = stable_id("moment", instance.instance_id, intervention.name, step.path, run)
        about = {"intervention": intervention.name, "step": step.path, "moment_id": moment_id}
        if self._cause.historical or self._cause.hops > facts.MAX_HOPS:
            reason = facts.HISTORICAL if self._cause.historical else facts.HOPS
            self._state(instance, facts.MOMENT_SUPPRESSED, **about, reason=reason)
            return
        selector = step.selector
        data: dict[str, Any] = {
            **about,
            "actions": {"tag": selector.tag} if selector.tag else {"names": list(selector.names)},
            "context": self._context(journey, instance),
            "contacts": self._contacts(instance),
            "locale": str(self.state.traits.get("locale", "")),
        }
        if step.expires is not None:
            data["expires_at"] = self._sight.at + step.expires
        self._state(instance, facts.MOMENT_REACHED, **data)

    def _context(self, journey: CompiledJourney, instance: Instance) -> dict[str, Any]:
        return {
            "traits": self.state.traits,
            "features": self._sight.features(journey.features),
            "stage": self.state.open[instance.journey].stage,
            "event": dict(self._sight.event),
            "event_type": "" if self._cause.type == _TIMER else self._cause.type,
        }

    def _contacts(self, instance: Instance) -> dict[str, Any]:
        channels = self._programmes.version(self.state.tenant, instance.version).contacts
        sealed = self.state.sealed
        return {
            channel: {
                "sealed": b64encode(sealed[field].sealed).decode(),
                "key_id": sealed[field].key_id,
                "field": field,
            }
            for channel, field in channels.items()
            if field in sealed
        }

    def _state(self, instance: Instance, type: str, **data: Any) -> None:
        about = {"journey": instance.journey, "instance_id": instance.instance_id, **data}
        profile_id = self.state.profile_id
        self.record(facts.make(self._cause, profile_id, type, instance.version, self._occasion, about))


def _may_return(reentry: Reentry, ended: int, at: int) -> bool:
    return reentry.rule == "always" or (reentry.rule == "after" and at >= ended + reentry.after)


def stamped(event: Event, profile_id: str, version: str) -> Event:
    """The touchpoint as it goes into a profile's stream, under the programme in force."""
    if event.profile_id == profile_id and event.definition_version == version:
        return event
    return replace(event, profile_id=profile_id, definition_version=version)
