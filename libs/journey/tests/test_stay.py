"""How an instance stands and ends: goals and whose they are, exits, time in stages, priority between journeys."""

from hypothesis import given, settings

from cairn_journey import canonical_state, counts, explain, parse_state
from cairn_kernel.event import Event
from cairn_kernel.time import DAY

from .scenario import Customer, bought, event, identified, lives

SIMPLE = """
kind: Journey
name: club
features:
  baskets_10d: {count: basket.purchased, window: 10d}
  days_idle: {idle: basket.purchased}
entry: [{on: club.joined}]
goal: {on: club.prolonged, attribution: 7d}
exit:
  - {on: account.closed}
  - {on: club.left, when: event.angry, reason: angry}
  - {when: profile.banned, reason: banned}
  - {when: baskets_10d >= 3}
  - {when: days_idle >= 60, reason: asleep}
stages:
  - {name: new, on: club.joined}
  - {name: reading, on: letter.read}
interventions:
  - {name: letter, trigger: {on: letter.due}, steps: [{decide: {actions: [hello-email]}}]}
"""


def joined(*more: Event) -> Customer:
    return Customer(SIMPLE).when(event("club.joined", 0), *more)


class TestGoalsWithoutAnEnd:
    def test_arm_no_timer(self) -> None:
        assert joined().state.timers == {}

    def test_are_reached_whenever_they_come(self) -> None:
        assert joined().when(event("club.prolonged", 3000)).said("attributed") == [("goal_reached", 3000, False)]

    def test_are_told_as_open(self) -> None:
        customer = joined()
        told = explain(customer.domain.programmes, customer.state, "club", DAY)
        assert [item.saw for item in told.conditions if item.role == "goal"] == ["open for as long as the journey is"]


class TestAttribution:
    def test_needs_a_moment_at_most_so_long_before(self) -> None:
        customer = joined(event("letter.due", 10), event("club.prolonged", 17))
        assert customer.said("attributed")[-1] == ("goal_reached", 17, True)
        assert counts(customer.state)["club"].attributed == 1
        late = joined(event("letter.due", 10), event("club.prolonged", 17.001))
        assert late.said("attributed")[-1] == ("goal_reached", 17.001, False)
        assert (late.state.records["club"].goals, late.state.records["club"].attributed) == (1, 0)

    def test_is_not_told_if_the_journey_does_not_ask(self) -> None:
        plain = Customer(SIMPLE.replace(", attribution: 7d", "")).when(
            event("club.joined", 0), event("letter.due", 1), event("club.prolonged", 2)
        )
        assert "attributed" not in plain.stream[-1].data

    def test_a_moment_of_the_past_does_not_count(self) -> None:
        customer = joined(event("letter.due", 10, historical=True), event("club.prolonged", 11))
        assert customer.said("attributed")[-1] == ("goal_reached", 11, False)


class TestExits:
    def test_have_reasons(self) -> None:
        assert joined(event("account.closed", 1)).said("reason")[-1] == ("exited", 1, "exit_event")
        assert joined(event("club.left", 1, angry=True)).said("reason")[-1] == ("exited", 1, "angry")
        assert joined(event("club.left", 1, angry=False)).state.open

    def test_by_a_trait(self) -> None:
        assert joined(identified(2, banned=True)).said("reason")[-1] == ("exited", 2, "banned")

    def test_by_a_feature_when_its_event_comes(self) -> None:
        assert joined(bought(1), bought(2)).state.open
        assert joined(bought(1), bought(2), bought(3)).said("reason")[-1] == ("exited", 3, "exit_condition")

    def test_by_time_alone_at_the_exact_instant(self) -> None:
        customer = joined(bought(1.5), bought(20))
        customer.until(79.9)
        assert customer.state.open
        assert customer.until(81).said("reason")[-1] == ("exited", 80, "asleep")

    def test_cost_a_timer_and_few_looks(self) -> None:
        customer = joined(bought(1))
        assert [timer.kind for timer in customer.state.timers.values()] == ["look"]
        assert len([fact for fact in customer.until(1000).new if fact.type == "journey.looked"]) <= 2

    def test_nobody_enters_while_one_holds(self) -> None:
        customer = Customer(SIMPLE).when(identified(0, banned=True), event("club.joined", 1))
        assert customer.said() == []

    def test_are_explained_with_what_they_see(self) -> None:
        customer = joined(bought(1))
        told = explain(customer.domain.programmes, customer.state, "club", 3 * DAY)
        exits = [item[1:] for item in told.conditions if item.role == "exit"]
        assert ("baskets_10d >= 3", False, "baskets_10d is 1") in exits


def test_time_in_stages_is_summed_exactly() -> None:
    customer = joined(event("letter.read", 2.5), event("club.joined", 4), event("account.closed", 10))
    assert customer.state.records["club"].dwell == {"new": round(8.5 * DAY), "reading": round(1.5 * DAY)}
    assert counts(customer.state)["club"].dwell["reading"] == round(1.5 * DAY)


def test_journeys_with_a_higher_priority_take_an_event_first_and_their_moments_say_so() -> None:
    journey = """
kind: Journey
name: {name}
priority: {priority}
entry: [{{on: start}}]
goal: {{on: done}}
interventions: [{{name: i, trigger: {{on: start}}, steps: [{{decide: {{actions: [hello-email]}}}}]}}]
---
"""
    texts = [journey.format(name=name, priority=n) for name, n in (("a", 0), ("b", 5), ("c", -1), ("d", 5))]
    customer = Customer("".join(texts).removesuffix("---\n")).when(event("start", 0))
    moments = [fact.data for fact in customer.new if fact.type == "journey.moment_reached"]
    assert [(data["journey"], data.get("priority")) for data in moments] == [("b", 5), ("d", 5), ("a", None), ("c", -1)]


@settings(max_examples=40)
@given(lives())
def test_whenever_the_state_is_read_back_exits_come_alike(life: list[Event]) -> None:
    journey = SIMPLE.replace("club.joined", "basket.purchased") + "reentry: always\n"
    whole = Customer(journey).when(*life).until(900)
    told = Customer(journey)
    for one in life:
        told.state = parse_state(canonical_state(told.state))
        told.until(one.as_of / DAY).when(one)
    told.until(900)
    assert canonical_state(told.state) == canonical_state(whole.state)
