import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_kernel.errors import Refused
from cairn_kernel.time import DAY, HOUR, parse_instant
from ingestion.domain import clock as clocks
from ingestion.domain.clock import Clock, Mode
from ingestion.domain.faults import BadEvent

T0 = parse_instant("2017-01-01T00:00:00Z")
NOW = parse_instant("2026-05-04T12:00:00Z")
OPEN = Clock(Mode.OPEN, step=1, start=T0, as_of=T0)


def stamp(clock: Clock, event_time: int | None, now: int = NOW) -> tuple[int, int]:
    return clocks.stamp(clock, event_time, now=now, step_max_us=DAY)


def test_live_as_of_is_the_arrival_and_never_falls() -> None:
    assert stamp(Clock(), T0) == (T0, NOW)
    assert stamp(Clock(), None) == (NOW, NOW)
    assert stamp(Clock(as_of=NOW + 5), T0) == (T0, NOW + 5)


def test_in_a_step_as_of_is_the_own_time_not_before_the_start() -> None:
    assert stamp(OPEN, T0 + HOUR) == (T0 + HOUR, T0 + HOUR)
    assert stamp(OPEN, T0 - DAY) == (T0 - DAY, T0)
    assert stamp(OPEN, None) == (T0, T0)


@pytest.mark.parametrize(("clock", "time"), [(Clock(), NOW + DAY), (Clock(), -1), (OPEN, T0 + DAY), (OPEN, -1)])
def test_a_time_out_of_reach_is_refused(clock: Clock, time: int) -> None:
    with pytest.raises(BadEvent, match="TIME_RANGE"):
        stamp(clock, time)


def test_steps_follow_each_other() -> None:
    clock = clocks.begin(Clock(), T0)
    assert clock == OPEN == clocks.begin(clock, T0)
    closing = clocks.close(clock, 1, end=T0 + DAY, last=False)
    assert (closing.mode, closing.end, closing.as_of) == (Mode.CLOSING, T0 + DAY, T0 + DAY)
    assert clocks.close(closing, 1, end=T0 + DAY, last=False) == closing
    following = clocks.open_next(closing, 7)
    assert following == Clock(Mode.OPEN, step=2, start=T0 + DAY, as_of=T0 + DAY, outcomes=7)
    assert clocks.close(following, 1, end=T0 + DAY, last=False) == following
    assert clocks.is_over(following, 1)
    assert not clocks.is_over(closing, 1)


def test_a_step_does_not_end_before_its_last_event() -> None:
    clock = OPEN._replace(as_of=T0 + 20 * HOUR)
    assert clocks.close(clock, 1, end=T0 + 10 * HOUR, last=False).end == T0 + 20 * HOUR


def test_after_the_last_step_time_is_live() -> None:
    closing = clocks.close(OPEN, 1, end=T0 + DAY, last=True)
    live = clocks.open_next(closing, 0)
    assert (live.mode, live.step, live.as_of) == (Mode.LIVE, 2, T0 + DAY)
    assert stamp(live, T0) == (T0, NOW)


@pytest.mark.parametrize(
    ("clock", "step", "end"),
    [(OPEN, 2, T0 + DAY), (OPEN, 1, T0), (OPEN._replace(step=5), 3, T0 + DAY), (Clock(step=3), 3, T0 + DAY)],
)
def test_steps_out_of_order_are_refused(clock: Clock, step: int, end: int) -> None:
    with pytest.raises(Refused) as raised:
        clocks.close(clock, step, end=end, last=False)
    assert raised.value.reason == "STEP_ORDER"


def test_a_time_lapse_begins_once_and_before_all_events() -> None:
    for clock, start in ((Clock(as_of=NOW), T0), (OPEN, T0 + DAY), (Clock(step=3), NOW)):
        with pytest.raises(Refused) as raised:
            clocks.begin(clock, start)
        assert raised.value.reason == "STEP_ORDER"
    with pytest.raises(Refused) as raised:
        clocks.close(Clock(), 1, end=T0, last=False)
    assert raised.value.reason == "NOT_IN_TIME_LAPSE"


@given(st.lists(st.tuples(st.sampled_from(["stamp", "promise"]), st.integers(-HOUR, HOUR)), max_size=30))
def test_live_as_of_never_falls_and_promises_are_kept(happenings: list[tuple[str, int]]) -> None:
    clock, greatest, promised = Clock(as_of=NOW), NOW, 0
    for kind, offset in happenings:  # clocks of machines jump
        if kind == "stamp":
            _, as_of = stamp(clock, T0, now=NOW + offset)
            clock = clock._replace(as_of=as_of)
            assert as_of >= greatest
            assert as_of > promised
            greatest = as_of
        else:
            upto, clock = clocks.complete_to(clock, now=NOW + offset)
            promised = max(promised, upto or 0)


def test_an_empty_log_promises_nothing() -> None:
    assert clocks.complete_to(Clock(), now=NOW) == (None, Clock())
    assert clocks.complete_to(OPEN, now=NOW) == (T0 - 1, OPEN)
