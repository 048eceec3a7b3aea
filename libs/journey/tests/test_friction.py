"""Signs that a customer met an obstacle, and the health of a stay."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import canonical_state, counts, explain, parse_state
from cairn_journey.engine.health import BEST, health_at
from cairn_journey.engine.state import Instance
from cairn_journey.language.model import Health
from cairn_kernel.event import Event
from cairn_kernel.time import DAY

from .scenario import Customer, event

JOURNEY = """
kind: Journey
name: buy
entry: [{on: shop.visited}, {on: promise.made}]
goal: {on: order.paid}
channels:
  - {name: web, on: [page.viewed, shop.visited]}
  - {name: phone, on: [call.received]}
  - {name: store, on: [till.used], when: event.staffed}
stages:
  - {name: looking, on: page.viewed}
  - {name: basket, on: basket.filled, usual: {p50: 1d, p90: 3d}}
  - {name: checkout, on: checkout.begun}
friction:
  - {name: failed, error: payment.failed, weight: 20}
  - {name: rage, repeat: {on: button.clicked, when: event.dead, times: 3, within: 1d}}
  - {name: round, loop: {stages: [basket, looking], times: 2, within: 5d}}
  - {name: search, loop: {events: [search.made, result.seen], times: 2, within: 1d}}
  - {name: stuck, dwell: {stage: checkout, longer_than: 2d}}
  - {name: slow, dwell: {stage: basket, peers: p90}}
  - {name: stepped-back, back: true, weight: 7}
  - {name: called, channel_switch: {to: [phone, store]}}
  - {name: silent, silence: {after: promise.made, when: event.kind == "call", for: 3d, until: promise.kept}}
