"""Which contacts count for whom once one customer turns out to be two."""

from cairn_decisions.ledger import Ledger
from cairn_kernel.event import MERGED, SPLIT, Event
from cairn_kernel.time import DAY

from .scene import PROFILE, T0, Profile, action, consent, event, moment, outcome, programme

RULES = programme(action("coupon"))


def chosen(ledger: Ledger) -> list[int]:
    """Days of the contacts."""
    return [(row.at - T0) // DAY for row in ledger.contacts]


def allowed(ledger: Ledger) -> bool | None:
    return ledger.standing("email", "marketing").allowed


def joined_and_parted(*moved: str) -> tuple[Profile, Profile]:
    ada, bob = Profile(RULES), Profile(RULES, "bob")
    ada.given(moment("hers", T0), consent(T0 + 1, granted=True))
    bob.given(moment("his", T0 + DAY))
    merge = event(MERGED, T0 + 2 * DAY, {"from": "bob", "to": PROFILE})
    take(bob, bob.domain.close(bob.state, merge))
    take(ada, ada.domain.unite(ada.state, merge, ada.stream, bob.stream))
    ada.given(moment("joint", T0 + 3 * DAY), outcome("sent", T0 + 3 * DAY), consent(T0 + 4 * DAY, granted=False))
    split = event(SPLIT, T0 + 5 * DAY, {"from": PROFILE, "to": "bob", "moved": [], "events": list(moved)})
    take(ada, ada.domain.give(ada.state, split, ada.stream))
    take(bob, bob.domain.receive(bob.state, split, bob.stream, ada.stream))
    return ada, bob


def take(profile: Profile, result: tuple[list[Event], object]) -> None:
    profile.stream += result[0]
    profile.state = profile.domain.initial("default", profile.state.profile_id)
    for fact in profile.stream:
        profile.state = profile.domain.evolve(profile.state, fact)
    assert profile.state == result[1]


def test_a_contact_of_before_counts_for_its_person_and_one_of_meanwhile_for_both() -> None:
    ada, bob = joined_and_parted()
    assert chosen(ada.state.ledger) == [0, 3]
    assert chosen(bob.state.ledger) == [1, 3]
    assert not bob.state.closed


def test_consent_follows_the_event_that_told_it() -> None:
    told = consent(T0 + 4 * DAY, granted=False)
    kept_by_ada = joined_and_parted()
    assert [allowed(profile.state.ledger) for profile in kept_by_ada] == [False, None]
    ada, bob = joined_and_parted(told.id)
    assert allowed(ada.state.ledger) is True
    assert allowed(bob.state.ledger) is False
    bob.given(consent(T0 + 6 * DAY, granted=True))
    assert allowed(bob.state.ledger) is True


def test_a_refusal_of_the_one_who_came_holds_until_a_grant_after_they_were_one() -> None:
    ada, bob = Profile(RULES), Profile(RULES, "bob")
    bob.given(consent(T0, granted=False, profile_id="bob"))
    ada.given(consent(T0 + 1, granted=True))
    merge = event(MERGED, T0 + 2, {"from": "bob", "to": PROFILE})
    take(bob, bob.domain.close(bob.state, merge))
    take(ada, ada.domain.unite(ada.state, merge, ada.stream, bob.stream))
    assert allowed(ada.state.ledger) is False
    assert ada.when(moment("m", T0 + 3))["reason"] == "CONSENT_WITHHELD"
    ada.given(consent(T0 + 4, granted=True))
    assert allowed(ada.state.ledger) is True


def test_a_moment_decided_while_both_were_one_is_not_decided_again() -> None:
    ada, bob = joined_and_parted()
    for one in (ada, bob):
        before = len(one.stream)
        one.given(moment("joint" if one is ada else "his", T0 + 6 * DAY))
        assert len(one.stream) == before


def test_what_was_never_two_counts_for_both() -> None:
    ada, bob = Profile(RULES).given(moment("old", T0)), Profile(RULES, "bob")
    split = event(SPLIT, T0 + DAY, {"from": PROFILE, "to": "bob", "moved": []})
    take(ada, ada.domain.give(ada.state, split, ada.stream))
    take(bob, bob.domain.receive(bob.state, split, bob.stream, ada.stream))
    assert chosen(ada.state.ledger) == chosen(bob.state.ledger) == [0]


def test_a_withdrawn_moment_withdraws_its_decision_and_its_contact_counts_until_nothing_was_sent() -> None:
    ada = Profile(RULES).given(first := moment("first", T0))
    gone = event("journey.moment_withdrawn", T0 + DAY, {"moment_id": first.data["moment_id"]})
    told = ada.when(gone)
    assert (ada.stream[-1].type, told["decision_id"]) == ("decision.withdrawn", ada.stream[0].id)
    assert chosen(ada.state.ledger) == [0]
    assert ada.when(event("journey.moment_withdrawn", T0 + DAY, {"moment_id": "never decided"})) == {}
    assert len(ada.state.ledger.counted()) == 1
    ada.given(outcome("suppressed", T0 + DAY + 1, decision_id=told["decision_id"], reason="WITHDRAWN"))
    assert ada.state.ledger.counted() == ()
