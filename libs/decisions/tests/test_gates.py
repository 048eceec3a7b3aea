"""Each gate stops what it must stop, says why, and keeps what it saw."""

from cairn_journey.language.model import Cap, ContactPolicy, Cooldown, OptIn
from cairn_kernel.event import MERGED
from cairn_kernel.time import DAY

from .scene import PROFILE, T0, WEEK, Profile, action, consent, decided, event, gate, moment, outcome, programme

TWO_A_WEEK = ContactPolicy("default", caps=(Cap("person", 2, WEEK, "marketing"),))
REST_AFTER_BOUNCE = ContactPolicy("default", cooldowns=(Cooldown("bounced", 30 * DAY),))


def test_a_moment_with_one_open_action_chooses_it_with_all_that_activation_needs() -> None:
    decision = decided(moment(), action(value="4.20"))
    assert decision["reason"] == "CHOSEN"
    assert decision["chosen"] == {
        "action": "coupon-10",
        "class": "marketing",
        "channel": "email",
        "treatment": 0,
        "template": "coupon-10-email",
        "value": "4.2",
        "currency": "EUR",
        "contact": {"sealed": "c2VhbGVk", "key_id": "k1", "field": "email"},
    }
    assert (decision["locale"], decision["expires_at"]) == ("de-DE", T0 + DAY)


def test_a_moment_may_say_how_long_its_decision_lives() -> None:
    assert decided(moment(expires_at=T0 + 7), action())["expires_at"] == T0 + 7


def test_consent_is_granted_until_withdrawn() -> None:
    ada = Profile(programme(action()))
    assert ada.when(moment("a"))["reason"] == "CHOSEN"
    ada.given(consent(T0 + 1, granted=False))
    decision = ada.when(moment("b", T0 + 2))
    assert (decision["chosen"], decision["reason"]) == (None, "CONSENT_WITHHELD")
    assert gate(decision, "CONSENT") == {"gate": "CONSENT", "passed": False, "saw": "email withdrawn"}
    ada.given(consent(T0 + 3, granted=True))
    assert ada.when(moment("c", T0 + 4))["reason"] == "CHOSEN"


def test_a_suppression_outlasts_any_grant_and_the_gate_says_why() -> None:
    ada = Profile(programme(action(), action("receipt", class_="service", tags=())))
    said = {"channel": "email", "class": "*", "granted": False, "state": "suppressed", "reason": "complaint", "at": T0}
    ada.given(event("consent.changed", T0, said), consent(T0 + 1, granted=True))
    decision = ada.when(moment("a", T0 + 2))
    assert decision["reason"] == "CONSENT_WITHHELD"
    assert gate(decision, "CONSENT")["saw"] == "email suppressed (complaint)"
    assert ada.when(moment("b", T0 + 3, actions=["receipt"]))["reason"] == "CHOSEN"


def test_where_an_opt_in_is_asked_for_silence_is_no_consent() -> None:
    policy = ContactPolicy("default", opt_in=(OptIn("email"),))
    ada = Profile(programme(action(), action("receipt", class_="service", tags=()), policy=policy))
    decision = ada.when(moment("a"))
    assert decision["reason"] == "CONSENT_WITHHELD"
    assert gate(decision, "CONSENT")["saw"] == "email not granted"
    assert ada.when(moment("b", actions=["receipt"]))["reason"] == "CHOSEN"
    ada.given(consent(T0 + 1, granted=True))
    assert ada.when(moment("c", T0 + 2))["reason"] == "CHOSEN"


def test_a_message_that_was_not_sent_gives_its_place_under_the_cap_back() -> None:
    for status in ("suppressed", "expired", "rejected"):
        ada = Profile(programme(action(), policy=TWO_A_WEEK)).given(moment("a"), moment("b", T0 + 1))
        assert ada.when(moment("c", T0 + 2))["reason"] == "CONTACT_POLICY_CAP"
        ada.given(outcome(status, T0 + 3, decision_id=ada.stream[0].id))
        assert ada.when(moment("d", T0 + 4))["reason"] == "CHOSEN"
        assert ada.when(moment("e", T0 + 5))["reason"] == "CONTACT_POLICY_CAP"


def test_a_message_that_was_sent_counts_whatever_else_is_said_of_it() -> None:
    ada = Profile(programme(action(), policy=TWO_A_WEEK)).given(moment("a"), moment("b", T0 + 1))
    first = ada.stream[0].id
    ada.given(outcome("expired", T0 + 2, decision_id=first), outcome("sent", T0 + 3, decision_id=first))
    assert ada.when(moment("c", T0 + 4))["reason"] == "CONTACT_POLICY_CAP"