health: {progress: 4, recovery: {points: 5, every: 10d}}
"""


def visited(*more: Event) -> Customer:
    return Customer(JOURNEY).when(event("shop.visited", 0), *more)


def met(customer: Customer) -> list[tuple[str, float]]:
    return [
        (fact.data["friction"], fact.as_of / DAY) for fact in customer.stream if fact.type == "journey.friction_met"
    ]


def many(type: str, *days: float, **data: Any) -> list[Event]:
    return [event(type, day, **data) for day in days]


def test_an_error_is_met_each_time() -> None:
    assert met(visited(*many("payment.failed", 1, 2))) == [("failed", 1), ("failed", 2)]


class TestARageRepeat:
    def test_is_so_many_times_within_a_time(self) -> None:
        assert met(visited(*many("button.clicked", 1, 1.5, 1.9, dead=True))) == [("rage", 1.9)]
        assert met(visited(*many("button.clicked", 1, 1.5, 2, dead=True))) == []

    def test_begins_anew_once_it_is_met(self) -> None:
        days = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6)
        assert met(visited(*many("button.clicked", *days, dead=True))) == [("rage", 1.2), ("rage", 1.5)]

    def test_counts_only_what_it_is_about(self) -> None:
        clicks = [*many("button.clicked", 1, 1.1, dead=True), *many("button.clicked", 1.2, 1.3, dead=False)]
        assert met(visited(*clicks)) == []


class TestALoop:
    def test_over_stages(self) -> None:
        life = [event(type, day) for day, type in enumerate(["basket.filled", "page.viewed"] * 2, start=1)]
        assert ("round", 4) in met(visited(*life))
        slow = [event(type, 6 * day) for day, type in enumerate(["basket.filled", "page.viewed"] * 2, start=1)]
        assert "round" not in dict(met(visited(*slow)))

    def test_over_events_in_their_order(self) -> None:
        rounds = many("search.made", 1) + many("result.seen", 1.1) + many("search.made", 1.2) + many("result.seen", 1.3)
        assert met(visited(*rounds)) == [("search", 1.3)]
        broken = many("search.made", 1) + many("result.seen", 1.1, 1.2) + many("search.made", 1.3, 1.4)
        assert met(visited(*broken)) == []


class TestADwell:
    def test_is_longer_than_a_time(self) -> None:
        assert met(visited(event("checkout.begun", 1)).until(2.99)) == []
        assert met(visited(event("checkout.begun", 1)).until(90)) == [("stuck", 3)]

    def test_or_than_with_others_as_the_programme_has_it(self) -> None:
        assert met(visited(event("basket.filled", 1)).until(90)) == [("slow", 4)]

    def test_is_none_if_the_stage_is_left_in_time(self) -> None:
        customer = visited(event("checkout.begun", 1), event("order.paid", 2)).until(90)
        assert met(customer) == []
        moved = visited(event("basket.filled", 1), event("checkout.begun", 2), event("order.paid", 3)).until(90)
        assert met(moved) == []


def test_a_step_back_in_the_order_of_stages() -> None:
    assert met(visited(event("checkout.begun", 1), event("page.viewed", 2))) == [("stepped-back", 2)]
    assert met(visited(event("page.viewed", 1), event("checkout.begun", 2), event("order.paid", 3))) == []


class TestASwitchOfChannel:
    def test_to_a_dearer_one(self) -> None:
        assert met(visited(*many("page.viewed", 1), *many("call.received", 2))) == [("called", 2)]

    def test_is_none_to_a_cheaper_one_or_the_same(self) -> None:
        assert met(visited(*many("call.received", 1, 2), *many("page.viewed", 3))) == []
        again = visited(
            *many("page.viewed", 1), *many("call.received", 2, 3), *many("page.viewed", 4), *many("call.received", 5)
        )
        assert met(again) == [("called", 2), ("called", 5)]

    def test_needs_the_channels_condition(self) -> None:
        assert met(visited(*many("page.viewed", 1), *many("till.used", 2, staffed=False))) == []
        assert met(visited(*many("page.viewed", 1), *many("till.used", 2, staffed=True))) == [("called", 2)]


class TestASilence:
    def test_after_a_promise(self) -> None:
        assert met(visited(event("promise.made", 1, kind="call")).until(90)) == [("silent", 4)]

    def test_is_ended_by_what_was_promised(self) -> None:
        assert met(visited(event("promise.made", 1, kind="call"), event("promise.kept", 3.9)).until(90)) == []

    def test_counts_from_the_first_promise(self) -> None:
        assert met(visited(*many("promise.made", 1, 3, kind="call")).until(90)) == [("silent", 4)]

    def test_begins_with_the_event_that_enters_too(self) -> None:
        customer = Customer(JOURNEY).when(event("promise.made", 1, kind="call"))
        assert customer.new[-1].data["silences"] == ["silent"]
        assert met(customer.until(90)) == [("silent", 4)]
        other = Customer(JOURNEY).when(event("promise.made", 1, kind="mail")).until(90)
        assert met(other) == []

    def test_is_none_once_the_stay_has_ended(self) -> None:
        customer = visited(event("promise.made", 1, kind="call"), event("order.paid", 2)).until(90)
        assert (met(customer), customer.state.timers) == ([], {})


class TestHealth:
    def health(self, customer: Customer, day: float) -> int:
        instance = customer.state.open["buy"]
        return health_at(Health(4, 5, 10 * DAY), instance, round(day * DAY))

    def test_falls_by_the_weight_of_what_is_met(self) -> None:
        assert self.health(visited(*many("payment.failed", 1, 2)), 2) == 60

    def test_rises_with_stages_further_on_and_with_time(self) -> None:
        customer = visited(event("payment.failed", 1), event("page.viewed", 2), event("checkout.begun", 3))
        assert self.health(customer, 3) == 88
        assert self.health(customer, 10.99) == 88
        assert self.health(customer, 11) == 93
        assert self.health(customer, 500) == BEST
        customer.when(event("page.viewed", 4), event("checkout.begun", 4.5))
        assert self.health(customer, 4.5) == 81  # the step back took 7; going on to where one was gives nothing

    def test_never_leaves_its_bounds(self) -> None:
        customer = visited(*many("payment.failed", *range(1, 9)))
        assert self.health(customer, 9) == 0
        assert counts(customer.state)["buy"].health == {"poor": 1}

    def test_is_explained(self) -> None:
        customer = visited(event("payment.failed", 1))
        told = explain(customer.domain.programmes, customer.state, "buy", 2 * DAY)
        assert told.summary.endswith("in no stage yet. Health 80 of 100.")
        assert ("friction", "failed: payment.failed", True, "met 1 time in all, 20 of 100 each") in told.conditions
        texts = [item.expression for item in told.conditions if item.role == "friction"]
        assert texts[1:] == [
            "rage: button.clicked when event.dead, 3 times within 1d",
            "round: basket > looking, 2 times within 5d",
            "search: search.made > result.seen, 2 times within 1d",
            "stuck: in checkout for longer than 2d",
            "slow: in basket for longer than 3d",
            "stepped-back: back to an earlier stage",
            "called: from a cheaper channel to phone or store",
            'silent: 3d after promise.made when event.kind == "call" without promise.kept',
        ]


TYPES = (
    *("page.viewed", "basket.filled", "checkout.begun", "payment.failed", "button.clicked", "search.made"),
    *("result.seen", "call.received", "promise.made", "promise.kept", "order.paid", "shop.visited"),
)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(TYPES)), max_size=25), st.integers(0, 24))
def test_whatever_happens_health_keeps_its_bounds_and_the_state_is_the_fold(
    steps: list[tuple[int, str]], border: int
) -> None:
    day, life = 0.0, []
    for pause, type in steps:
        day += pause / 4
        life.append(msgspec.structs.replace(event(type, day), data={"dead": True, "kind": "call", "staffed": True}))
    text = JOURNEY + "reentry: always\n"
    whole = Customer(text).when(event("shop.visited", 0), *life).until(200)
    first = Customer(text).when(event("shop.visited", 0), *life[:border])
    second = Customer(domain=first.domain)
    second.state = parse_state(canonical_state(first.state))
    second.when(*life[border:]).until(200)
    assert canonical_state(second.state) == canonical_state(whole.state)
    for instance in (*whole.state.open.values(), *whole.state.records["buy"].past):
        assert 0 <= instance.health <= BEST
        assert len(instance.traces) <= 3
    ids = [fact.id for fact in whole.stream]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("at", "expected"), [(0, 50), (DAY - 1, 50), (DAY, 60), (10 * DAY, 100)])
def test_health_is_worked_out_when_looked_at(at: int, expected: int) -> None:
    instance = Instance("i", "j", "v", 1, 0, health=50, health_since=0)
    assert health_at(Health(0, 10, DAY), instance, at) == expected
    ended = msgspec.structs.replace(instance, goal=DAY)
    assert health_at(Health(0, 10, DAY), ended, 9 * DAY) == 60
