"""The clock of the domain: what as_of an event gets, live or in a time-lapse, and how steps follow each other.

Inside a step, as_of is the event's own time, but never before the step's start (a late event is taken
in now). How far a step may reach is known before it ends: `step_max_us` after its start; an event beyond
that is kept aside (TIME_RANGE), so that one wrong date cannot move the clock. A step ends where it is told
to, or at its last event if that is later. Live, as_of is the time of arrival, never falling.
"""

from enum import StrEnum
from typing import NamedTuple

from cairn_kernel.errors import Refused
from ingestion.domain.told import FUTURE_ALLOWED_US, in_range


class Mode(StrEnum):
    LIVE = "live"
    OPEN = "open"
    """A step of a time-lapse takes events in."""
    CLOSING = "closing"
    """Its markers are under way; events wait until its outcomes are back."""


class Clock(NamedTuple):
    """One for the whole installation. Instants are µs."""

    mode: Mode = Mode.LIVE
    step: int = 0
    """The open or closing step; after a time-lapse, the one that would have come next."""
    start: int = 0
    """Where that step begins."""
    end: int = 0
    """Where a closing step ends."""
    last: bool = False
    """Whether Cairn runs live after the closing step."""
    as_of: int = 0
    """Greatest as_of given or promised; 0 while the log is empty."""
    outcomes: int = 0
    """Events that opened the step: outcomes of the one before."""


def stamp(clock: Clock, event_time: int | None, *, now: int, step_max_us: int) -> tuple[int, int]:
    """The event's time and its as_of. Raises BadEvent (TIME_RANGE)."""
    if clock.mode is Mode.LIVE:
        as_of = max(now, clock.as_of)
        if event_time is None:
            return as_of, as_of
        return in_range(event_time, latest=now + FUTURE_ALLOWED_US, field="timestamp"), as_of
    if event_time is None:
        return clock.start, clock.start
    in_range(event_time, latest=clock.start + step_max_us, field="timestamp")
    return event_time, max(event_time, clock.start)


def begin(clock: Clock, start: int) -> Clock:
    """Step 0 is over: step 1 is open. Repeating it changes nothing."""
    if clock.mode is not Mode.LIVE and clock.step == 1 and clock.start == start:
        return clock
    if clock.step > 0:
        raise _out_of_order("a time-lapse has already begun", clock)
    if clock.as_of > start:
        raise _out_of_order("events were taken in after that time", clock)
    return Clock(mode=Mode.OPEN, step=1, start=start, as_of=start)


def close(clock: Clock, step: int, *, end: int, last: bool) -> Clock:
    """The step takes no more events. Repeating it changes nothing, also when it is long over."""
    if clock.step == 0:
        raise Refused("no time-lapse is running; step 0 opens one", reason="NOT_IN_TIME_LAPSE")
    if step == clock.step - 1 or (step == clock.step and clock.mode is Mode.CLOSING):
        return clock
    if step != clock.step or clock.mode is not Mode.OPEN:
        raise _out_of_order("steps end one after the other", clock)
    if end <= clock.start:
        raise _out_of_order("a step ends after it begins", clock)
    end = max(end, clock.as_of)
    return clock._replace(mode=Mode.CLOSING, end=end, last=last, as_of=end)


def open_next(clock: Clock, outcomes: int) -> Clock:
    """All consequences of the closing step are back: the next step is open, or Cairn runs live."""
    return Clock(
        mode=Mode.LIVE if clock.last else Mode.OPEN,
        step=clock.step + 1,
        start=clock.end,
        as_of=clock.end,
        outcomes=outcomes,
    )


def is_over(clock: Clock, step: int) -> bool:
    return clock.step > step


def complete_to(clock: Clock, *, now: int) -> tuple[int | None, Clock]:
    """Up to when (inclusive) nothing more will come, and the clock that keeps this promise.

    None while the log is empty: nobody waits for anything then, and a time-lapse may still begin.
    """
    if clock.as_of == 0:
        return None, clock
    if clock.mode is Mode.LIVE:
        promised = max(now, clock.as_of)
        return promised - 1, clock._replace(as_of=promised)
    return clock.start - 1, clock


def _out_of_order(sentence: str, clock: Clock) -> Refused:
    return Refused(sentence, reason="STEP_ORDER", open_step=clock.step, mode=clock.mode.value)
