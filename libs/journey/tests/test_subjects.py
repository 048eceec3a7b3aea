"""Journeys about others than persons: accounts and households, of what their members do."""

from msgspec.structs import replace

from cairn_kernel.event import ADDRESSED, MEMBER_ADDRESSED, Event
from cairn_kernel.time import DAY

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


ADDRESSING = """
kind: SubjectKind
name: account
roles: [admin, payer]
member_of: {group: company}
---
kind: Journey
name: unpaid
subject: account
entry: [{on: invoice.overdue}]
goal: {on: invoice.paid, within: 90d}
stages: [{name: overdue, on: invoice.overdue}]
interventions:
  - name: remind
    trigger: {stage: overdue}
    steps: [{decide: {actions: [reminder-email], to: {role: payer, most: 2}, expires: 5d}}]
"""


def related(member: str, day: float, *intervals: tuple[str, float, float | None]) -> Event:
    at = int(day * DAY)
    told = [[role, int(since * DAY), None if until is None else int(until * DAY)] for role, since, until in intervals]
    data = {"key": "acme", "roles": [], "before": [], "intervals": told}
    return Event(
        id=f"relation-{member}-{day}", tenant="default", type="relation.changed", event_time=at, as_of=at,
        source="identity_resolution", profile_id="a1", subject="account", member_id=member, data=data,
    )  # fmt: skip


def overdue(day: float) -> Event:
    return rolled_up(event("invoice.overdue", day, amount=120), "p1")


def test_a_moment_is_for_those_in_the_role_when_it_is_reached_the_longest_first() -> None:
    account = Customer(ADDRESSING, profile_id="a1").when(
        related("p1", 1, ("admin", 1, None)),
        related("p2", 1, ("payer", 1, 3)),
        related("p3", 2, ("payer", 2, None)),
        related("p4", 1.5, ("payer", 1.5, None)),
        related("p5", 2.5, ("payer", 2.5, None)),
        overdue(5),
    )
    addressed = [fact for fact in account.stream if fact.type == MEMBER_ADDRESSED]
    assert [fact.data["member"] for fact in addressed] == ["p4", "p3"]
    assert len({fact.data["moment_id"] for fact in addressed}) == len({fact.id for fact in addressed}) == 2
    assert not [fact for fact in account.stream if fact.type == "journey.moment_reached"]


def test_with_nobody_in_the_role_the_moment_says_so() -> None:
    account = Customer(ADDRESSING, profile_id="a1").when(related("p1", 1, ("admin", 1, None)), overdue(5))
    (fact,) = [fact for fact in account.stream if fact.type == "journey.moment_suppressed"]
    assert fact.data["reason"] == "NOBODY"


def test_whoever_ceased_to_be_a_member_is_not_addressed() -> None:
    account = Customer(ADDRESSING, profile_id="a1").when(
        related("p1", 1, ("payer", 1, None)), related("p1", 2), overdue(5)
    )
    assert account.state.members == {}
    assert not [fact for fact in account.stream if fact.type == MEMBER_ADDRESSED]


def test_the_members_own_stream_comes_to_the_moment_with_their_address_and_language() -> None:
    account = Customer(ADDRESSING, profile_id="a1").when(
        replace(identified(0, plan="gold"), profile_id="a1", subject="account"),
        related("p1", 1, ("payer", 1, None)),
        overdue(5),
    )
    (addressed,) = [fact for fact in account.stream if fact.type == MEMBER_ADDRESSED]
    back = replace(addressed, id="back", type=ADDRESSED, source="cairn", profile_id="p1", hops=1)
    member = Customer(ADDRESSING).when(identified(0, email="ann@acme.example", locale="de"), back)
    (moment,) = [fact for fact in member.stream if fact.type == "journey.moment_reached"]
    assert moment.data["moment_id"] == addressed.data["moment_id"]
    assert (moment.data["locale"], set(moment.data["contacts"])) == ("de", {"email"})
    assert moment.data["context"]["traits"]["locale"] == "de"
    assert moment.data["context"]["subject"]["plan"] == "gold"
    assert moment.data["context"]["event"]["amount"] == 120
    assert moment.data["expires_at"] == 10 * DAY
    assert moment.definition_version == addressed.definition_version
