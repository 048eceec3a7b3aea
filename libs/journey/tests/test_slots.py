"""Journeys with a key: several instances of one customer at a time."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import canonical_state, counts, explain, parse_state
from cairn_journey.engine.slots import MAX_KEYS, MAX_OPEN, remembered
from cairn_kernel.event import Event
from cairn_kernel.time import DAY

from .scenario import Customer, event

ORDERS = """
kind: Journey
name: parcel
key: {order.placed: event.order_id, parcel.delivered: event.order, parcel.lost: event.order, order.viewed: event.order}
entry: [{on: order.placed}]
goal: {on: parcel.delivered, within: 30d}
exit: [{on: parcel.lost}, {on: account.closed}]
stages:
  - {name: forgotten, after: {idle: order.viewed, for: 3d}}
interventions:
  - {name: tell, trigger: {stage: forgotten}, steps: [{decide: {actions: [hello-email]}}, {wait: {for: 1d}}]}
"""


def placed(day: float, order: object) -> Event:
    return event("order.placed", day, order_id=order)


def delivered(day: float, order: object) -> Event:
    return event("parcel.delivered", day, order=order)


def test_each_key_is_an_instance_of_its_own() -> None:
    customer = Customer(ORDERS).when(placed(0, "a"), placed(1, 7), delivered(2, "a"))
    assert customer.said("key") == [("entered", 0, "a"), ("entered", 1, "7"), ("goal_reached", 2, "a")]
    assert list(customer.state.open) == ["parcel/7"]


def test_a_key_is_not_entered_twice_at_once() -> None:
    assert Customer(ORDERS).when(placed(0, "a")).when(placed(1, "a")).said() == []


def test_each_instance_has_its_own_timers_and_runs() -> None:
    customer = Customer(ORDERS).when(placed(0, "a"), placed(1, "b"), event("order.viewed", 2, order="a"))
    customer.until(4)
    assert customer.said("stage", "key", "step") == [
        ("stage_entered", 4, "forgotten", "b"),
        ("moment_reached", 4, "b", "1"),
        ("wait_started", 4, "b", "2"),
    ]
    assert ("stage_entered", 5, "a", "forgotten") in customer.until(5).said("key", "stage")


def test_an_event_without_a_key_concerns_all_instances() -> None:
    customer = Customer(ORDERS).when(placed(0, "a"), placed(1, "b"))
    assert customer.when(event("account.closed", 2)).said("key") == [("exited", 2, "a"), ("exited", 2, "b")]
    assert (customer.state.open, customer.state.timers) == ({}, {})


@pytest.mark.parametrize("key", [None, 1.5, True, "x" * 201, ""])
def test_an_entry_event_without_a_usable_key_does_not_enter(key: object) -> None:
    assert Customer(ORDERS).when(placed(0, key)).said() == []


def test_reentry_is_by_key() -> None:
    customer = Customer(ORDERS).when(placed(0, "a"), delivered(1, "a"))
    assert customer.when(placed(2, "a")).said() == []
    assert customer.when(placed(2, "b")).said("key") == [("entered", 2, "b")]
    again = Customer(ORDERS + "reentry: {after: 2d}\n").when(placed(0, "a"), delivered(1, "a"))
    assert again.when(placed(2.9, "a")).said() == []
    assert again.when(placed(3, "a")).said("occurrence") == [("entered", 3, 2)]


def test_entries_can_be_limited() -> None:
    customer = Customer(ORDERS + "reentry: {max: 2}\n").when(placed(0, "a"), placed(0, "b"), placed(0, "c"))
    assert customer.said("key") == [("entered", 0, "a"), ("entered", 0, "b")]
    told = explain(customer.domain.programmes, customer.state, "parcel/c", DAY)
    assert told.summary == "Never in parcel/c."
    assert ("reentry", "always, at most 2 times", False) in [item[:3] for item in told.conditions]


def test_more_than_may_be_open_are_refused_by_a_fact() -> None:
    customer = Customer(ORDERS).when(*[placed(0, number) for number in range(1, MAX_OPEN + 3)])
    refused = [fact.data for fact in customer.new if fact.type == "journey.entry_refused"]
    assert [data["key"] for data in refused] == ["101", "102"]
    assert {data["reason"] for data in refused} == {"MAX_OPEN"}
    assert counts(customer.state)["parcel"].in_flight == MAX_OPEN
    assert len({fact.id for fact in customer.stream}) == len(customer.stream)


def test_the_keys_that_ended_first_are_forgotten() -> None:
    keys: dict[str, int] = {}
    for number in range(MAX_KEYS + 5):
        keys = remembered(keys, f"k{number}", number)
    assert len(keys) == MAX_KEYS
    assert "k4" not in keys
    assert keys["k5"] == 5


def test_one_field_for_all_events() -> None:
    journey = ORDERS.replace(ORDERS.split("key: ")[1].splitlines()[0], "event.order_id")
    customer = Customer(journey).when(placed(0, "a"), placed(1, "b"), event("parcel.delivered", 2, order_id="b"))
    assert customer.said("key")[-1] == ("goal_reached", 2, "b")


def test_explaining_tells_about_the_instance_entered_last_or_the_one_asked_for() -> None:
    customer = Customer(ORDERS).when(placed(0, "b"), placed(1, "a"))
    programmes, state = customer.domain.programmes, customer.state
    said = explain(programmes, state, "parcel", 2 * DAY).summary
    assert said == "In parcel for a since 1970-01-02T00:00:00Z, in no stage yet. It is one of 2 open: a, b."
    assert explain(programmes, state, "parcel/b", 2 * DAY).summary.startswith("In parcel for b since 1970-01-01")


def test_counts_are_over_all_instances() -> None:
    customer = Customer(ORDERS).when(placed(0, "a"), placed(1, "b"), placed(1, "c"), delivered(2, "c")).until(3)
    count = counts(customer.state)["parcel"]
    assert (count.entered, count.in_flight, count.goal, count.stages) == (3, 2, 1, {"forgotten": 1, "": 1})


def test_a_state_from_before_there_were_keys_is_read() -> None:
    text = (
        b'{"open":{"j":{"entered":0,"instance_id":"i","journey":"j","occurrence":1,"version":"v"}},"profile_id":"p",'
        b'"tenant":"default","timers":{"i:goal":{"due":9,"journey":"j","kind":"goal"}}}'
    )
    state = parse_state(text)
    assert state.open["j"].slot == state.timers["i:goal"].slot == "j"
    assert parse_state(canonical_state(state)) == state


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("pdlvx"), st.sampled_from(["a", "b", 3])), max_size=14), st.integers(0, 13))
def test_keyed_lives_fold_to_the_same_state(life: list[tuple[str, object]], border: int) -> None:
    types = {
        "p": "order.placed",
        "d": "parcel.delivered",
        "l": "parcel.lost",
        "v": "order.viewed",
        "x": "account.closed",
    }
    fields = {"p": "order_id", "d": "order", "l": "order", "v": "order", "x": "reason"}
    events = [
        msgspec.structs.replace(event(types[kind], day), data={fields[kind]: key})
        for day, (kind, key) in enumerate(life)
    ]
    whole = Customer(ORDERS + "reentry: always\n").when(*events).until(100)
    first = Customer(ORDERS + "reentry: always\n").when(*events[:border])
    second = Customer(domain=first.domain)
    second.state = parse_state(canonical_state(first.state))
    second.when(*events[border:]).until(100)
    assert canonical_state(second.state) == canonical_state(whole.state)
    assert (whole.state.open, whole.state.timers) == ({}, {})
