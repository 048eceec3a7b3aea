"""What is kept of a customer outside of any instance: schedules that come round, audiences, what new features say."""

from typing import Final

import msgspec

from cairn_journey.engine.compiler import CompiledProgramme, CompiledSchedule, schedule_timer
from cairn_journey.engine.conditions import CompiledAudience
from cairn_journey.engine.looking import next_change
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.schedules import next_due
from cairn_journey.engine.state import Accumulator, Draft, Timer
from cairn_journey.language.steps_model import CUSTOMER
from cairn_kernel.event import Event

SCHEDULE: Final = "schedule"
AUDIENCE: Final = "audience"


def follow(draft: Draft, event: Event, compiled: CompiledProgramme, *, moved: bool) -> None:
    """Timers of schedules and audiences, as the programme and the event have it."""
    state = draft.state
    if state.version != compiled.version:
        arm(draft, event, compiled)
        return
    if compiled.schedules and compiled.schedules[0].timer not in state.timers:
        arm_schedules(draft, event, compiled)
    elif moved:
        move(draft, event, compiled)
    rules = compiled.by_type.get(event.type)
    for audience in rules.audiences if rules is not None else ():
        look_again(draft, event, audience)


def joined(_: Programmes, draft: Draft, fact: Event) -> None:
    """The customer has come into an audience."""
    name = fact.data["audience"]
    draft.state.audiences = {**draft.state.audiences, name: fact.as_of}
    if "next" in fact.data:
        set_look(draft, fact, name, fact.data["next"])


def left(_: Programmes, draft: Draft, fact: Event) -> None:
    """The customer has left an audience."""
    name = fact.data["audience"]
    draft.state.audiences = {one: since for one, since in draft.state.audiences.items() if one != name}
    if "next" in fact.data:
        set_look(draft, fact, name, fact.data["next"])


def came_round(_: Programmes, draft: Draft, fact: Event) -> None:
    """A schedule came round."""
    journey, ref = fact.data["journey"], fact.data["schedule"]
    set_schedule(draft, fact, journey, ref, fact.data["next"])


def armed(programmes: Programmes, draft: Draft, fact: Event) -> None:
    """A programme came into force for a customer who did nothing."""
    arm(draft, fact, programmes.version(draft.state.tenant, fact.data["version"]).about(draft.state.subject))


def filled(_: Programmes, draft: Draft, fact: Event) -> None:
    """New features say something of the past."""
    draft.features.update(msgspec.convert(fact.data["features"], dict[str, Accumulator]))


def arm(draft: Draft, cause: Event, compiled: CompiledProgramme) -> None:
    """Bring the timers in line with a programme that is new to the customer; schedules that it keeps go on."""
    state = draft.state
    schedules = () if cause.historical else compiled.schedules
    known = {schedule.timer for schedule in schedules} | {_timer(one) for one in compiled.tracked}
    for id in [id for id, timer in state.timers.items() if timer.kind in (SCHEDULE, AUDIENCE) and id not in known]:
        del draft.timers[id]
    names = {audience.name for audience in compiled.tracked}
    state.audiences = {name: since for name, since in state.audiences.items() if name in names}
    state.version = compiled.version
    arm_schedules(draft, cause, compiled)
    for audience in compiled.tracked:
        look_again(draft, cause, audience)


def arm_schedules(draft: Draft, cause: Event, compiled: CompiledProgramme) -> None:
    """Schedules begin with the first event that is not of the past, or when the programme comes into force."""
    if not cause.historical:
        for schedule in compiled.schedules:
            if schedule.timer not in draft.state.timers:
                rearm(draft, cause, schedule)


def rearm(draft: Draft, cause: Event, schedule: CompiledSchedule) -> None:
    """Set a schedule's timer to the next time after the cause."""
    due = next_due(schedule.schedule, cause.as_of, draft.state.traits.get("timezone"))
    set_schedule(draft, cause, schedule.journey.name, schedule.ref, due)


def set_schedule(draft: Draft, cause: Event, journey: str, ref: str, due: int) -> None:
    """Have a schedule come round then."""
    _set(draft, cause, schedule_timer(journey, ref), Timer(due, SCHEDULE, journey, ref))


def move(draft: Draft, cause: Event, compiled: CompiledProgramme) -> None:
    """The customer is in another time zone now: what goes by it goes by that one."""
    for schedule in compiled.schedules:
        local = schedule.schedule.every is None and schedule.schedule.zone == CUSTOMER
        if local and schedule.timer in draft.state.timers:
            rearm(draft, cause, schedule)


def look_again(draft: Draft, cause: Event, audience: CompiledAudience) -> None:
    """Have an audience looked at when time alone may next change it, or before."""
    due = next_change(audience.timed, draft.state, cause.as_of)
    timer = draft.state.timers.get(_timer(audience))
    if due is not None and (timer is None or timer.due > due or timer.historical > cause.historical):
        set_look(draft, cause, audience.name, due)


def set_look(draft: Draft, cause: Event, audience: str, due: int | None) -> None:
    """Have an audience looked at then; never if None."""
    id = f"{AUDIENCE}:{audience}"
    if due is None:
        draft.timers.pop(id, None)
    else:
        _set(draft, cause, id, Timer(due, AUDIENCE, "", audience))


def _timer(audience: CompiledAudience) -> str:
    return f"{AUDIENCE}:{audience.name}"


def _set(draft: Draft, cause: Event, id: str, timer: Timer) -> None:
    about = (cause.id, cause.correlation_id or cause.id, cause.hops, cause.historical)
    draft.timers[id] = Timer(timer.due, timer.kind, timer.journey, timer.ref, *about)
