"""What concerns many customers, told to one."""

from typing import Any

from cairn_journey.engine.state import Count
from cairn_journey.engine.walking import OPERATED
from cairn_kernel.event import BROADCAST, DEFINITION_ACTIVATED, PAUSED, RESUMED, STOPPED, Event
from cairn_kernel.time import DAY

from .scenario import Customer, bought, event, of, types

RECALL = """
kind: Journey
name: recall
audience: profile.owns == "kettle"
entry: [{on: product.recalled, when: event.product == "kettle"}]
goal: {on: product.returned, within: 30d}
"""


def told(customer: Customer, type: str, day: float, /, **data: Any) -> Customer:
    """The customer is visited by a walk."""
    at = round(day * 86_400_000_000)
    customer.new = []
    control = Event(id=f"c{day}", tenant="default", type=type, event_time=at, as_of=at, data=data)
    if type in OPERATED:
        customer.domain.programmes.operate("default", control)
    customer._take(customer.domain.walk(customer.state, control))
    return customer


class TestABusinessEvent:
    def test_lets_those_enter_whom_it_concerns(self) -> None:
        owner = Customer(RECALL).when(event("profile.identified", 1, owns="kettle"))
        told(owner, BROADCAST, 2, type="product.recalled", data={"product": "kettle"})
        assert types(owner.new) == ["product.recalled", "journey.entered"]
        assert (owner.new[0].data, owner.new[0].as_of, owner.new[0].profile_id) == (
            {"product": "kettle"},
            2 * 86_400_000_000,
            "p1",
        )

    def test_leaves_no_trace_with_others(self) -> None:
        other = Customer(RECALL).when(event("profile.identified", 1, owns="toaster"))
        told(other, BROADCAST, 2, type="product.recalled", data={"product": "kettle"})
        assert other.new == []
        assert told(other, BROADCAST, 3, type="nobody.listens", data={}).new == []

    def test_is_no_sign_of_life(self) -> None:
        owner = Customer(RECALL).when(event("profile.identified", 1, owns="kettle"))
        told(owner, BROADCAST, 2, type="product.recalled", data={"product": "kettle"})
        assert owner.state.last_seen == 86_400_000_000


class TestAPause:
    def test_holds_what_waits_and_lets_it_happen_when_the_journey_goes_on(self) -> None:
        customer = Customer().when(bought(0)).until(31)  # the offer went out; a reminder is due on day 37
        told(customer, PAUSED, 33, journey="win-back")
        assert types(customer.new) == ["journey.held"]
        assert customer.until(60).new == []
        told(customer, RESUMED, 61, journey="win-back")
        assert types(customer.new) == ["journey.released"]
        assert ("moment_reached", 61.0) in customer.until(62).said()

    def test_sees_what_the_customer_does_meanwhile(self) -> None:
        customer = Customer().when(bought(0)).until(31)
        told(customer, PAUSED, 33, journey="win-back")
        customer.when(bought(34))
        assert customer.said("stage") == [("stage_entered", 34.0, "active"), ("wait_moved", 34.0)]
        customer.when(event("coupon.redeemed", 35, amount=2))
        assert types(customer.new)[-1] == "journey.goal_reached"
        assert told(customer, RESUMED, 36, journey="win-back").new == []

    def test_keeps_in_mind_what_ends_a_wait_meanwhile(self) -> None:
        customer = Customer().when(bought(0)).until(31)  # waits for a basket until day 37, else reminds
        told(customer, PAUSED, 33, journey="win-back")
        assert ("wait_moved", 34.0) in customer.when(bought(34)).said()
        assert customer.when(bought(35)).said() == []
        assert customer.until(50).new == []
        told(customer, RESUMED, 61, journey="win-back")
        assert customer.until(62).said("timed_out")[0] == ("wait_ended", 61.0, False)

    def test_is_told_once_and_only_to_those_in_the_journey(self) -> None:
        customer = Customer().when(bought(0))
        assert types(told(customer, PAUSED, 1, journey="win-back").new) == ["journey.held"]
        assert told(customer, PAUSED, 2, journey="win-back").new == []
        assert told(Customer(), PAUSED, 2, journey="win-back").new == []

    def test_lets_nobody_in(self) -> None:
        customer = Customer()
        told(customer, PAUSED, 0, journey="win-back")
        assert types(customer.when(bought(1)).new) == ["basket.purchased", "journey.entry_refused"]
        assert customer.new[-1].data == {"journey": "win-back", "key": "", "reason": "CLOSED"}
        told(customer, RESUMED, 2, journey="win-back")
        assert "journey.entered" in types(customer.when(bought(3)).new)

    def test_refused_once_stays_refused_when_two_customers_turn_out_to_be_one(self) -> None:
        one = Customer()
        other = Customer(profile_id="p2", domain=one.domain)
        told(one, PAUSED, 0, journey="win-back")
        other.when(bought(1))
        told(one, RESUMED, 2, journey="win-back")
        one.unites_with(other, 3)
        assert one.state.open == {}
        assert one.state.records == {}
        assert "journey.entered" in types(one.when(bought(4)).new)

    def test_begun_later_leaves_an_earlier_entry_be_when_the_two_turn_out_to_be_one(self) -> None:
        one = Customer()
        other = Customer(profile_id="p2", domain=one.domain).when(bought(1))
        told(one, PAUSED, 2, journey="win-back")
        one.unites_with(other, 3)
        assert one.state.open["win-back"].entered == DAY
        assert one.state.open["win-back"].held == 2 * DAY


