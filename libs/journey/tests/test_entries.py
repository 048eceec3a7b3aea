"""What leads into journeys besides events: audiences, schedules, other journeys, events of the business."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import CustomerState, Programmes, canonical_state, explain, load_text, parse_state
from cairn_journey.engine.domain import JourneyDomain
from cairn_journey.engine.entering import MAX_CHAIN
from cairn_journey.engine.schedules import next_due
from cairn_journey.language.model import Schedule
from cairn_kernel.event import DEFINITION_ACTIVATED, Event
from cairn_kernel.time import DAY, HOUR, SECOND, micros, to_datetime

from .scenario import CATALOGUE, Customer, bought, event, identified, lives

HELLO = "interventions: [{name: i, trigger: {stage: begun}, steps: [{decide: {actions: [hello-email]}}]}]\n"
VIP = (
    """
kind: Audience
name: vip
level: segment
features: {spend_30d: {sum: basket.purchased, of: amount, window: 30d}}
when: spend_30d >= 100.0
---
kind: Audience
name: asleep
features: {days_idle: {idle: basket.purchased}}
when: days_idle >= 20
---
kind: Journey
name: vip-care
entry: [{audience: vip, stage: begun}]
reentry: always
goal: {on: thanked}
exit: [{when: "!audience.vip", reason: fell}]
stages: [{name: begun, on: never.happens}]
"""
    + HELLO
    + """
---
kind: Journey
name: wake-up
audience: vip
entry: [{audience: asleep}]
reentry: always
goal: {on: basket.purchased}
"""
)


def kinds(customer: Customer, *keys: str) -> list[tuple[Any, ...]]:
    return [
        (fact.type, fact.as_of / DAY, *(fact.data[key] for key in keys if key in fact.data))
        for fact in customer.new
        if fact.type.startswith(("journey.", "audience.", "profile.armed")) and fact.type != "journey.looked"
    ]


class TestAudiences:
    def test_lead_in_when_an_event_brings_the_customer_into_them(self) -> None:
        customer = Customer(VIP).when(bought(1, 60.0))
        assert kinds(customer) == []
        customer.when(bought(2, 60.0))
        assert kinds(customer, "audience", "journey", "stage") == [
            ("audience.joined", 2, "vip"),
            ("journey.entered", 2, "vip-care"),
            ("journey.stage_entered", 2, "vip-care", "begun"),
            ("journey.moment_reached", 2, "vip-care"),
        ]
        assert customer.state.audiences == {"vip": 2 * DAY}

    def test_are_left_when_time_alone_says_so_at_the_exact_instant(self) -> None:
        customer = Customer(VIP).when(bought(1.5, 100.0)).until(30.9)
        assert "vip-care" in customer.state.open
        customer.until(31)
        assert ("audience.left", 31, "vip") in kinds(customer, "audience")
        assert ("journey.exited", 31, "fell") in kinds(customer, "reason")

    def test_are_joined_when_time_alone_says_so(self) -> None:
        customer = Customer(VIP).when(bought(1.5, 100.0)).until(21.49)
        assert "asleep" not in customer.state.audiences
        customer.until(21.5)
        assert ("audience.joined", 21.5, "asleep") in kinds(customer, "audience")
        assert "wake-up" in customer.state.open

    def test_can_be_named_as_the_audience_of_a_journey(self) -> None:
        poor = Customer(VIP).when(bought(1.5, 99.0)).until(25)
        assert "asleep" in poor.state.audiences
        assert poor.state.open == {}

    def test_cost_one_timer_each_and_few_looks(self) -> None:
        customer = Customer(VIP).when(bought(1, 60.0))
        assert sorted(customer.state.timers) == ["audience:asleep", "audience:vip"]
        assert len(customer.until(1000).new) <= 6

    def test_do_not_lead_in_again_while_the_customer_stays_in_them(self) -> None:
        customer = Customer(VIP).when(bought(1, 200.0), event("thanked", 2), bought(3, 200.0))
        assert customer.state.records["vip-care"].entered == 1

    def test_are_explained(self) -> None:
        customer = Customer(VIP).when(bought(1, 60.0))
        told = explain(customer.domain.programmes, customer.state, "wake-up", 3 * DAY).conditions
        assert ("audience", 'audience["vip"]', False, "audience.vip is false") in told
        assert ("audience", "vip: spend_30d >= 100.0", False, "spend_30d is 60.0") in told
        expected = ("entry", "comes into the audience asleep: days_idle >= 20", False, "days_idle is 2")
        assert expected in told

    def test_only_those_that_lead_in_are_kept_track_of(self) -> None:
        used = VIP.replace("entry: [{audience: asleep}]", "entry: [{on: a.b}]")
        customer = Customer(used).when(bought(1, 10.0)).until(100)
        assert customer.state.audiences == {}
        assert "audience:asleep" not in customer.state.timers


WEEKLY = (
    """
