"""The words that events put into the consent ledger, and the traits that they tell."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cairn_kernel.event import Event
from cairn_kernel.survivorship import Keep, Survivorship
from identity_resolution.domain.consents import words
from identity_resolution.domain.traits import SHOWN, Trait, traits

from .evidence import seen

SOURCES = {"crm": 0, "shop": 1}
RULES = {keep: Survivorship(keep, SOURCES if keep in (Keep.SOURCE, Keep.TRUSTED) else {}) for keep in Keep}


def identified(at: int, source: str = "shop", known: int = -1, **told: object) -> Event:
    event = seen(at, "user_id:u", id=f"{at}-{source}-{sorted(told.items())}", type="profile.identified", **told)
    return replace(event, source=source, as_of=max(at, known))


def survivor(keep: Keep, *events: Event) -> object:
    (trait,) = traits(events, {"tier": RULES[keep]})
    return trait.values[0].json


TOLD = (
    identified(10, "shop", tier=2),
    identified(20, "web", tier=7),
    identified(30, "crm", tier=2),
    identified(40, "shop", tier=5),
    identified(50, "web", tier="gold"),
)


@pytest.mark.parametrize(
    ("keep", "value"),
    [
        (Keep.LATEST, '"gold"'),
        (Keep.EARLIEST, "2"),
        (Keep.SOURCE, "2"),
        (Keep.TRUSTED, "2"),
        (Keep.MAX, "7"),
        (Keep.MIN, "2"),
        (Keep.MOST_FREQUENT, "2"),
    ],
)
def test_each_rule_keeps_the_value_it_says(keep: Keep, value: str) -> None:
    assert survivor(keep, *TOLD) == value


def test_a_trait_tells_who_told_its_value_when_and_which_values_lost() -> None:
    (trait,) = traits(TOLD, {"tier": RULES[Keep.SOURCE]})
    best, *losers = trait.values
    assert (best.json, best.times, best.evidence) == ("2", 2, (30, TOLD[2].id, 30, "crm"))
    assert [one.json for one in losers] == ["5", '"gold"', "7"]


def test_sealed_values_stay_sealed_unless_they_are_opened_and_equal_ones_are_then_one() -> None:
    events = [
        replace(identified(at), id=f"e{at}", data={}, sealed={"email": bytes([at])}, key_id="k") for at in (1, 2, 3)
    ]
    (closed,) = traits(events, {})
    assert [(one.json, one.sealed, one.times, one.evidence.event_id) for one in closed.values] == [
        ("", True, 1, "e3"), ("", True, 1, "e2"), ("", True, 1, "e1"),
    ]  # fmt: skip
    (opened,) = traits(events, {}, lambda event, name: None if event.id == "e2" else "a@b.example")
    assert [(one.json, one.times, one.evidence.event_id) for one in opened.values] == [
        ('"a@b.example"', 2, "e3"), ("", 1, "e2"),
    ]  # fmt: skip


def test_of_many_values_the_best_are_told() -> None:
    (trait,) = traits([identified(at, tier=at) for at in range(100)], {})
    assert [one.json for one in trait.values] == [str(99 - n) for n in range(SHOWN)]


told = st.lists(
    st.builds(
        lambda at, late, source, value: identified(at, source, at + late, tier=value),
        st.integers(0, 9),
        st.sampled_from([0, 5]),
        st.sampled_from(["crm", "shop", "web"]),
        st.sampled_from([1, 2, 2.5, "gold", None, True]),
    ),
    max_size=5,
)


@given(told, st.sampled_from(list(Keep)))
def test_neither_order_nor_repetition_changes_traits(events: list[Event], keep: Keep) -> None:
    once = {event.id: event for event in events}
    seen: list[list[Trait]] = [
        traits([*order, *order[:2]], {"tier": RULES[keep]}) for order in permutations(once.values())
    ]
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize(
    ("type", "data", "told"),
    [
        ("consent.denied", {"channel": "sms"}, ("sms", "*", "denied", "")),
        ("suppression.added", {"reason": "Complaint"}, ("*", "*", "suppressed", "complaint")),
        ("suppression.added", {"reason": "court order"}, ("*", "*", "suppressed", "legal")),
        ("suppression.lifted", {"channel": "email"}, ("email", "*", "lifted", "")),
        ("unsubscribed", {}, ("email", "*", "suppressed", "unsubscribe")),
        ("email.marked.as.spam", {}, ("email", "*", "suppressed", "complaint")),
        ("email.bounced", {"bounce_type": "Hard"}, ("email", "*", "suppressed", "hard_bounce")),
    ],
)
def test_events_of_consent_become_words(type: str, data: dict[str, str], told: tuple[str, ...]) -> None:
    event = replace(seen(5, "user_id:u", type=type, **data), source="esp", as_of=9)
    (word,) = words(event)
    said = word.data
    state = said.get("state", "granted" if said["granted"] else "withdrawn")
    assert (said["channel"], said["class"], state, said.get("reason", "")) == told
    assert (said["at"], said["source"], word.as_of, word.causation_id) == (5, "esp", 9, event.id)


def test_a_soft_bounce_suppresses_nothing() -> None:
    assert not list(words(seen(5, "user_id:u", type="email.bounced", bounce_type="soft")))
    assert not list(words(seen(5, "user_id:u", type="email.bounced")))


def test_each_category_of_a_consent_banner_is_a_class() -> None:
    told = {"Marketing": False, "Data Sharing": True, "odd": "yes"}
    event = seen(5, "user_id:u", type="segment.consent.preference.updated", category_preferences=told)
    said = [(word.data["class"], word.data.get("state", "granted")) for word in words(event)]
    assert said == [("data-sharing", "granted"), ("marketing", "denied")]
    assert len({word.id for word in words(event)}) == 2


def test_what_was_said_in_the_future_was_said_now() -> None:
    event = replace(seen(99, "user_id:u", type="consent.granted"), as_of=9)
    (word,) = words(event)
    assert word.data["at"] == 9
