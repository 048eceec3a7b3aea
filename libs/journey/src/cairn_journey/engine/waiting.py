"""When a wait is over."""

from typing import NamedTuple

from cairn_expressions import EvaluationError
from cairn_journey.engine.conditions import Condition
from cairn_journey.engine.looking import next_change
from cairn_journey.engine.sight import Sight
from cairn_journey.engine.state import CustomerState
from cairn_journey.engine.steps import WaitStep
from cairn_journey.language.local_time import instant_of, next_clock, next_window, zone_of
from cairn_journey.language.steps_model import CUSTOMER, UntilClock, UntilTime, UntilTrue


class Due(NamedTuple):
    """When a wait is over, not before now only if it may last."""

    at: int
    awaited: bool
    """Whether what was waited for comes then; otherwise patience ends."""


class Failure(NamedTuple):
    """An expression that gave no usable value."""

    expression: str
    error: str
    """MISSING, DIVISION_BY_ZERO, OUT_OF_RANGE, WRONG_TYPE, NOT_A_TIME or OTHER."""


def due(
    step: WaitStep, state: CustomerState, sight: Sight, limit: int | None, timed_out: bool | None = None
) -> Due | Failure:
    """When the wait is over, as it looks now; `timed_out` says how the wait before it ended."""
    target = _target(step, state, sight, limit, timed_out)
    if isinstance(target, Failure):
        return target
    if target is not None and (limit is None or target <= limit):
        return Due(target, awaited=True)
    return Due(limit if limit is not None else sight.at, awaited=False)


def _target(
    step: WaitStep, state: CustomerState, sight: Sight, limit: int | None, timed_out: bool | None
) -> int | Failure | None:
    """When what is waited for comes; None if that is not to be foreseen."""
    match step.until:
        case UntilClock() as clock:
            return _clock(clock, state, sight.at)
        case UntilTime() as time if step.value is not None:
            return _told(time, step.value, state, sight, timed_out)
        case UntilTrue() if step.when is not None and limit is not None:
            return _first_true(step.when, state, sight, limit)
    return None


def _clock(until: UntilClock, state: CustomerState, at: int) -> int:
    zone = zone_of(state.traits.get("timezone") if until.zone == CUSTOMER else until.zone)
    if until.at is not None:
        return next_clock(at, until.at, until.days, zone)
    return next_window(at, until.between or (0, 24 * 60), until.days, zone)


def _told(
    until: UntilTime, value: Condition, state: CustomerState, sight: Sight, timed_out: bool | None
) -> int | Failure:
    told = sight.evaluate(value, timed_out)
    if isinstance(told, EvaluationError):
        return Failure(until.time, told.kind)
    zone = zone_of(state.traits.get("timezone") if until.zone == CUSTOMER else until.zone)
    instant = instant_of(told, zone)
    return Failure(until.time, "NOT_A_TIME") if instant is None else instant + until.offset


def _first_true(condition: Condition, state: CustomerState, sight: Sight, limit: int) -> int | None:
    """The first instant from now to `limit` at which a condition holds, if nothing but time happens."""
    at: int | None = sight.at
    while at is not None and at <= limit:
        if (sight if at == sight.at else Sight(state, at)).holds(condition):
            return at
        at = next_change(condition.reads, state, at)
    return None