def test_consent_is_held_per_channel_and_class() -> None:
    ada = Profile(programme(action(), action("receipt", class_="service"))).given(consent(T0 - 1, granted=False))
    assert ada.when(moment(actions=["coupon-10", "receipt"]))["chosen"]["action"] == "receipt"


def test_a_withdrawal_that_names_no_class_covers_all_of_them() -> None:
    ada = Profile(programme(action())).given(consent(T0 - 1, granted=False, class_=""))
    assert ada.when(moment())["reason"] == "CONSENT_WITHHELD"


def test_of_a_grant_and_a_withdrawal_at_one_instant_the_withdrawal_counts() -> None:
    for first, second in ((True, False), (False, True)):
        ada = Profile(programme(action()))
        ada.given(consent(T0 - 1, granted=first), consent(T0 - 1, granted=second))
        assert ada.when(moment())["reason"] == "CONSENT_WITHHELD"


def test_without_a_known_address_nothing_is_sent() -> None:
    decision = decided(moment(contacts=()), action())
    assert decision["reason"] == "NO_CONTACT"
    assert gate(decision, "CHANNEL")["saw"] == "email unknown"


def test_the_first_treatment_with_consent_and_contact_is_taken() -> None:
    ada = Profile(programme(action(channels=("sms", "email", "push")))).given(consent(T0 - 1, granted=False))
    chosen = ada.when(moment(contacts=("email", "push")))["chosen"]
    assert (chosen["channel"], chosen["treatment"], chosen["contact"]["field"]) == ("push", 2, "push")


def test_an_ineligible_customer_is_told_apart_by_the_values_seen() -> None:
    grown_up = action(eligible='profile.age_band != "under-18"')
    decision = decided(moment(traits={"age_band": "under-18"}), grown_up)
    assert decision["reason"] == "NOT_ELIGIBLE"
    assert gate(decision, "ELIGIBILITY")["saw"] == 'profile.age_band != "under-18" with profile.age_band = "under-18"'
    assert decided(moment(traits={"age_band": "35-44"}), grown_up)["reason"] == "CHOSEN"


def test_a_missing_field_is_not_eligible_and_said_to_be_missing() -> None:
    decision = decided(moment(), action(eligible="profile.income > 3"))
    assert decision["reason"] == "NOT_ELIGIBLE"
    assert gate(decision, "ELIGIBILITY")["saw"] == "profile.income > 3 with profile.income is missing"


def test_eligibility_reads_features_stage_and_event() -> None:
    rule = 'features.baskets_30d == 0 && stage == "lapsing" && event.amount > 2.0'
    here = moment(features={"baskets_30d": 0}, event={"amount": 2.5})
    assert decided(here, action(eligible=rule))["reason"] == "CHOSEN"


def test_applicability_and_suitability_are_gates_of_their_own() -> None:
    rules = programme(action("a", applicable='stage == "active"'), action("b", suitable="event.amount > 2.0"))
    decision = Profile(rules).when(moment())
    assert [item["reason"] for item in decision["candidates"]] == ["NOT_SUITABLE", "NOT_APPLICABLE"]


def test_the_third_message_in_a_week_is_held_back_until_the_first_leaves_the_window() -> None:
    ada = Profile(programme(action(), policy=TWO_A_WEEK)).given(moment("a"), moment("b", T0 + DAY))
    decision = ada.when(moment("c", T0 + WEEK - 1))
    assert decision["reason"] == "CONTACT_POLICY_CAP"
    assert gate(decision, "CONTACT_POLICY")["saw"] == (
        "2 of 2 marketing messages in 7d, next possible 2017-03-08T12:00:00Z"
    )
    assert ada.when(moment("d", T0 + WEEK))["reason"] == "CHOSEN"
    assert ada.when(moment("e", T0 + WEEK + 1))["reason"] == "CONTACT_POLICY_CAP"


def test_service_messages_pass_the_contact_policy_and_do_not_fill_the_marketing_cap() -> None:
    receipt = action("receipt", class_="service", tags=())
    rules = programme(action(), receipt, policy=TWO_A_WEEK)
    ada = Profile(rules).given(*(moment(f"s{n}", T0, actions=["receipt"]) for n in range(5)))
    assert ada.when(moment("a", T0))["chosen"]["action"] == "coupon-10"
    ada.given(moment("b", T0))
    assert ada.when(moment("c", T0))["reason"] == "CONTACT_POLICY_CAP"
    assert ada.when(moment("d", T0, actions=["receipt"]))["reason"] == "CHOSEN"


