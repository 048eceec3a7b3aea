"""Features say what a look through all events would say, in bounded memory."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import CustomerState, canonical_state, load_text, parse_state
from cairn_journey.engine.features import BUCKETS, MAX_DISTINCT, CompiledFeature
from cairn_journey.engine.state import Accumulator
from cairn_journey.language.model import Feature
from cairn_kernel.event import Event
from cairn_kernel.time import DAY

from .scenario import Customer, event

JOURNEY = "kind: Journey\nname: j\nentry: [{on: a.b}]\ngoal: {on: c.d}\nfeatures: {f: {%s}}\n"


def feature(text: str) -> Feature:
    return load_text(JOURNEY % text).journeys["j"].features[0]


def naive(one: Feature, events: list[Event], at: int) -> Any:
    """By a look through everything."""
    if one.window is not None:
        width = one.window // BUCKETS
        events = [e for e in events if e.as_of // width > at // width - BUCKETS]
    values = [e.data["x"] for e in events if e.data.get("x") is not None]
    match one.kind:
        case "count":
            return len(events)
        case "rate":
            return len(events) * (one.per or 0) / (one.window or 1)
        case "sum":
            return float(sum(values))
        case "min":
            return min(map(float, values), default=None)
        case "max":
            return max(map(float, values), default=None)
        case "distinct":
            return len(set(values))
        case "last":
            return events[-1].data.get("x") if events else None
        case _:
            return (at - events[-1].as_of) // DAY if events else None


TEXTS = [
    f"{kind}: a.b{of}{window}"
    for kind, of in [("count", ""), ("sum", ", of: x"), ("min", ", of: x"), ("max", ", of: x"), ("distinct", ", of: x")]
    for window in ("", ", window: 30d", ", window: 5d")
] + ["rate: a.b, window: 30d, per: 7d", "rate: a.b, window: 10d", "last: a.b, of: x", "idle: a.b"]


@pytest.mark.parametrize("text", TEXTS)
@settings(max_examples=25)
@given(
    days=st.lists(st.integers(0, 400), max_size=40),
    values=st.lists(st.sampled_from([1, 2, 3, -4, None]), min_size=40, max_size=40),
    after=st.integers(0, 300),
)
def test_a_feature_says_what_a_look_through_all_events_says(
    text: str, days: list[int], values: list[int | None], after: int
) -> None:
    one = feature(text)
    compiled = CompiledFeature(one)
    kept: dict[str, Accumulator] = {}
    events = [event("a.b", day / 8, x=value) for day, value in zip(sorted(days), values, strict=False)]
    for each in events:
        compiled.keep(kept, each)
    stored = parse_state(canonical_state(CustomerState("default", "p", features=kept))).features
    at = (events[-1].as_of if events else 0) + after * DAY // 8
    assert compiled.value(stored, at) == naive(one, events, at)
    change = compiled.changes_after(stored, at)
    if change is not None:
        assert compiled.value(stored, change - 1) == compiled.value(stored, at)
        assert change > at


def test_different_values_are_told_apart_up_to_a_bound() -> None:
    compiled = CompiledFeature(feature("distinct: a.b, of: x, window: 30d"))
    kept: dict[str, Accumulator] = {}
    for number in range(MAX_DISTINCT + 50):
        compiled.keep(kept, event("a.b", number / 10, x=f"value {number}"))
    assert compiled.value(kept, 30 * DAY) == MAX_DISTINCT
    assert compiled.value(kept, 35 * DAY) == len([n for n in range(MAX_DISTINCT + 50) if n // 10 > 5])


def test_a_rate_shares_what_a_count_keeps() -> None:
    both = JOURNEY % "count: a.b, window: 10d}, g: {rate: a.b, window: 10d, per: 5d"
    customer = Customer(both).when(event("a.b", 1), event("a.b", 2))
    assert len(customer.state.features) == 1
    active = customer.domain.programmes.active("default")
    assert active is not None
    values = [one.value(customer.state.features, 3 * DAY) for one in active.journeys["j"].features]
    assert values == [2, 1.0]
