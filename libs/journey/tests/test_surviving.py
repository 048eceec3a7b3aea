"""Traits with a rule of survivorship: whatever the order, after merges and splits, the same value counts."""

from functools import lru_cache
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cairn_journey import JourneyDomain, canonical_state
from cairn_kernel.event import Event
from cairn_kernel.survivorship import Keep, rank

from .scenario import CATALOGUE, WIN_BACK, Customer, identified, loaded, of

calm = settings(max_examples=50)
RULED = """
---
kind: IdentityRules
name: shop
traits: [{name: tier, keep: KEEP}]
---
{kind: Source, name: crm}
---
{kind: Source, name: web, trust: public}
---
{kind: Source, name: partner, trust: partner}
"""


def programme(keep: str) -> str:
    return WIN_BACK + RULED.replace("KEEP", f"{keep}, sources: [partner, crm]" if keep == "source" else keep)


@lru_cache
def ruled(keep: Keep) -> JourneyDomain:
    return Customer(programme(str(keep))).domain


def said(day: float, source: str, **traits: Any) -> Event:
    return replace(identified(day, **traits), source=source)


TOLD = (said(1, "crm", tier=2), said(2, "web", tier=7), said(3, "partner", tier=5), said(4, "web", tier=2))


@pytest.mark.parametrize(
    ("keep", "value"),
    [("latest", 2), ("earliest", 2), ("source", 5), ("trusted", 2), ("max", 7), ("min", 2), ("most_frequent", 2)],
)
def test_each_rule_keeps_its_value_in_any_order(keep: str, value: int) -> None:
    for order in permutations(TOLD):
        ada = Customer(programme(keep))
        for place, one in enumerate(order):
            ada.when(replace(one, as_of=(10 + place) * 86_400_000_000))
        assert ada.state.traits == {"tier": value}


def test_a_losing_value_does_not_undo_what_a_step_set() -> None:
    ada = Customer(programme("max")).when(said(1, "crm", tier=7))
    ada.state.traits = {"tier": 9}
    assert ada.when(said(2, "crm", tier=3)).state.traits == {"tier": 9}
    assert ada.when(said(3, "crm", tier=8)).state.traits == {"tier": 8}


def test_a_rule_that_comes_later_starts_from_what_counted_before() -> None:
    ada = Customer().when(identified(1, tier=7, city="Rome"))
    assert not ada.state.survivors
    ada.domain.programmes.activate("default", loaded(programme("max") + CATALOGUE))
    assert ada.when(said(2, "crm", tier=3, city="Oslo")).state.traits == {"tier": 7, "city": "Oslo"}


def test_merges_and_splits_count_the_evidence_of_whoever_told_it() -> None:
    ada = Customer(programme("max"), profile_id="ada")
    bob = Customer(profile_id="bob", domain=ada.domain)
    ada.when(said(1, "crm", tier=3), of("b", said(2, "crm", tier=9)), said(3, "crm", tier=5))
    assert ada.state.traits == {"tier": 9}
    ada.gives(bob, 5, "b")
    assert (ada.state.traits, bob.state.traits) == ({"tier": 5}, {"tier": 9})


def test_sealed_traits_follow_rules_too() -> None:
    ada = Customer(programme("earliest").replace("{name: tier", "{name: email"))
    ada.when(identified(2, email="late"), replace(identified(1, email="first"), as_of=3 * 86_400_000_000))
    assert ada.state.sealed["email"].sealed == b"first"
    assert ada.when(identified(9, email="later")).state.sealed["email"].sealed == b"first"


def test_without_rules_nothing_more_is_kept() -> None:
    assert b"survivors" not in canonical_state(Customer().when(identified(1, tier=7)).state)


tellings = st.lists(
    st.builds(said, st.integers(1, 9), st.sampled_from(["crm", "web", "partner"]), tier=st.integers(1, 4)),
    max_size=6,
    unique_by=lambda event: (event.id, event.event_time),
)


@calm
@given(tellings, st.sampled_from(list(Keep)), st.randoms(use_true_random=False))
def test_any_order_gives_the_value_that_the_whole_set_gives(come: list[Event], keep: Keep, chance: Any) -> None:
    come = list({event.event_time: event for event in come}.values())
    order = chance.sample(come, len(come))
    ada = Customer(domain=ruled(keep))
    for place, one in enumerate(order):
        ada.when(replace(one, as_of=(20 + place) * 86_400_000_000))
    rule = loaded(programme(str(keep)) + CATALOGUE).survivorship["tier"]
    times = {value: sum(one.data["tier"] == value for one in come) for value in range(5)}
    best = max(
        come,
        key=lambda one: rank(rule, one.event_time, one.source, one.data["tier"], times[one.data["tier"]]),
        default=None,
    )
    if best is not None:
        assert ada.state.traits == {"tier": best.data["tier"]}