def test_a_bounce_rests_the_customer() -> None:
    ada = Profile(programme(action(), policy=REST_AFTER_BOUNCE)).given(
        outcome("bounced", T0), outcome("opened", T0 + 1)
    )
    decision = ada.when(moment("a", T0 + 30 * DAY - 1))
    assert decision["reason"] == "COOLDOWN"
    assert gate(decision, "CONTACT_POLICY")["saw"] == (
        "last email bounced 2017-03-01T12:00:00Z, cool-down 30d, next possible 2017-03-31T12:00:00Z"
    )
    assert ada.when(moment("b", T0 + 30 * DAY))["reason"] == "CHOSEN"


def test_a_cooldown_rests_the_channel_that_had_the_outcome_and_another_is_taken() -> None:
    both = action(channels=("email", "sms"))
    ada = Profile(programme(both, policy=REST_AFTER_BOUNCE)).given(outcome("bounced", T0))
    assert ada.when(moment("a", T0 + 1, contacts=("email", "sms")))["chosen"]["channel"] == "sms"
    assert ada.when(moment("b", T0 + 2))["reason"] == "COOLDOWN"


def test_a_cooldown_that_names_an_action_rests_that_action_alone() -> None:
    rule = Cooldown("rejected", DAY, action="news")
    rules = programme(action(), action("news", tags=()), policy=ContactPolicy("p", cooldowns=(rule,)))
    ada = Profile(rules).given(outcome("rejected", T0, action="news"))
    decision = ada.when(moment("a", T0 + 1, actions=["news"]))
    assert decision["reason"] == "COOLDOWN"
    assert gate(decision, "CONTACT_POLICY")["saw"].startswith(
        "last rejected of news 2017-03-01T12:00:00Z, cool-down 1d"
    )
    assert ada.when(moment("b", T0 + 1))["reason"] == "CHOSEN"


def test_a_cooldown_after_a_choice_counts_from_the_decision() -> None:
    again = ContactPolicy("p", cooldowns=(Cooldown("chosen", DAY, action="coupon-10"),))
    ada = Profile(programme(action(), policy=again)).given(moment("a"))
    assert ada.when(moment("b", T0 + DAY - 1))["reason"] == "COOLDOWN"
    assert ada.when(moment("c", T0 + DAY))["reason"] == "CHOSEN"


def test_caps_may_be_kept_per_channel() -> None:
    policy = ContactPolicy("p", caps=(Cap("person", 1, DAY, channel="email"),))
    ada = Profile(programme(action(channels=("email", "sms")), policy=policy)).given(moment("a"))
    assert ada.when(moment("b", T0 + 1))["reason"] == "CONTACT_POLICY_CAP"
    assert ada.when(moment("c", T0 + 2, contacts=("email", "sms")))["chosen"]["channel"] == "sms"


def test_a_channel_that_needs_no_address_is_always_reachable() -> None:
    assert decided(moment(contacts=()), action(channels=("webhook",)))["chosen"]["contact"] == {}


def test_a_moment_that_asks_for_nothing_known_has_no_candidate() -> None:
    assert decided(moment(actions=["unheard-of"]), action())["reason"] == "NO_CANDIDATE"
    assert decided(moment(tag="unheard-of"), action())["reason"] == "NO_CANDIDATE"


def test_the_reason_is_that_of_the_candidate_that_came_furthest() -> None:
    rules = programme(action("a", channels=("sms",)), action("b", eligible="1 > 2"))
    decision = Profile(rules).when(moment())
    assert decision["reason"] == "NOT_ELIGIBLE"
    assert [candidate["stopped_by"] for candidate in decision["candidates"]] == ["ELIGIBILITY", "CHANNEL"]


def test_a_historical_moment_never_chooses() -> None:
    assert decided(moment(historical=True), action())["reason"] == "HISTORICAL"


def test_a_chain_of_our_own_outcomes_ends() -> None:
    assert decided(moment(hops=8), action())["reason"] == "CHOSEN"
    assert decided(moment(hops=9), action())["reason"] == "TOO_MANY_HOPS"


def test_a_profile_that_was_merged_into_another_chooses_nothing_more() -> None:
    ada = Profile(programme(action()))
    ada.given(event(MERGED, T0 - 1, {"from": PROFILE, "to": "survivor"}))
    assert ada.when(moment())["reason"] == "PROFILE_MERGED"


def test_only_inputs_that_matter_are_decoded() -> None:
    handles = Profile(programme()).domain.handles
    assert [handles(name) for name in ("journey.moment_reached", "consent.changed", MERGED, "delivery.bounced")] == [
        True,
        True,
        True,
        True,
    ]
    assert not any(handles(name) for name in ("basket.purchased", "journey.stage_entered", "profile.identified"))


def test_a_moment_told_twice_is_decided_once() -> None:
    ada = Profile(programme(action())).given(moment())
    assert ada.when(moment()) == {}
    assert len(ada.stream) == 1
