"""Conditions and steps that fail are counted by where they stand."""

from cairn_journey.engine.facts import CONDITION_FAILED, ENTERED, STEP_FAILED
from cairn_kernel.event import Event
from journey_state.adapters.processor import FAILURES, count


def fact(type: str, **data: str) -> Event:
    return Event(id="f", tenant="default", type=type, event_time=1, as_of=1, data={**data, "error": "MISSING"})


def counted(*labels: str) -> float:
    return float(FAILURES.labels(*labels)._value.get())


def test_failures_are_counted_by_definition_place_and_sort_of_error() -> None:
    labels = [("orders", "entry"), ("loyal", "when"), ("orders", "intervention offer, step 2")]
    before = [counted(*each, "MISSING") for each in labels]
    condition = fact(CONDITION_FAILED, journey="orders", condition="entry", expression="event.a > 1")
    audience = fact(CONDITION_FAILED, audience="loyal", condition="when", expression="profile.years > 2")
    step = fact(STEP_FAILED, journey="orders", intervention="offer", step="2", expression="event.b")
    count([condition, fact(ENTERED, journey="orders"), condition, audience, step])
    after = [counted(*each, "MISSING") for each in labels]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 1, 1]
