"""Conditions that are neither true nor false: they count as false, it is told once, and the journey lives on."""

from typing import Any

import pytest
from msgspec.structs import replace

from cairn_journey import canonical_state, explain
from cairn_journey.engine.facts import CONDITION_FAILED
from cairn_journey.engine.failing import MAX_FAILURES
from cairn_kernel.event import BROADCAST, Event, to_canonical_json
from cairn_kernel.time import DAY

from .scenario import Customer, bought, event, identified, types

ORDERS = """
kind: Audience
name: loyal
when: profile.years > 2
---
kind: Journey
name: orders
features: {cheapest: {min: order.placed, of: amount}}
entry: [{on: order.placed, when: event.amount / event.items > 5}]
reentry: always
goal: {on: order.paid, when: event.total >= cheapest, value: event.total, currency: EUR}
exit: [{on: order.cancelled, when: event.final}]
stages:
  - {name: packed, on: order.packed, when: event.parcels > 0}
  - {name: late, after: {idle: order.packed, for: 5d}, when: profile.patience < 3}
friction: [{name: lost, on: parcel.lost, when: event.value > 10}]
interventions:
  - {name: sorry, trigger: {on: parcel.late, when: event.days > 3}, steps: [{decide: {tag: greeting}}]}
  - name: thanks
    trigger: {on: order.praised}
    steps: [{wait: {until: {on: order.rated, when: event.stars > 3}, for: 2d}}, {decide: {tag: greeting}}]
"""
ORDERS = ORDERS.replace("{decide: {tag: greeting}}", "{decide: {actions: {tag: greeting}}}")
ORDERED: dict[str, Any] = {"amount": 20, "items": 2}


def failed(customer: Customer, stream: list[Event] | None = None) -> list[tuple[str, str]]:
    """(condition, sort of error) of what was told."""
    told = customer.stream if stream is None else stream
    return [(fact.data["condition"], fact.data["error"]) for fact in told if fact.type == CONDITION_FAILED]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"amount": 20, "items": 0}, "DIVISION_BY_ZERO"),
        ({"amount": 20}, "MISSING"),
        ({"amount": "twenty", "items": 2}, "WRONG_TYPE"),
        ({"amount": None, "items": 2}, "WRONG_TYPE"),
    ],
)
def test_an_entry_that_fails_does_not_hold_and_it_is_told(data: dict[str, Any], error: str) -> None:
    customer = Customer(ORDERS).when(event("order.placed", 1, **data))
    (fact,) = customer.new[1:]
    assert (fact.type, fact.causation_id) == (CONDITION_FAILED, customer.new[0].id)
    assert fact.data == {
        "journey": "orders",
        "condition": "entry",
        "expression": "event.amount / event.items > 5",
        "error": error,
    }
    assert customer.when(event("order.placed", 2, **ORDERED)).said() == [("entered", 2)]


@pytest.mark.parametrize(
    ("item", "condition"),
    [
        (event("order.packed", 2), "stage packed"),
        (event("order.paid", 2), "goal"),
        (event("order.cancelled", 2), "exit"),
        (event("parcel.lost", 2), "friction lost"),
        (event("parcel.late", 2), "intervention sorry"),
    ],
)
def test_so_with_stages_goals_exits_frictions_and_triggers(item: Event, condition: str) -> None:
    customer = Customer(ORDERS).when(event("order.placed", 1, **ORDERED), item)
    assert failed(customer, customer.new) == [(condition, "MISSING")]
    assert "orders" in customer.state.open


def test_so_with_stages_by_absence_and_waits() -> None:
    customer = Customer(ORDERS).when(event("order.placed", 1, **ORDERED), event("order.praised", 2))
    customer.when(event("order.rated", 3, stars="many"))
    assert failed(customer, customer.new) == [("intervention thanks, step 1", "WRONG_TYPE")]
    customer.until(7)
    assert customer.said() == [("wait_ended", 4), ("moment_reached", 4), ("stage_skipped", 6), ("condition_failed", 6)]
    assert failed(customer, customer.new) == [("stage late", "MISSING")]


def test_a_goal_counts_though_what_it_is_worth_fails() -> None:
    worth = ORDERS.replace("value: event.total", "value: event.total / event.parts")
    customer = Customer(worth).when(event("order.placed", 1, **ORDERED), event("order.paid", 2, total=30, parts=0))
    assert customer.said("value")[-2:] == [("goal_reached", 2, ""), ("condition_failed", 2)]
    assert failed(customer) == [("goal value", "DIVISION_BY_ZERO")]


