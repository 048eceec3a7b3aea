from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from activation.domain.claim import End, NotYet, Order, claim
from activation.domain.consent import Ledger, Merge, Split
from activation.domain.delivery import Delivery, evolve, folded
from activation.domain.message import compose
from activation.domain.plan import plan
from activation.domain.receipt import Receipt, receive
from activation.domain.rendering import TemplateFault, fallbacks
from activation.domain.status import PRECEDENCE, REPORTED
from cairn_decisions.quiet_hours import end_of_quiet
from cairn_journey import Programme
from cairn_journey.language.model import ContactPolicy, OptIn
from cairn_kernel.consents import GRANTED, REFUSALS, SUPPRESSED, WITHDRAWN, Word
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import HOUR, parse_instant

NOON = parse_instant("2017-03-01T12:00:00Z")
EVENING = parse_instant("2017-03-01T22:30:00Z")
ANNA = stable_id("profile", "anna")
Decide = Callable[..., Event]


def planned(decision: Event, programme: Programme) -> Delivery:
    delivery = folded(plan(decision, programme))
    assert delivery is not None
    return delivery


def claimed(delivery: Delivery, programme: Programme, *, now: int = NOON) -> Delivery:
    verdict = claim(delivery, Ledger(), programme, now=now)
    assert isinstance(verdict, Order)
    return evolve(delivery, verdict.fact)


def told(delivery: Delivery, status: str, *, attempt: int = 1, reason: str = "") -> Delivery:
    fact = receive(delivery, Receipt(delivery.id, attempt, status, reason))
    return delivery if fact is None else evolve(delivery, fact)


def said(profile: str, at: int, state: str = WITHDRAWN, *, channel: str = "*", class_: str = "*", **more: Any) -> Word:
    event_id = more.pop("event_id", f"e{at}")
    return Word(at, state in REFUSALS, at, event_id, profile, channel, class_, state, **more)


def allows(ledger: Ledger, profile: str, channel: str, class_: str, *, upto: int | None = None) -> bool:
    return ledger.standing(profile, channel, class_, upto=upto).allowed is not False


def test_a_decision_that_chose_becomes_one_delivery_with_an_id_of_its_own(decide: Decide, programme: Programme) -> None:
    [once], [again] = plan(decide(), programme), plan(decide(), programme)
    assert once == again
    assert once.data["delivery_id"] == stable_id("delivery", decide().id, "email")
    assert (once.type, once.profile_id, once.as_of) == ("delivery.planned", ANNA, NOON)


@pytest.mark.parametrize("change", [{"chosen": False}, {"historical": True}])
def test_a_decision_for_nothing_or_about_history_becomes_none(
    decide: Decide, programme: Programme, change: dict[str, bool]
) -> None:
    assert plan(decide(**change), programme) == []


def test_without_an_address_or_a_connector_it_is_rejected_at_once(decide: Decide, programme: Programme) -> None:
    assert planned(decide(contact={}), programme).reason == "NO_ADDRESS"
    nobody = folded(plan(decide(), None))
    assert nobody is not None
    assert (nobody.status, nobody.reason) == ("rejected", "NO_CONNECTOR")


def test_a_marketing_message_in_the_night_waits_for_the_customers_morning(decide: Decide, programme: Programme) -> None:
    assert planned(decide(at=EVENING), programme).due == parse_instant("2017-03-02T08:00:00Z")
    berlin = planned(decide(at=EVENING, traits={"timezone": "Europe/Berlin"}), programme)
    assert berlin.due == parse_instant("2017-03-02T07:00:00Z")
    assert planned(decide(at=EVENING, traits={"timezone": "Mars/Base"}), programme).deferred
    assert not planned(decide(at=EVENING, action="receipt"), programme).deferred


def test_the_morning_after_the_clocks_change_is_still_eight_in_the_morning(programme: Programme) -> None:
    before = parse_instant("2017-03-25T21:30:00Z")  # the night in which Berlin loses an hour
    morning = end_of_quiet(before, "marketing", {"traits": {"timezone": "Europe/Berlin"}}, programme)
    assert morning == parse_instant("2017-03-26T06:00:00Z")


def test_what_cannot_wait_until_morning_expires(decide: Decide, programme: Programme) -> None:
    late = planned(decide(at=EVENING, expires_in=HOUR), programme)
    assert (late.status, late.reason) == ("expired", "QUIET_HOURS")


def test_a_claim_checks_expiry_consent_and_quiet_hours(decide: Decide, programme: Programme) -> None:
    delivery = planned(decide(), programme)
    silent = Ledger()
    assert isinstance(claim(delivery, silent, programme, now=NOON), Order)
    assert claim(delivery, silent, programme, now=EVENING) == NotYet(parse_instant("2017-03-02T08:00:00Z"))
    late = claim(delivery, silent, programme, now=NOON + 25 * HOUR)
    refused = claim(delivery, Ledger([said(ANNA, NOON - 1)]), programme, now=NOON)
    assert isinstance(late, End)
    assert isinstance(refused, End)
    assert (late.fact.type, late.fact.data["reason"]) == ("delivery.expired", "TOO_LATE")
    assert (refused.fact.type, refused.fact.data["reason"]) == ("delivery.suppressed", "CONSENT")


