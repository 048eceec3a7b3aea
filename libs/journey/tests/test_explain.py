import pytest

from cairn_journey import JourneyCounts, counts, duration_text, explain
from cairn_journey.engine.explain import Explanation
from cairn_kernel.errors import NotFound
from cairn_kernel.event import PAUSED, Event
from cairn_kernel.time import DAY, HOUR, SECOND

from .scenario import WIN_BACK, Customer, bought, event, identified

JOURNEY = WIN_BACK + 'audience: profile.tier == "gold"\n'


def told(customer: Customer, day: float, journey: str = "win-back") -> Explanation:
    return explain(customer.domain.programmes, customer.state, journey, round(day * DAY))


def condition(explanation: Explanation, role: str, number: int = 0) -> tuple[str, bool, str]:
    found = [item for item in explanation.conditions if item.role == role]
    return found[number].expression, found[number].holds, found[number].saw


def test_why_somebody_never_was_in_a_journey() -> None:
    explanation = told(Customer(JOURNEY).when(identified(0, tier="lead"), bought(1)), 2)
    assert explanation.summary == "Never in win-back."
    assert condition(explanation, "audience") == ('profile.tier == "gold"', False, 'profile.tier is "lead"')
    assert condition(explanation, "entry") == ("basket.purchased", False, "decided when such an event comes")
    assert condition(explanation, "goal")[1:] == (False, "not in the journey")


def test_a_missing_trait_is_named() -> None:
    explanation = told(Customer(JOURNEY), 2)
    assert condition(explanation, "audience")[2] == 'profile.tier is not known, there is no field "tier"'


def test_where_somebody_is() -> None:
    customer = Customer().when(bought(1))
    explanation = told(customer, 2)
    assert explanation.summary == (
        "In win-back since 1970-01-02T00:00:00Z, in stage active since 1970-01-02T00:00:00Z."
    )
    assert condition(explanation, "stage") == ("active: basket.purchased", True, "in it now")
    lapsing = ("lapsing: 30d without basket.purchased and baskets_30d == 0", False, "baskets_30d is 1")
    assert condition(explanation, "stage", 1) == lapsing
    assert condition(explanation, "goal")[2] == "open until 1970-07-21T00:00:00Z"


def test_who_is_in_no_stage_yet() -> None:
    journey = "kind: Journey\nname: j\nentry: [{on: a.b}]\ngoal: {on: c.d, when: event.x, within: 1h}\n"
    journey += "stages: [{name: s, after: {idle: a.b, for: 30m}}]\n"
    explanation = told(Customer(journey).when(event("a.b", 0)), 0, "j")
    assert explanation.summary == "In j since 1970-01-01T00:00:00Z, in no stage yet."
    assert condition(explanation, "stage") == ("s: 30m without a.b", False, "")
    assert condition(explanation, "goal")[0] == "c.d when event.x within 1h"


@pytest.mark.parametrize(
    ("reentry", "day", "holds"),
    [("{after: 60d}", 61.9, False), ("{after: 60d}", 62, True), ("always", 3, True), ("never", 90, False)],
)
def test_whether_somebody_may_return(reentry: str, day: float, holds: bool) -> None:
    customer = Customer(WIN_BACK.replace("{after: 60d}", reentry)).when(bought(1), event("account.closed", 2))
    explanation = told(customer, day)
    assert explanation.summary == "Not in win-back: left on 1970-01-03T00:00:00Z, reason exit_event."
    assert condition(explanation, "reentry")[1] is holds


def test_what_was_reached() -> None:
    customer = Customer().when(bought(1), event("coupon.redeemed", 2, amount=3.5))
    explanation = told(customer, 3)
    assert explanation.summary == "Not in win-back: reached its goal worth 3.5 EUR on 1970-01-03T00:00:00Z."
    assert condition(explanation, "goal")[1:] == (True, "reached on 1970-01-03T00:00:00Z")


def test_where_a_merged_profile_went() -> None:
    survivor = Customer()
    loser = Customer(profile_id="p2", domain=survivor.domain)
    survivor.unites_with(loser, 1)
    assert told(loser, 2).summary == "This profile was merged into p1."


def test_an_unknown_journey_is_not_found() -> None:
    with pytest.raises(NotFound):
        told(Customer(), 1, "nowhere")


def test_a_journey_that_is_gone_is_explained_to_who_is_in_it() -> None:
    from cairn_journey import load_text

    from .scenario import CATALOGUE

    customer = Customer().when(bought(1))
    customer.domain.programmes.activate("default", load_text(CATALOGUE))
    assert told(customer, 2).summary.startswith("In win-back since")


def test_durations_in_words() -> None:
    assert [duration_text(length) for length in (0, 90 * SECOND, DAY + HOUR)] == ["0s", "1m30s", "1d1h"]


def test_counts_are_summed_over_customers() -> None:
    total = JourneyCounts()
    reached = Customer().when(bought(1), event("coupon.redeemed", 2, amount=0.1))
    lapsing = Customer().when(bought(1)).until(31)
    left = Customer().when(bought(1), event("account.closed", 2))
    for customer in (reached, lapsing, left, reached):
        total.add(counts(customer.state)["win-back"])
    assert (total.entered, total.in_flight, total.goal, total.exited) == (4, 1, 2, 1)
    assert (total.goal_value, total.currency) == ("0.2", "EUR")
    assert total.stages == {"lapsing": 1}
    assert total.stage_entries == {"active": 4, "lapsing": 1}
    assert total.stage_transitions == {"active>lapsing": 1}


def test_counts_without_value_have_no_currency() -> None:
    empty = JourneyCounts()
    assert (empty.goal_value, empty.currency) == ("0", "")


def test_why_an_event_did_not_lead_in() -> None:
    journey = "kind: Journey\nname: big\nentry: [{on: basket.purchased, when: event.amount > 50.0}]\n"
    journey += "goal: {on: coupon.redeemed, within: 9d}\n"
    customer = Customer(journey).when(bought(1, 80.0)).when(event("coupon.redeemed", 2), bought(3, 12.5))
    told = explain(customer.domain.programmes, customer.state, "big", 4 * DAY, customer.stream)
    assert condition(told, "entry") == (
        "basket.purchased when event.amount > 50.0",
        False,
        "came last on 1970-01-04T00:00:00Z: event.amount is 12.5",
    )
    assert condition(told, "reentry")[1:] == (False, "was in it 1 times, left on 1970-01-03T00:00:00Z")


def test_what_time_will_bring_about() -> None:
    customer = Customer().when(bought(1))
    found = [item for item in told(customer, 3).conditions if item.role == "next"]
    assert [(item.expression, item.saw) for item in found] == [
        ("stage lapsing of win-back is reached if nothing happens", "in 28d, on 1970-02-01T00:00:00Z"),
        ("the time for the goal of win-back ends", "in 198d, on 1970-07-21T00:00:00Z"),
    ]


def test_a_closed_journey_is_the_first_reason() -> None:
    customer = Customer()
    paused = Event(id="c", tenant="default", type=PAUSED, event_time=0, as_of=0, data={"journey": "win-back"})
    customer.domain.programmes.operate("default", paused)
    first = told(customer, 1).conditions[0]
    assert (first.role, first.saw) == ("control", "the journey is paused or stopped: nobody enters it")
    retired = told(Customer(WIN_BACK + "retired: drain\n"), 1).conditions[0]
    assert retired.saw == "the journey was taken out of service"