kind: Journey
name: digest
entry: [{schedule: %s, when: has(profile.subscribed) && profile.subscribed, stage: begun}]
reentry: always
goal: {on: digest.read, within: 3d}
stages: [{name: begun, on: never.happens}]
"""
    + HELLO
)


class TestSchedules:
    def test_begin_with_the_first_event_and_come_round(self) -> None:
        customer = Customer(WEEKLY % "{every: 7d}").when(identified(1, subscribed=True))
        assert kinds(customer) == []
        customer.until(15)
        assert [(kind, day) for kind, day in kinds(customer) if kind in ("journey.entered", "journey.exited")] == [
            ("journey.entered", 8),
            ("journey.exited", 11),
            ("journey.entered", 15),
        ]

    def test_cost_a_timer_each_whoever_enters(self) -> None:
        customer = Customer(WEEKLY % "{every: 7d}").when(event("page.viewed", 1)).until(9)
        assert kinds(customer, "next") == [("journey.schedule_reached", 8, 15 * DAY)]
        assert len(customer.state.timers) == 1

    def test_do_not_run_through_the_past(self) -> None:
        customer = Customer(WEEKLY % "{every: 7d}").when(event("page.viewed", 1, historical=True)).until(90)
        assert customer.state.timers == {}
        customer.when(event("page.viewed", 100))
        assert [timer.due for timer in customer.state.timers.values()] == [107 * DAY]

    def test_go_by_the_customers_clock(self) -> None:
        weekly = WEEKLY % '{weekday: monday, at: "09:00"}'
        customer = Customer(weekly).when(identified(1, timezone="Europe/Paris"))
        at = min(timer.due for timer in customer.state.timers.values())
        assert to_datetime(at).astimezone(ZoneInfo("Europe/Paris")).strftime("%a %H:%M") == "Mon 09:00"
        customer.when(identified(2, timezone="Asia/Tokyo"))
        at = min(timer.due for timer in customer.state.timers.values())
        assert to_datetime(at).astimezone(ZoneInfo("Asia/Tokyo")).strftime("%a %H:%M") == "Mon 09:00"

    def test_go_on_under_a_new_programme_if_they_are_the_same(self) -> None:
        customer = Customer(WEEKLY % "{every: 7d}").when(event("page.viewed", 1))
        programmes = customer.domain.programmes
        programmes.activate("default", load_text(WEEKLY % "{every: 7d}" + "owner: crm\n" + CATALOGUE))
        customer.when(event("page.viewed", 3))
        assert [timer.due for timer in customer.state.timers.values()] == [8 * DAY]
        programmes.activate("default", load_text(WEEKLY % "{every: 2d}" + CATALOGUE))
        customer.when(event("page.viewed", 4))
        assert [timer.due for timer in customer.state.timers.values()] == [6 * DAY]


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        (Schedule(weekday=6, at=150, zone="Europe/Paris"), "2026-03-22T12:00+01:00", "2026-03-29T03:00+02:00"),
        (Schedule(at=150, zone="Europe/Paris"), "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        (Schedule(at=150, zone="Europe/Paris"), "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        (Schedule(day=31, at=0, zone="UTC"), "2026-01-31T00:00+00:00", "2026-02-28T00:00+00:00"),
        (Schedule(day=1, at=540, zone="UTC"), "2026-12-01T09:00+00:00", "2027-01-01T09:00+00:00"),
        (Schedule(every=36 * HOUR), "2026-01-01T00:00+00:00", "2026-01-02T12:00+00:00"),
        (Schedule(at=0), "2026-01-01T00:00+00:00", "2026-01-01T15:00+00:00"),
    ],
)
def test_a_schedule_comes_round_when_clocks_say_so(schedule: Schedule, after: str, due: str) -> None:
    instant = micros(datetime.fromisoformat(after))
    assert next_due(schedule, instant, "Asia/Tokyo") == micros(datetime.fromisoformat(due))


@settings(max_examples=200)
@given(
    st.integers(950_000_000, 2_200_000_000),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.one_of(st.none(), st.integers(0, 6)),
)
def test_between_two_rounds_lie_whole_days_but_for_the_clocks(when: int, at: int, zone: str, day: int | None) -> None:
    schedule = Schedule(weekday=day, at=at, zone=zone)
    first = next_due(schedule, when * SECOND, None)
    second = next_due(schedule, first, None)
    assert first > when * SECOND
    assert abs(second - first - (DAY if day is None else 7 * DAY)) <= HOUR


CHAIN = (
    """
kind: Journey
name: onboarding
entry: [{on: account.created}]
goal: {on: basket.purchased, within: 30d}
exit: [{on: account.closed}]
---
kind: Journey
name: habit
entry: [{journey: onboarding, on: goal, when: profile.tier == "gold", stage: begun}]
goal: {on: subscribed}
stages: [{name: begun, on: never.happens}]
"""
    + HELLO
    + """