def test_in_a_time_lapse_what_happens_later_the_same_day_does_not_count(decide: Decide, programme: Programme) -> None:
    delivery = planned(decide(), programme)
    ledger = Ledger([said(ANNA, NOON + HOUR)])
    assert isinstance(claim(delivery, ledger, programme, now=NOON, upto=NOON), Order)
    assert isinstance(claim(delivery, ledger, programme, now=NOON), End)


def test_what_a_connector_may_have_begun_is_asked_about_before_it_is_ended(
    decide: Decide, programme: Programme
) -> None:
    running = claimed(planned(decide(), programme), programme)
    ledger = Ledger([said(ANNA, NOON)])
    asked = claim(running, ledger, programme, now=NOON)
    assert isinstance(asked, Order)
    assert asked.asked_only
    asking = evolve(running, asked.fact)
    assert asking.attempt == 2
    back = told(asking, "returned", attempt=2)
    assert back.status == "planned"
    assert isinstance(claim(back, ledger, programme, now=NOON), End)


def test_returned_counts_only_for_the_attempt_that_runs(decide: Decide, programme: Programme) -> None:
    first = claimed(planned(decide(), programme), programme)
    second = claimed(first, programme)
    assert told(second, "returned", attempt=1).status == "dispatched"
    assert told(second, "returned", attempt=2).status == "planned"


@given(st.permutations(sorted(REPORTED)))
def test_receipts_in_any_order_and_any_number_give_the_same_status(order: list[str]) -> None:
    delivery = _dispatched()
    for status in [*order, *order]:
        delivery = told(delivery, status)
    assert delivery.status == PRECEDENCE[-1]
    assert delivery.version == 2 + len(REPORTED)


def test_a_later_lower_status_is_recorded_once_and_lowers_nothing() -> None:
    for order in permutations(["accepted", "sent", "delivered"]):
        delivery = _dispatched()
        for status in order:
            delivery = told(delivery, status)
            delivery = told(delivery, status)
        assert (delivery.status, delivery.version) == ("delivered", 5)


def test_facts_of_receipts_depend_on_no_clock_and_no_attempt() -> None:
    delivery = _dispatched()
    one = receive(delivery, Receipt(delivery.id, 1, "sent", ""))
    two = receive(delivery, Receipt(delivery.id, 9, "sent", ""))
    assert one == two
    assert one is not None
    assert "attempt" not in one.data
    assert one.as_of == NOON


def test_doubt_is_a_state_until_somebody_knows() -> None:
    doubted = told(_dispatched(), "in_doubt", reason="NOT_YET_KNOWN")
    assert doubted.open
    assert told(doubted, "in_doubt", reason="NOT_YET_KNOWN") == doubted
    assert told(doubted, "sent").status == "sent"
    settled = told(doubted, "in_doubt", reason="PREFER_MISS")
    assert not settled.open
    assert told(settled, "delivered").status == "delivered"


def test_a_withdrawal_of_any_merged_alias_wins_until_a_new_grant() -> None:
    merged = Merge("loser", "survivor", 50, loser_told=True, survivor_told=True)
    words = [said("loser", 10), said("survivor", 20, GRANTED)]
    assert allows(Ledger(words), "survivor", "email", "marketing")
    assert not allows(Ledger(words, [merged]), "survivor", "email", "marketing")
    assert allows(Ledger(words, [merged]), "survivor", "email", "marketing", upto=49)
    again = [*words, said("survivor", 60, GRANTED)]
    assert allows(Ledger(again, [merged]), "survivor", "email", "marketing")


def test_after_a_split_each_word_counts_for_whoever_told_it() -> None:
    merged = Merge("bob", "ada", 50, loser_told=True, survivor_told=True)
    split = Split("ada", "bob", 80, ("e-60",), giver_told=True, receiver_told=True)
    words = [
        said("bob", 10),
        said("ada", 60, event_id="e-60", channel="email", class_="marketing"),
        said("ada", 70, GRANTED),
    ]
    ledger = Ledger(words, [merged], [split])
    assert allows(ledger, "ada", "email", "marketing")
    assert not allows(ledger, "bob", "email", "marketing")
    assert not allows(Ledger(words[:2], [merged], [split]), "ada", "email", "marketing", upto=79)
    joined_again = merged._replace(as_of=90, cause="again")
    assert not allows(Ledger(words[:2], [merged, joined_again], [split]), "ada", "email", "marketing")


def test_a_receiver_waits_until_the_givers_side_has_been_read() -> None:
    half = Split("ada", "bob", 80, (), giver_told=False, receiver_told=True)
    assert Ledger(splits=[half]).awaits_others("bob")
    assert not Ledger(splits=[half]).awaits_others("ada")
    assert not Ledger(splits=[half._replace(giver_told=True)]).awaits_others("bob")


