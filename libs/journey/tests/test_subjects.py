"""Journeys about others than persons: accounts and households, of what their members do."""

from msgspec.structs import replace

from cairn_kernel.event import Event

from .scenario import Customer, bought, event, identified

JOURNEYS = """
kind: SubjectKind
name: account
description: A company that buys
roles: [buyer, approver]
member_of: {group: company}
---
kind: Journey
name: grow
subject: account
features: {baskets: {count: basket.purchased}}
entry: [{on: basket.purchased}]
goal: {on: contract.signed, within: 90d}
stages: [{name: warm, on: basket.purchased, when: baskets >= 3}]
---
kind: Journey
name: welcome
features: {views: {count: page.viewed}}
entry: [{on: basket.purchased}]
goal: {on: contract.signed, within: 30d}
---
kind: Journey
name: review
subject: account
entry: [{schedule: {every: 30d}}]
goal: {on: reviewed}
"""


def rolled_up(one: Event, member: str) -> Event:
    """The copy for the account of a member's event."""
    return replace(one, id=f"{one.id}-{member}", subject="account", member_id=member, profile_id="a1")


def test_an_event_addressed_to_an_account_runs_only_journeys_about_accounts() -> None:
    account = Customer(JOURNEYS, profile_id="a1").when(rolled_up(bought(1), "p1"))
    assert list(account.state.open) == ["grow"]
    assert account.state.subject == "account"
    person = Customer(JOURNEYS).when(bought(1))
    assert list(person.state.open) == ["welcome"]
    assert person.state.subject == ""


def test_what_several_members_do_adds_up() -> None:
    account = Customer(JOURNEYS, profile_id="a1").when(*[rolled_up(bought(day), f"p{day}") for day in (1, 2, 3)])
    assert account.said("stage")[-1] == ("stage_entered", 3.0, "warm")


def test_features_of_persons_are_not_kept_for_accounts() -> None:
    account = Customer(JOURNEYS, profile_id="a1").when(rolled_up(event("page.viewed", 1), "p1"))
    assert account.state.features == {}


def test_schedules_are_those_of_the_kind() -> None:
    account = Customer(JOURNEYS, profile_id="a1").when(rolled_up(bought(1), "p1"))
    assert any(timer.kind == "schedule" for timer in account.state.timers.values())
    assert "review" in account.until(32).state.open
    assert not any(timer.kind == "schedule" for timer in Customer(JOURNEYS).when(bought(1)).state.timers.values())


def test_the_traits_of_a_member_are_not_the_accounts() -> None:
    account = Customer(JOURNEYS, profile_id="a1").when(rolled_up(identified(1, tier="gold", email="x"), "p1"))
    assert (account.state.traits, account.state.sealed) == ({}, {})
    told = Customer(JOURNEYS, profile_id="a1").when(replace(identified(1, size="large"), subject="account"))
    assert told.state.traits == {"size": "large"}