---
kind: Journey
name: shadow
entry: [{journey: onboarding, on: entered}]
goal: {on: x.y}
---
kind: Journey
name: win-back
entry: [{journey: onboarding, on: exited}]
goal: {on: x.y}
"""
)


class TestOtherJourneys:
    def test_lead_in_by_entering_reaching_the_goal_and_leaving(self) -> None:
        customer = Customer(CHAIN).when(identified(0, tier="gold"), event("account.created", 1))
        assert list(customer.state.open) == ["onboarding", "shadow"]
        customer.when(bought(2))
        assert kinds(customer, "journey")[:2] == [
            ("journey.goal_reached", 2, "onboarding"),
            ("journey.entered", 2, "habit"),
        ]
        left = Customer(CHAIN).when(event("account.created", 1)).until(31)
        assert kinds(left, "journey") == [("journey.exited", 31, "onboarding"), ("journey.entered", 31, "win-back")]

    def test_hand_their_key_on(self) -> None:
        keyed = CHAIN.replace("name: onboarding", "name: onboarding\nkey: event.id")
        keyed = keyed.replace("name: shadow", "name: shadow\nkey: event.id")
        customer = Customer(keyed).when(event("account.created", 1, id="a"), event("account.created", 2, id="b"))
        assert set(customer.state.open) == {"onboarding/a", "onboarding/b", "shadow/a", "shadow/b"}

    def test_do_not_lead_on_without_end(self) -> None:
        link = "kind: Journey\nname: j{n}\nentry: [{{{how}}}]\ngoal: {{on: done.now}}\n"
        texts = [link.format(n=0, how="on: start.now")]
        texts += [link.format(n=n, how=f"journey: j{n - 1}, on: entered") for n in range(1, 12)]
        customer = Customer("---\n".join(texts)).when(event("start.now", 1))
        assert len(customer.state.open) == 1 + MAX_CHAIN
        assert [fact.data for fact in customer.new if fact.type == "journey.entry_refused"] == [
            {"journey": "j9", "key": "", "reason": "CHAIN"}
        ]


def activated(customer: Customer, text: str, day: float) -> Customer:
    """A programme comes into force and the customer is visited."""
    compiled = customer.domain.programmes.activate("default", load_text(text + CATALOGUE))
    at = round(day * DAY)
    control = Event(
        id=f"c{day}",
        tenant="default",
        type=DEFINITION_ACTIVATED,
        event_time=at,
        as_of=at,
        data={"version": compiled.version},
    )
    customer.new = []
    customer._take(customer.domain.walk(customer.state, control))
    return customer


class TestAProgrammeThatComesIntoForce:
    PLAIN = (
        "kind: Journey\nname: j\nentry: [{on: a.b}]\ngoal: {on: c.d}\n"
        "features: {s: {sum: basket.purchased, of: amount, window: 30d}}\n"
    )

    def test_begins_its_schedules_for_those_who_sleep(self) -> None:
        customer = Customer(self.PLAIN).when(event("page.viewed", 1))
        activated(customer, WEEKLY % "{every: 7d}", 5)
        assert kinds(customer) == [("profile.armed", 5)]
        assert [timer.due for timer in customer.state.timers.values()] == [12 * DAY]

    def test_lets_those_enter_who_are_in_its_audiences(self) -> None:
        customer = Customer(self.PLAIN).when(bought(1, 200.0))
        activated(customer, VIP, 3)
        assert kinds(customer, "audience", "journey")[:3] == [
            ("profile.armed", 3),
            ("audience.joined", 3, "vip"),
            ("journey.entered", 3, "vip-care"),
        ]

    def test_leaves_no_trace_where_nothing_follows(self) -> None:
        customer = Customer(self.PLAIN).when(bought(1, 2.0))
        assert activated(customer, self.PLAIN + "owner: x\n", 3).new == []
        armed = Customer(WEEKLY % "{every: 7d}").when(event("page.viewed", 1))
        assert activated(armed, WEEKLY % "{every: 7d}" + "owner: x\n", 3).new == []

    def test_ends_schedules_it_has_no_more(self) -> None:
        customer = Customer(WEEKLY % "{every: 7d}").when(event("page.viewed", 1))
        activated(customer, self.PLAIN, 3)
        assert customer.state.timers == {}


@settings(max_examples=50)
@given(lives(), st.integers(0, 12))
def test_it_does_not_matter_where_the_state_was_read_back(life: list[Event], border: int) -> None:
    text = VIP.replace(">= 100.0", ">= 17.0") + "---" + WEEKLY % '{weekday: friday, at: "18:30", zone: Europe/Paris}'
    whole = Customer(text).when(*life).until(300)
    first = Customer(text).when(*life[:border])
    second = Customer(domain=first.domain)
    second.state = parse_state(canonical_state(first.state))
    second.when(*life[border:]).until(300)
    assert canonical_state(second.state) == canonical_state(whole.state)
    ids = [fact.id for fact in whole.stream]
    assert len(ids) == len(set(ids))


def test_a_customer_may_enter_by_what_happens_to_all() -> None:
    entry = "[{broadcast: price.dropped, when: event.product == profile.wants}]"
    text = f"kind: Journey\nname: j\nentry: {entry}\ngoal: {{on: c.d}}\n"
    programmes = Programmes()
    programmes.activate("default", load_text(text))
    domain = JourneyDomain(programmes)
    state = CustomerState("default", "p", traits={"wants": "kettle"})
    facts, state = domain.handle(state, event("price.dropped", 1, product="kettle"))
    assert [fact.type for fact in facts] == ["price.dropped", "journey.entered"]
