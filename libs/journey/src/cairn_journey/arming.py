"""Timers of a customer outside of any instance: schedules that come round, audiences that time alone changes."""

from typing import Final

from cairn_journey.compiler import CompiledProgramme, CompiledSchedule, schedule_timer
from cairn_journey.conditions import CompiledAudience
from cairn_journey.looking import next_change
from cairn_journey.schedules import next_due
from cairn_journey.state import Draft, Timer
from cairn_journey.steps_model import CUSTOMER
from cairn_kernel.event import Event

SCHEDULE: Final = "schedule"
AUDIENCE: Final = "audience"


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
