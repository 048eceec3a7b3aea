"""A decision can say in words why it came out so."""

from google.protobuf.json_format import MessageToDict
from libs.decisions.tests.scene import T0, Profile, action, consent, moment, programme

from decisioning.adapters.protos import decision_to_proto
from decisioning.application.explanation import explanation, summary


def test_a_choice_names_the_message_its_worth_and_what_was_not_taken() -> None:
    ada = Profile(programme(action("a", value="4.20"), action("b", eligible="1 > 2"), action("c", value="1.00")))
    ada.when(moment())
    assert summary(ada.stream[0]) == (
        "In journey win-back a was chosen, to go out by email, worth 4.2 EUR. "
        "Not taken: c (another action is better), b (the customer is not eligible)."
    )


def test_nothing_chosen_names_what_stopped_the_best_placed() -> None:
    ada = Profile(programme(action())).given(consent(T0 - 1, granted=False))
    ada.when(moment())
    assert summary(ada.stream[-1]) == (
        "In journey win-back nothing was chosen: coupon-10 came furthest, but the customer has not consented: "
        "email withdrawn."
    )


def test_a_moment_without_candidates_says_so() -> None:
    ada = Profile(programme(action()))
    ada.when(moment(actions=["unheard-of"]))
    assert summary(ada.stream[0]).endswith("the programme has no action that this moment asks for.")


def test_the_contract_shows_every_candidate_with_its_factors() -> None:
    ada = Profile(programme(action("a", value="4.20"), action("b", eligible="event.amount > 5.0")))
    ada.when(moment(event={"amount": 2.5}))
    shown = decision_to_proto(ada.stream[0])
    assert [(item.action, item.chosen, item.stopped_by) for item in shown.candidates] == [
        ("a", True, ""),
        ("b", False, "ELIGIBILITY"),
    ]
    assert shown.candidates[0].factors["value"] == 4.2
    assert shown.candidates[1].explanation == (
        "the customer is not eligible: event.amount > 5.0 with event.amount = 2.5"
    )
    assert explanation(ada.stream[0].data["candidates"][0]).startswith("it is the best that passed every gate")
    assert MessageToDict(shown.context)["event"] == {"amount": 2.5}
