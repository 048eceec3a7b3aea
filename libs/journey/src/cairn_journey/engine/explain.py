"""Tell where a customer is in a journey, and why: each condition with the values it saw."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from cairn_expressions import EvaluationError
from cairn_journey.engine.compiler import CompiledJourney, EntryRule
from cairn_journey.engine.conditions import Condition
from cairn_journey.engine.evolve import NO_RECORD, journey_of
from cairn_journey.engine.failing import failures_of
from cairn_journey.engine.health import health_at
from cairn_journey.engine.reentry import last_ended, may_enter
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.sight import Sight
from cairn_journey.engine.slots import slot_of
from cairn_journey.engine.state import CustomerState, Instance, Record, Timer
from cairn_journey.language.model import Entry, Friction, Goal, On, Reentry, Schedule
from cairn_journey.language.steps_model import CUSTOMER
from cairn_journey.language.steps_shapes import DAYS
from cairn_kernel.errors import NotFound
from cairn_kernel.event import Event, canonical
from cairn_kernel.time import duration_text, format_instant


class ExplainedCondition(NamedTuple):
    """A condition and what it saw."""

    role: str
    """control, audience, entry, reentry, stage, goal, exit, friction, failed or next."""
    expression: str
    holds: bool
    saw: str


class Explanation(NamedTuple):
    """Why a customer is where they are in a journey."""

    summary: str
    conditions: list[ExplainedCondition]


def explain(
    programmes: Programmes, state: CustomerState, journey: str, at: int, history: Sequence[Event] = ()
) -> Explanation:
    """Where the customer is in a journey at an instant, and what its conditions see then.

    `journey` is a name, or `name/key` for one of several instances; by name alone it is the one entered last.
    Conditions over an event are told by the last such event of `history` (the customer's facts, oldest first) and what
    is known now; without one they hold or not when such an event comes. What time will bring about stands under `next`,
    conditions of this version that have failed for the customer under `failed`.
    Raises NotFound (NO_SUCH_JOURNEY) if neither the programme in force nor the customer knows the journey.
    """
    journey, _, key = journey.partition("/")
    open = state.instances(journey)
    instance = max((one for one in open if key in ("", one.key)), key=lambda one: one.occurrence, default=None)
    active = programmes.active(state.tenant)
    compiled: CompiledJourney | None = None
    if instance is not None:
        compiled = journey_of(programmes, state.tenant, instance)
    elif active is not None:
        compiled = active.journeys.get(journey)
    if compiled is None:
        raise NotFound("there is no journey of this name", reason="NO_SUCH_JOURNEY", journey=journey)
    record = state.records.get(journey, NO_RECORD)
    sight = Sight(state, at)
    conditions = [
        *_controls(programmes, compiled, state, instance),
        *_conditions(compiled, sight, instance, record, key, at, _latest(history)),
        *_failed(compiled, state),
        *_next(state, journey, instance, at),
    ]
    summary = _summary(state, compiled, instance, record, key, at)
    if instance is not None and len(open) > 1:
        summary += f" It is one of {len(open)} open: {', '.join(one.key for one in open)}."
    return Explanation(summary, conditions)


def purpose(timer: Timer) -> str:
    """What a timer is for, in words."""
    match timer.kind:
        case "schedule":
            return f"a schedule leads into {timer.journey}"
        case "dwell" | "silence":
            return f"{timer.ref} of {timer.journey} becomes a friction"
        case "audience":
            return f"whether the customer is in the audience {timer.ref}, since time alone may change that"
        case "goal":
            return f"the time for the goal of {timer.journey} ends"
        case "look":
            return f"whether {timer.journey} is left, since time alone may change what its exit conditions read"
        case "idle":
            return f"stage {timer.ref} of {timer.journey} is reached if nothing happens"
        case _:
            return f"the wait of {timer.ref} in {timer.journey} ends"


def _summary(
    state: CustomerState, journey: CompiledJourney, instance: Instance | None, record: Record, key: str, at: int
) -> str:
    if state.closed_into:
        return f"This profile was merged into {state.closed_into}."
    if instance is not None:
        about = f" for {instance.key}" if instance.key else ""
        since = f"In {journey.name}{about} since {format_instant(instance.entered)}"
        health = ""
        if journey.frictions:
            health = f" Health {health_at(journey.definition.health, instance, at)} of 100."
        if not instance.stage or instance.stage_entered is None:
            return f"{since}, in no stage yet.{health}"
        return f"{since}, in stage {instance.stage} since {format_instant(instance.stage_entered)}.{health}"
    past = [one for one in record.past if key in ("", one.key)]
    if not past:
        return f"Never in {slot_of(journey.name, key)}."
    last = past[-1]
    if last.goal is not None:
        worth = f" worth {last.goal_value} {last.currency}".rstrip() if last.goal_value else ""
        return f"Not in {journey.name}: reached its goal{worth} on {format_instant(last.goal)}."
    return f"Not in {journey.name}: left on {format_instant(last.exited or 0)}, reason {last.exit_reason}."


def _controls(
    programmes: Programmes, journey: CompiledJourney, state: CustomerState, instance: Instance | None
) -> list[ExplainedCondition]:
    """What keeps everybody out, or holds what we do."""
    found = []
    if journey.definition.retired:
        found.append(ExplainedCondition("control", "not retired", False, "the journey was taken out of service"))
    elif programmes.is_closed(state.tenant, journey.name, state.profile_id):
        found.append(ExplainedCondition("control", "open", False, "the journey is paused or stopped: nobody enters it"))
    if instance is not None and instance.held is not None:
        held = f"paused since {format_instant(instance.held)}: no intervention starts or goes on"
        found.append(ExplainedCondition("control", "running", False, held))
    return found


def _failed(journey: CompiledJourney, state: CustomerState) -> list[ExplainedCondition]:
    """Conditions, the journey's own and those of audiences it asks about, that were neither true nor false once."""
    asked = [audience for condition in journey.conditions for audience in condition.audiences]
    asked += [entry.audience for _, entry in journey.otherwise if entry.audience is not None]
    standing = [*journey.conditions, *(audience.condition for audience in asked)]
    found = {(one.place, one.expression.text): None for one in standing}
    return [
        ExplainedCondition(
            "failed",
            f"{place.part if place.kind == 'journey' else f'audience {place.name}'}: {text}",
            False,
            f"{_ERRORS.get(error, 'it has no value')}, first on {format_instant(at)}; it counts as false",
        )
        for place, text in found
        for error, at in failures_of(state.failures, place)
    ]


_ERRORS: Final = {
    "MISSING": "a field was missing",
    "DIVISION_BY_ZERO": "it divided by zero",
    "OUT_OF_RANGE": "a number was out of range",
    "WRONG_TYPE": "a value was of the wrong type",
}


def _next(state: CustomerState, journey: str, instance: Instance | None, at: int) -> list[ExplainedCondition]:
    """What time alone will bring about, soonest first."""
    own = [
        timer
        for timer in state.timers.values()
        if timer.journey == journey and (instance is None or timer.slot == instance.slot)
    ]
    return [
        ExplainedCondition("next", purpose(timer), timer.due <= at, _when(timer.due, at))
        for timer in sorted(own, key=lambda one: (one.due, one.kind, one.ref))
    ]


def _when(due: int, at: int) -> str:
    return f"in {duration_text(due - at)}, on {format_instant(due)}" if due > at else "due now"


def _latest(history: Sequence[Event]) -> dict[str, Event]:
    """The last event of each type."""
    return {event.type: event for event in history}


def _conditions(
    journey: CompiledJourney,
    sight: Sight,
    instance: Instance | None,
    record: Record,
    key: str,
    at: int,
    latest: Mapping[str, Event],
) -> list[ExplainedCondition]:
    definition = journey.definition
    found = []
    if journey.audience is not None:
        found.append(_seen("audience", "", sight, journey.audience))
        found.extend(_seen("audience", f"{one.name}: ", sight, one.condition) for one in journey.audience.audiences)
    for leading, entry in journey.otherwise:
        found.extend(_otherwise(leading, entry, sight))
    found.extend(_entries(journey, sight, latest))
    if instance is None and record.entered:
        found.append(_reentry(definition.reentry, record, key, at))
    found.append(_goal(definition.goal, instance, record, at))
    found.extend(_awaited("exit", On(rule.on, rule.when)) for rule in definition.exit if rule.on)
    found.extend(_seen("exit", "", sight, condition) for condition in journey.exits.conditions)
    for stage, condition in journey.stages.values():
        here = instance is not None and instance.stage == stage.name
        if stage.after is None:
            rule = _on_text(On(stage.on, stage.when))
            found.append(ExplainedCondition("stage", f"{stage.name}: {rule}", here, "in it now" if here else ""))
            continue
        text = f"{stage.name}: {duration_text(stage.after.for_)} without {stage.after.idle}"
        if condition is None:
            found.append(ExplainedCondition("stage", text, here, "in it now" if here else ""))
        else:
            found.append(_seen("stage", f"{text} and ", sight, condition))
    found.extend(_friction(point, record) for point in definition.friction)
    return found


def _friction(point: Friction, record: Record) -> ExplainedCondition:
    times = record.frictions.get(point.name, 0)
    met = f"met {times} time{'s' if times != 1 else ''} in all, {point.weight} of 100 each"
    return ExplainedCondition("friction", f"{point.name}: {friction_text(point)}", times > 0, met)


def friction_text(point: Friction) -> str:
    """What shows a friction, in words."""
    match point.kind:
        case "repeat":
            about = _on_text(On(point.on, point.when))
            return f"{about}, {point.times} times within {duration_text(point.within)}"
        case "loop":
            path = " > ".join(point.stages or point.events)
            return f"{path}, {point.times} times within {duration_text(point.within)}"
        case "dwell":
            return f"in {point.stage} for longer than {duration_text(point.within)}"
        case "back":
            return "back to an earlier stage"
        case "channel_switch":
            return f"from a cheaper channel to {' or '.join(point.to)}"
        case "silence":
            return f"{duration_text(point.within)} after {_on_text(On(point.on, point.when))} without {point.until}"
        case _:
            return _on_text(On(point.on, point.when))


def _seen(role: str, before: str, sight: Sight, condition: Condition) -> ExplainedCondition:
    value = sight.evaluate(condition)
    features = {**sight.features(condition.features), "audience": sight.within(condition.audiences)}
    saw = [f"{name} is {_reference(sight, features, name)}" for name in sorted(condition.expression.references)]
    if isinstance(value, EvaluationError):
        saw.append(value.message)
    return ExplainedCondition(role, before + condition.expression.text, value is True, ", ".join(saw))


def _reference(sight: Sight, features: dict[str, Any], name: str) -> str:
    root, *path = name.split(".")
    value: Any = features.get(root)
    if root not in features:
        value = {"profile": sight.traits, "event": sight.event}.get(root)
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return "not known" if value is None else canonical(value).decode()


def _otherwise(rule: Entry, entry: EntryRule, sight: Sight) -> list[ExplainedCondition]:
    """An entry rule without an event, with what it sees now."""
    condition = [_seen("entry", "", sight, entry.when)] if entry.when is not None else []
    if entry.audience is not None:
        return [
            _seen("entry", f"comes into the audience {rule.audience}: ", sight, entry.audience.condition),
            *condition,
        ]
    happens = {"entered": "is entered", "goal": "reaches its goal", "exited": "is left"}[rule.moment]
    text = schedule_text(rule.schedule) if rule.schedule is not None else f"{rule.journey} {happens}"
    return [ExplainedCondition("entry", text, False, "decided when that happens"), *condition]


def schedule_text(schedule: Schedule) -> str:
    """A schedule in words."""
    if schedule.every is not None:
        return f"every {duration_text(schedule.every)}"
    clock = f"{schedule.at // 60:02}:{schedule.at % 60:02}"
    zone = "the customer's zone" if schedule.zone == CUSTOMER else schedule.zone
    if schedule.day is not None:
        return f"on day {schedule.day} of the month at {clock} in {zone}"
    return f"every {'day' if schedule.weekday is None else DAYS[schedule.weekday]} at {clock} in {zone}"


def _entries(journey: CompiledJourney, sight: Sight, latest: Mapping[str, Event]) -> list[ExplainedCondition]:
    """Entry rules by event, each with the last such event."""
    found = []
    for type in dict.fromkeys(rule.on for rule in journey.definition.entry if rule.on):
        texts = [rule for rule in journey.definition.entry if rule.on == type]
        compiled = journey.on[type].entries if type in journey.on else []
        for number, rule in enumerate(texts):
            last = latest.get(type)
            if last is None or number >= len(compiled):
                found.append(_awaited("entry", On(rule.on, rule.when)))
            else:
                found.append(_entry(On(rule.on, rule.when), compiled[number].when, sight.with_event(last.data), last))
    return found


def _entry(rule: On, condition: Condition | None, sight: Sight, last: Event) -> ExplainedCondition:
    came = f"came last on {format_instant(last.event_time)}"
    if condition is None:
        return ExplainedCondition("entry", _on_text(rule), True, came)
    seen = _seen("entry", "", sight, condition)
    return ExplainedCondition("entry", _on_text(rule), seen.holds, f"{came}: {seen.saw}" if seen.saw else came)


def _awaited(role: str, rule: On) -> ExplainedCondition:
    return ExplainedCondition(role, _on_text(rule), False, "decided when such an event comes")


def _on_text(rule: On) -> str:
    return f"{rule.on} when {rule.when}" if rule.when else rule.on


def _reentry(reentry: Reentry, record: Record, key: str, at: int) -> ExplainedCondition:
    ended = last_ended(record, key)
    saw = f"left on {format_instant(ended)}" if ended is not None else "not yet through with it"
    text = f"after {duration_text(reentry.after)}" if reentry.rule == "after" else reentry.rule
    if reentry.max is not None:
        text, saw = f"{text}, at most {reentry.max} times", f"was in it {record.entered} times, {saw}"
    elif reentry.rule == "never":
        saw = f"was in it {record.entered} times, {saw}"
    return ExplainedCondition("reentry", text, may_enter(reentry, record, key, at), saw)


def _goal(goal: Goal, instance: Instance | None, record: Record, at: int) -> ExplainedCondition:
    text = _on_text(On(goal.on, goal.when))
    if goal.within is not None:
        text += f" within {duration_text(goal.within)}"
    if instance is not None and goal.within is None:
        return ExplainedCondition("goal", text, False, "open for as long as the journey is")
    if instance is not None and goal.within is not None:
        return ExplainedCondition("goal", text, False, f"open until {format_instant(instance.entered + goal.within)}")
    last = record.past[-1] if record.past else None
    if last is not None and last.goal is not None:
        return ExplainedCondition("goal", text, True, f"reached on {format_instant(last.goal)}")
    return ExplainedCondition("goal", text, False, "not in the journey")