class TestAStop:
    def test_at_once_ends_the_instances(self) -> None:
        customer = told(Customer().when(bought(0)), STOPPED, 3, journey="win-back", mode="now")
        assert customer.said("reason") == [("exited", 3.0, "stopped")]
        assert customer.state.timers == {}

    def test_with_drain_lets_them_finish(self) -> None:
        customer = Customer().when(bought(0))
        assert told(customer, STOPPED, 3, journey="win-back", mode="drain").new == []
        assert "journey.stage_entered" in types(customer.until(31).new)


def test_what_is_due_by_then_happens_first() -> None:
    customer = told(Customer().when(bought(0)), STOPPED, 35, journey="win-back", mode="now")
    assert customer.said() == [
        ("stage_entered", 30.0),
        ("moment_reached", 30.0),
        ("wait_started", 30.0),
        ("exited", 35.0),
    ]


def test_a_programme_that_changes_nothing_for_a_customer_leaves_no_trace() -> None:
    customer = Customer().when(bought(0))
    version = customer.state.open["win-back"].version
    assert told(customer, DEFINITION_ACTIVATED, 3, version=version).new == []


class TestWhenProfilesBecomeOneOrTwo:
    def test_a_pause_holds_on(self) -> None:
        one = Customer().when(bought(0)).until(31)
        other = Customer(profile_id="p2", domain=one.domain).when(of("b", bought(1))).until(32)
        for customer in (one, other):
            told(customer, PAUSED, 33, journey="win-back")
        one.unites_with(other, 34)
        assert one.state.open["win-back"].held == 33 * 86_400_000_000
        assert one.until(60).said() == []
        one.gives(other, 61, "b")
        assert [customer.state.open["win-back"].held is None for customer in (one, other)] == [False, False]
        told(other, RESUMED, 62, journey="win-back")
        assert ("moment_reached", 62.0) in other.until(63).said()

    def test_a_business_event_that_both_met_counts_once_and_stays_with_both(self) -> None:
        counting = RECALL + "features:\n  recalls: {count: product.recalled}\n"
        one = Customer(counting).when(event("page.viewed", 1))
        other = Customer(profile_id="p2", domain=one.domain).when(of("b", event("page.viewed", 1)))
        for customer in (one, other):
            told(customer, BROADCAST, 2, type="product.recalled", data={"product": "kettle"})
        one.unites_with(other, 3)
        assert list(one.state.features.values()) == [Count(1)]
        one.gives(other, 4, "b")
        assert list(one.state.features.values()) == [Count(1)]
        assert other.state.features == one.state.features
