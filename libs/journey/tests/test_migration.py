"""People in flight when a programme changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_journey import CustomerState, DefinitionFaults, Programme, diff, load_text
from cairn_journey.engine.migration import Place, fate
from cairn_kernel.event import DEFINITION_ACTIVATED, Event
from cairn_kernel.time import DAY

from .scenario import CATALOGUE, WIN_BACK, Customer, bought, event, loaded, of, types

RENAMED = WIN_BACK.replace("lapsing", "drowsy").replace(
    "- decide: {actions: {tag: greeting}, expires: 2d}",
    "- decide: {actions: [reminder-email]}\n      - wait: {for: 1d}",
)
MAPPED = RENAMED + 'in_flight: {migrate: {stages: {lapsing: drowsy}, waits: {"offer/2": "offer/3"}}}\n'


def programme(text: str) -> Programme:
    return loaded(text + CATALOGUE)


def activated(customer: Customer, text: str, day: float, *, reverted: bool = False) -> Customer:
    """Another programme comes into force, and the customer is visited."""
    new = programme(text)
    customer.domain.programmes.activate("default", new)
    at = round(day * DAY)
    data: dict[str, Any] = {"version": new.version} | ({"reverted": True} if reverted else {})
    control = Event(id=f"c{day}", tenant="default", type=DEFINITION_ACTIVATED, event_time=at, as_of=at, data=data)
    customer.new = []
    customer._take(customer.domain.walk(customer.state, control))
    return customer


def waiting() -> Customer:
    """In stage lapsing since day 30, waiting for a basket until day 37."""
    return Customer().when(bought(0)).until(31)


def comparable(state: CustomerState) -> Any:
    """What a journey may do from here on."""
    timers = {id: (timer.due, timer.kind, timer.ref) for id, timer in state.timers.items()}
    return {slot: (one.version, one.stage, one.stage_entered, one.runs) for slot, one in state.open.items()}, timers


def test_without_a_word_they_stay_on_their_version() -> None:
    customer = waiting()
    version = customer.state.open["win-back"].version
    assert activated(customer, RENAMED, 32).new == []
    customer.until(38)
    assert customer.state.open["win-back"].version == version
    assert ("moment_reached", 37.0) in customer.said()


def test_with_a_mapping_they_go_on_where_it_says() -> None:
    customer = activated(waiting(), MAPPED, 32)
    assert types(customer.new) == ["journey.migrated"]
    instance = customer.state.open["win-back"]
    assert (instance.version, instance.stage, instance.runs["offer"].step) == (
        programme(MAPPED).version,
        "drowsy",
        "3",
    )
    assert customer.until(36.9).new == []
    assert ("moment_reached", 37.0) in customer.until(37).said()


def test_a_dropped_wait_ends_the_intervention() -> None:
    customer = activated(waiting(), MAPPED.replace('"offer/3"', "drop"), 32)
    assert customer.state.open["win-back"].runs == {}
    assert customer.until(60).new == []


def test_a_revert_brings_back_exactly_what_was() -> None:
    customer = waiting()
    before = comparable(customer.state)
    activated(customer, MAPPED, 32)
    activated(customer, WIN_BACK, 33, reverted=True)
    assert comparable(customer.state) == before
    assert customer.state.open["win-back"].before is None
    assert ("moment_reached", 37.0) in customer.until(37).said()


def test_a_revert_brings_back_what_was_dropped() -> None:
    customer = activated(waiting(), MAPPED.replace('"offer/3"', "drop"), 32)
    activated(customer, WIN_BACK, 33, reverted=True)
    assert ("moment_reached", 37.0) in customer.until(37).said()


def test_a_revert_keeps_what_the_customer_did_meanwhile() -> None:
    customer = activated(waiting(), MAPPED, 32)
    customer.when(bought(33))
    activated(customer, WIN_BACK, 34, reverted=True)
    instance = customer.state.open["win-back"]
    assert (instance.stage, instance.stage_entered, instance.runs) == ("active", 33 * DAY, {})


def test_those_who_entered_the_new_version_stay_on_it_after_a_revert() -> None:
    customer = Customer(MAPPED).when(bought(0))
    version = customer.state.open["win-back"].version
    assert activated(customer, WIN_BACK, 3, reverted=True).new == []
    assert customer.state.open["win-back"].version == version


def test_time_since_an_event_or_the_entry_goes_on() -> None:
    longer = WIN_BACK.replace("for: 30d", "for: 40d").replace("200d", "90d") + "in_flight: {migrate: {}}\n"
    customer = activated(Customer().when(bought(0)), longer, 20)
    assert sorted(timer.due / DAY for timer in customer.state.timers.values()) == [40.0, 90.0]
    customer = activated(Customer().when(bought(0)), longer.replace("90d", "41d"), 45)
    assert ("exited", 45.0) in customer.until(45).said()


def test_a_retired_journey_lets_nobody_in_and_those_in_it_finish_or_leave() -> None:
    draining = activated(waiting(), WIN_BACK + "retired: drain\n", 32)
    assert draining.new == []
    assert ("moment_reached", 37.0) in draining.until(37).said()
    assert types(activated(Customer(), WIN_BACK + "retired: drain\n", 1).when(bought(2)).new) == ["basket.purchased"]
    stopped = activated(waiting(), WIN_BACK + "retired: stop\n", 32)
    assert stopped.said("reason") == [("exited", 32.0, "retired")]


def test_what_has_no_counterpart_is_told_with_its_cure() -> None:
    before = Customer().domain.programmes.active("default")
    after = Customer(RENAMED + "in_flight: {migrate: {}}\n").domain.programmes.active("default")
    assert before is not None
    assert after is not None
    running, coming = before.journeys["win-back"], after.journeys["win-back"]
    found = fate("win-back", running, coming, Place("lapsing", (("offer", "9"),)))
    assert found.kind == "strand"
    assert "win-back has no stage lapsing any more; map it" in found.problems[0]
    assert (
        'offer/9 of win-back is no wait any more; map it: in_flight: {migrate: {waits: {"offer/9"' in found.problems[1]
    )
    gone = fate("win-back", running, None, Place("lapsing", ()))
    assert "`retired: drain`" in gone.problems[0]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("in_flight: go\n", "in_flight cannot be go"),
        ("in_flight: {}\n", "in_flight needs migrate"),
        ("in_flight: {migrate: {stages: {lapsing: sleepy}}}\n", "there is no stage sleepy to go to"),
        ('in_flight: {migrate: {waits: {"offer/2": "offer/1"}}}\n', "there is no wait offer/1 to go to"),
        ("in_flight: {migrate: {waits: {offer: drop}}}\n", "offer does not name a wait"),
        ("retired: maybe\n", "retired cannot be maybe"),
    ],
)
def test_a_mapping_to_nowhere_is_a_fault(lines: str, said: str) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        programme(WIN_BACK + lines)
    assert said in refused.value.faults[0].message


def test_a_diff_names_what_came_went_and_changed_by_field() -> None:
    before = programme(WIN_BACK)
    assert diff(before, before) == []
    text = WIN_BACK.replace("for: 30d", "for: 21d").replace("spend: {sum: basket.purchased, of: amount}", "")
    after = load_text((text + CATALOGUE).replace("reminder-email", "nudge-email"))
    found = {(one.action, one.kind, one.name): one.fields for one in diff(before, after)}
    assert set(found) == {
        ("changed", "Journey", "win-back"),
        ("removed", "Action", "reminder-email"),
        ("added", "Action", "nudge-email"),
    }
    fields = {one.path: (one.before, one.after) for one in found["changed", "Journey", "win-back"]}
    assert fields["stages[lapsing].after.for"] == ("30d", "21d")
    assert fields["features.spend"] == ({"sum": "basket.purchased", "of": "amount"}, None)
    assert [one.action for one in diff(None, before)] == ["added"] * 5


def test_an_event_after_a_migration_is_seen_by_the_new_version() -> None:
    customer = activated(waiting(), MAPPED, 32)
    customer.when(event("coupon.redeemed", 33, amount=1))
    assert customer.new[-1].definition_version == programme(MAPPED).version


RETIRED = WIN_BACK + "retired: stop\n"


def two(text: str = WIN_BACK) -> tuple[Customer, Customer]:
    ada = Customer(text, profile_id="ada")
    return ada, Customer(profile_id="bob", domain=ada.domain)


def lived(customer: Customer, token: str, days: list[int], upto: float) -> None:
    customer.when(*(of(token, bought(day)) for day in sorted(days))).until(upto)


@given(ada=st.lists(st.integers(0, 40), max_size=4), bob=st.lists(st.integers(0, 40), max_size=4))
@pytest.mark.parametrize("text", [MAPPED, MAPPED.replace('"offer/3"', "drop"), RETIRED, RENAMED])
def test_it_is_the_same_whether_two_are_one_before_the_programme_changes_or_after(
    text: str, ada: list[int], bob: list[int]
) -> None:
    found = []
    for first in ("merge", "change"):
        one, other = two()
        lived(one, "a", ada, 41)
        lived(other, "b", bob, 41)
        if first == "merge":
            one.unites_with(other, 41)
            activated(one, text, 41)
        else:
            activated(one, text, 41)
            activated(other, text, 41)
            one.unites_with(other, 41)
        one.until(60)
        found.append((comparable(one.state), one.state.features, one.state.traits))
    assert found[0] == found[1]


def test_who_is_parted_again_stays_migrated() -> None:
    ada, bob = two()
    lived(ada, "a", [0], 31)
    lived(bob, "b", [1], 31)
    activated(ada, MAPPED, 32)
    activated(bob, MAPPED, 32)
    alone = [comparable(one.state) for one in (ada, bob)]
    ada.unites_with(bob, 33)
    assert ada.state.open["win-back"].version == programme(MAPPED).version
    ada.gives(bob, 34, "b")
    assert [comparable(one.state) for one in (ada, bob)] == alone


def test_who_went_back_stays_back_when_two_are_one() -> None:
    ada, bob = two()
    lived(ada, "a", [0], 31)
    before = comparable(ada.state)
    activated(ada, MAPPED, 32)
    activated(ada, WIN_BACK, 33, reverted=True)
    ada.unites_with(bob, 34)
    assert comparable(ada.state) == before