def test_an_audience_fails_under_its_own_name() -> None:
    asks = ORDERS.replace("reentry: always", "reentry: always\naudience: loyal")
    customer = Customer(asks).when(event("order.placed", 1, **ORDERED))
    assert failed(customer) == [("when", "MISSING")]
    assert customer.new[-1].data["audience"] == "loyal"
    assert customer.when(identified(2, years=3), event("order.placed", 3, **ORDERED)).said() == [("entered", 3)]


def test_it_is_told_once_however_often_it_happens() -> None:
    customer = Customer(ORDERS).when(*(event("order.placed", day, amount=day) for day in range(1, 500)))
    assert failed(customer) == [("entry", "MISSING")]
    assert len(customer.stream) == 500
    customer.when(event("order.placed", 500, amount="many", items=2))
    assert failed(customer) == [("entry", "MISSING"), ("entry", "WRONG_TYPE")]


def test_rules_of_one_place_do_not_take_turns_in_telling() -> None:
    both = ORDERS.replace(
        "entry: [", "entry: [{on: order.placed, when: event.urgent}, {on: order.placed, when: event.gift}, "
    )
    customer = Customer(both).when(*(event("order.placed", day, amount=1, items=1) for day in range(1, 9)))
    assert failed(customer) == [("entry", "MISSING"), ("entry", "MISSING")]


def test_so_many_are_told_of_one_journey() -> None:
    stages = "".join(f"  - {{name: s{n}, on: order.packed, when: event.a{n} > 0}}\n" for n in range(30))
    many = ORDERS.replace("stages:\n", f"stages:\n{stages}")
    customer = Customer(many).when(event("order.placed", 1, **ORDERED), event("order.packed", 2))
    assert len(failed(customer)) == len(customer.state.failures) == MAX_FAILURES


def test_a_late_event_and_a_merge_tell_the_same() -> None:
    patient = ORDERS.replace("reentry: always", "reentry: always\nlateness: 10d")
    items = [event("order.placed", 1, amount=1), event("order.placed", 2, **ORDERED), event("order.packed", 4)]
    orderly = Customer(patient).when(*items).until(5)
    late = replace(items[0], as_of=5 * DAY)
    scattered = Customer(patient, domain=orderly.domain).when(items[1], items[2], late)
    assert canonical_state(scattered.state) == canonical_state(orderly.state)
    other = Customer(patient, profile_id="p2", domain=orderly.domain).when(items[0])
    joined = Customer(patient, domain=orderly.domain).when(*items[1:]).unites_with(other, 5)
    assert joined.state.failures == orderly.state.failures


def test_nobody_hears_of_an_event_of_the_business_for_that_alone() -> None:
    heard = ORDERS.replace("entry: [", "entry: [{broadcast: price.dropped, when: profile.watches == event.article}, ")
    customer = Customer(heard).when(bought(1))
    control = Event(
        id="b1", tenant="default", type=BROADCAST, event_time=2 * DAY, as_of=2 * DAY, data={"type": "price.dropped"}
    )
    assert customer.domain.walk(customer.state, control) == ([], customer.state)


def test_facts_do_not_tell_what_the_condition_saw() -> None:
    customer = Customer(ORDERS).when(event("order.placed", 1, amount="anna@example.com", items=2))
    assert "anna" not in to_canonical_json(customer.new[-1]).decode()


def test_explained_until_it_is_written_otherwise() -> None:
    customer = Customer(ORDERS).when(event("order.placed", 1, amount=20, items=0))
    programmes, state = customer.domain.programmes, customer.state
    (shown,) = [one for one in explain(programmes, state, "orders", 3 * DAY).conditions if one.role == "failed"]
    assert shown.expression == "entry: event.amount / event.items > 5"
    assert shown.saw == "it divided by zero, first on 1970-01-02T00:00:00Z; it counts as false"
    mended = Customer(ORDERS.replace("event.amount / event.items > 5", "event.items > 0 && event.amount > 5"))
    explained = explain(mended.domain.programmes, state, "orders", 3 * DAY)
    assert not [one for one in explained.conditions if one.role == "failed"]
    assert types(mended.stream) == []


def test_a_condition_over_counts_that_failed_before_fails_again_for_the_same_counts() -> None:
    counted = """
kind: Journey
name: counted
features:
  placed: {count: order.placed}
  returned: {count: order.returned}
entry: [{on: order.placed, when: placed / returned > 1}]
goal: {on: order.paid}
"""
    first = Customer(counted).when(event("order.placed", 1))
    second = Customer(profile_id="p2", domain=first.domain).when(event("order.placed", 1))
    assert failed(first) == failed(second) == [("entry", "DIVISION_BY_ZERO")]
    second.when(event("order.returned", 2), event("order.placed", 3))
    assert second.said()[-1] == ("entered", 3)