def test_what_is_about_an_event_that_was_somebody_elses_is_not_sent() -> None:
    delivery = Delivery(replace(_dispatched().planned, correlation_id="e-60"))
    split = Split(ANNA, "bob", NOON, ("e-60",), giver_told=True, receiver_told=True)
    verdict = claim(delivery, Ledger(splits=[split]), None, now=NOON)
    assert isinstance(verdict, End)
    assert (verdict.fact.type, verdict.fact.data["reason"]) == ("delivery.suppressed", "SPLIT")
    assert isinstance(claim(delivery, Ledger(splits=[split._replace(events=())]), None, now=NOON), Order)


def test_consent_is_per_channel_and_class() -> None:
    ledger = Ledger([said("p", 1, channel="email", class_="marketing")])
    assert not allows(ledger, "p", "email", "marketing")
    assert allows(ledger, "p", "email", "service")
    assert allows(ledger, "p", "webhook", "marketing")


def test_a_losers_message_waits_until_the_survivors_side_has_been_read() -> None:
    half = Merge("loser", "survivor", 50, loser_told=True, survivor_told=False)
    assert Ledger(merges=[half]).awaits_others("loser")
    assert not Ledger(merges=[half]).awaits_others("somebody")
    words = [said("survivor", 10)]
    whole = Ledger(words, [half._replace(survivor_told=True)])
    assert not whole.awaits_others("loser")
    assert not allows(whole, "loser", "email", "marketing")


def test_a_refusal_says_which_entry_of_the_ledger_refuses(decide: Decide, programme: Programme) -> None:
    delivery = planned(decide(), programme)
    complained = said(ANNA, NOON - 2, SUPPRESSED, channel="email", reason="complaint", source="esp", proof="fbl 1")
    verdict = claim(delivery, Ledger([complained, said(ANNA, NOON - 1, GRANTED)]), programme, now=NOON)
    assert isinstance(verdict, End)
    assert verdict.fact.data["reason"] == "SUPPRESSION"
    assert verdict.fact.data["refused_by"] == {
        "event_id": complained.event_id, "state": "suppressed", "reason": "complaint", "channel": "email",
        "class": "*", "source": "esp", "at": NOON - 2,
    }  # fmt: skip


def test_where_an_opt_in_is_asked_for_silence_suppresses(decide: Decide, programme: Programme) -> None:
    delivery = planned(decide(), programme)
    asking = Programme([*programme.policies.values(), ContactPolicy("ask", opt_in=(OptIn("email"),))], [])
    verdict = claim(delivery, Ledger(), asking, now=NOON)
    assert isinstance(verdict, End)
    assert (verdict.fact.data["reason"], verdict.fact.data["refused_by"]) == ("CONSENT", {"state": "not granted"})
    assert isinstance(claim(delivery, Ledger([said(ANNA, NOON, GRANTED)]), asking, now=NOON), Order)


def test_a_survivor_waits_until_the_losers_side_has_been_read() -> None:
    half = Merge("loser", "survivor", 50, loser_told=False, survivor_told=True)
    assert Ledger([], [half]).awaits_others("survivor")
    assert not Ledger([], [half]).awaits_others("survivor", upto=49)
    assert not Ledger([], [half._replace(loser_told=True)]).awaits_others("survivor")


def test_a_message_speaks_the_customers_language_or_the_nearest(decide: Decide, programme: Programme) -> None:
    austrian = compose(planned(decide(locale="de-AT", traits={"city": "Wien"}), programme), programme)
    assert austrian == ({"subject": "Hallo", "body": "Hallo aus Wien."}, "de")
    french = compose(planned(decide(locale="fr-CA"), programme), programme)
    assert french == ({"subject": "Hello", "body": "Hello."}, "en")
    assert list(fallbacks("zh-Hant-x-TW")) == ["zh-Hant-x-TW", "zh-Hant", "zh"]


def test_a_value_may_be_asked_about_but_not_shown_if_it_is_missing(decide: Decide, programme: Programme) -> None:
    assert compose(planned(decide(event={"amount": 5}), programme), programme).content["body"] == "You spent 5."
    with pytest.raises(TemplateFault, match="body: UndefinedError"):
        compose(planned(decide(locale="de"), programme), programme)


def _dispatched() -> Delivery:
    first = Event(
        id="x",
        tenant="default",
        type="delivery.planned",
        event_time=NOON,
        as_of=NOON,
        profile_id=ANNA,
        data={
            **dict.fromkeys(("decision_id", "journey", "instance_id", "action", "channel", "template"), "a"),
            "delivery_id": "d-1",
            "class": "marketing",
            "connector": "email",
            "due": NOON,
            "expires_at": NOON + HOUR,
        },
    )
    ordered = claim(Delivery(first), Ledger(), None, now=NOON)
    assert isinstance(ordered, Order)
    return evolve(Delivery(first), ordered.fact)
