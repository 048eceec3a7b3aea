"""What each step does, one sentence per test. Programmes hold one journey that begins with `begun`."""

from typing import Any

import pytest

from cairn_journey.engine import facts
from cairn_kernel.time import HOUR, MINUTE, format_instant, parse_instant

from .scenario import Customer, event, identified

HEAD = """
kind: Journey
name: j
{more}
features:
  visits: {{count: page.viewed, window: 30d}}
  quiet_days: {{idle: page.viewed}}
entry: [{{on: begun}}]
reentry: always
goal: {{on: done, within: 300d}}
interventions:
  - name: i
    trigger: {{on: begun}}
    steps: {steps}
"""
SEND = "{decide: {actions: [reminder-email]}}"


def customer(steps: str, more: str = "") -> Customer:
    return Customer(HEAD.format(steps=steps, more=more))


def moments(one: Customer) -> list[tuple[float, str]]:
    """Day and path of each moment so far."""
    return [(fact.as_of / 86400e6, fact.data["step"]) for fact in one.stream if fact.type == facts.MOMENT_REACHED]


def when(one: Customer) -> list[str]:
    """Instants of moments, in UTC."""
    return [format_instant(fact.as_of) for fact in one.stream if fact.type == facts.MOMENT_REACHED]


def data(one: Customer, type: str, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(fact.data[key] for key in keys) for fact in one.stream if fact.type == type]


def day_of(text: str) -> float:
    return parse_instant(text) / 86400e6


# waits


def test_a_wait_for_an_event_does_its_timeout_steps_only_if_the_event_does_not_come() -> None:
    steps = f"[{{wait: {{until: {{on: paid}}, for: 7d, on_timeout: [{SEND}]}}}}, {SEND}]"
    assert moments(customer(steps).when(event("begun", 1), event("paid", 3))) == [(3, "2")]
    assert moments(customer(steps).when(event("begun", 1)).until(9)) == [(8, "1.1.1"), (8, "2")]


def test_a_wait_until_a_time_of_day_is_over_at_the_next_such_time_in_the_customers_zone() -> None:
    steps = f'[{{wait: {{until: {{at: "09:00"}}}}}}, {SEND}]'
    here = identified(0, timezone="Europe/Berlin")
    assert when(customer(steps).when(here, event("begun", day_of("2024-05-01T06:59:00"))).until(20_000)) == [
        "2024-05-01T07:00:00Z"
    ]
    assert when(customer(steps).when(here, event("begun", day_of("2024-05-01T07:00:00"))).until(20_000)) == [
        "2024-05-02T07:00:00Z"
    ]
    assert when(customer(steps).when(event("begun", day_of("2024-05-01T07:00:00"))).until(20_000)) == [
        "2024-05-01T09:00:00Z"
    ]


def test_a_wait_until_a_weekday_is_over_at_once_on_such_a_day() -> None:
    steps = f"[{{wait: {{until: {{day: [saturday, sunday], zone: Asia/Tokyo}}}}}}, {SEND}]"
    assert when(customer(steps).when(event("begun", day_of("2024-05-02T12:00:00"))).until(20_000)) == [
        "2024-05-03T15:00:00Z"
    ]
    assert when(customer(steps).when(event("begun", day_of("2024-05-03T16:00:00")))) == ["2024-05-03T16:00:00Z"]


def test_a_wait_until_a_time_on_a_weekday_never_is_over_at_once() -> None:
    steps = f'[{{wait: {{until: {{day: friday, at: "10:00", zone: UTC}}}}}}, {SEND}]'
    assert when(customer(steps).when(event("begun", day_of("2024-05-03T10:00:00"))).until(20_000)) == [
        "2024-05-10T10:00:00Z"
    ]


@pytest.mark.parametrize(
    ("begun", "over"),
    [("2024-05-02T08:59:00", "2024-05-02T09:00:00Z"), ("2024-05-02T12:00:00", "2024-05-02T12:00:00Z"), 
     ("2024-05-02T17:00:00", "2024-05-03T09:00:00Z")],
)  # fmt: skip
def test_a_wait_between_two_times_is_over_at_once_if_it_is_that_time(begun: str, over: str) -> None:
    steps = f'[{{wait: {{until: {{between: ["09:00", "17:00"], zone: UTC}}}}}}, {SEND}]'
    assert when(customer(steps).when(event("begun", day_of(begun))).until(20_000)) == [over]


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    steps = f'[{{wait: {{until: {{between: ["22:00", "02:00"], day: friday, zone: UTC}}}}}}, {SEND}]'
    assert when(customer(steps).when(event("begun", day_of("2024-05-04T01:00:00")))) == ["2024-05-04T01:00:00Z"]
    assert when(customer(steps).when(event("begun", day_of("2024-05-04T02:00:00"))).until(20_000)) == [
        "2024-05-10T22:00:00Z"
    ]


APPOINTMENT = f"[{{wait: {{until: {{time: profile.appointment_at, offset: -24h}}}}}}, {SEND}]"


@pytest.mark.parametrize(
    ("told", "over"),
    [
        ("2024-05-10T15:00:00Z", "2024-05-09T15:00:00Z"),
        ("2024-05-10T15:00:00", "2024-05-09T13:00:00Z"),
        ("2024-05-10", "2024-05-08T22:00:00Z"),
        (1_715_353_200, "2024-05-09T15:00:00Z"),
    ],
)
def test_a_wait_until_a_day_before_an_appointment(told: object, over: str) -> None:
    known = identified(0, timezone="Europe/Berlin", appointment_at=told)
    one = customer(APPOINTMENT).when(known, event("begun", day_of("2024-05-01"))).until(20_000)
    assert when(one) == [over]


def test_an_appointment_that_moves_moves_the_wait() -> None:
    first, later = identified(0, appointment_at="2024-05-10T15:00:00Z"), day_of("2024-05-03")
    one = customer(APPOINTMENT).when(first, event("begun", day_of("2024-05-01")))
    one.when(identified(later, appointment_at="2024-05-20T15:00:00Z"))
    assert [fact.type for fact in one.new] == ["profile.identified", "journey.wait_moved"]
    assert when(one.until(20_000)) == ["2024-05-19T15:00:00Z"]


def test_an_appointment_that_moves_into_the_past_ends_the_wait() -> None:
    one = customer(APPOINTMENT).when(
        identified(0, appointment_at="2024-05-10T15:00:00Z"), event("begun", day_of("2024-05-01"))
    )
    one.when(identified(day_of("2024-05-03"), appointment_at="2024-05-03T15:00:00Z"))
    assert when(one) == ["2024-05-03T00:00:00Z"]


def test_an_appointment_that_is_over_goes_on_at_once_or_leaves_the_rest_out_as_declared() -> None:
    past = [identified(0, appointment_at="2024-05-10T15:00:00Z"), event("begun", day_of("2024-05-10"))]
    assert len(when(customer(APPOINTMENT).when(*past))) == 1
    skipping = APPOINTMENT.replace("offset: -24h", "offset: -24h, past: skip")
    one = customer(skipping).when(*past)
    assert (when(one), one.state.open["j"].runs) == ([], {})


def test_a_wait_until_a_time_of_the_event_itself() -> None:
    steps = f"[{{wait: {{until: {{time: event.starts, offset: 2h}}}}}}, {SEND}]"
    begun = event("begun", day_of("2024-05-01"), starts="2024-05-02T10:00:00+02:00")
    assert when(customer(steps).when(begun).until(20_000)) == ["2024-05-02T10:00:00Z"]


@pytest.mark.parametrize("told", ["soon", True, [1], 1e300, "9999-12-31T23:59:59", {"a": 1}])
def test_what_is_no_time_fails_the_wait(told: object) -> None:
    steps = f"[{{wait: {{until: {{time: profile.at}}}}, on_error: stop_run}}, {SEND}]"
    one = customer(steps).when(identified(0, at=told), event("begun", 1)).until(2)
    assert (moments(one), data(one, facts.STEP_FAILED, "error")) == ([], [("NOT_A_TIME",)])


def test_a_wait_until_a_condition_is_over_when_an_event_makes_it_true() -> None:
    steps = f"[{{wait: {{until: {{when: visits >= 2}}, for: 20d}}}}, {SEND}]"
    one = customer(steps).when(event("begun", 1), event("page.viewed", 3), event("page.viewed", 4))
    assert moments(one) == [(4, "2")]
    assert data(one, facts.WAIT_ENDED, "timed_out") == [(False,)]


def test_a_wait_until_a_condition_is_over_at_once_if_it_holds() -> None:
    steps = f'[{{wait: {{until: {{when: profile.tier == "gold"}}, for: 20d}}}}, {SEND}]'
    assert moments(customer(steps).when(identified(0, tier="gold"), event("begun", 1))) == [(1, "2")]
    assert moments(customer(steps).when(event("begun", 1), identified(2, tier="gold"))) == [(2, "2")]


def test_a_wait_until_a_condition_is_over_when_time_alone_makes_it_true() -> None:
    steps = f"[{{wait: {{until: {{when: quiet_days >= 5}}, for: 20d}}}}, {SEND}]"
    one = customer(steps).when(event("page.viewed", 1), event("begun", 2), event("page.viewed", 4)).until(30)
    assert moments(one) == [(9, "2")]
    window = f"[{{wait: {{until: {{when: visits == 0}}, for: 60d}}}}, {SEND}]"
    one = customer(window).when(event("page.viewed", 1.5), event("begun", 2)).until(90)
    assert moments(one) == [(31, "2")]


def test_patience_ends_a_wait_for_a_condition() -> None:
    steps = f"[{{wait: {{until: {{when: visits >= 2}}, for: 5d, on_timeout: [{{exit: gave-up}}]}}}}, {SEND}]"
    one = customer(steps).when(event("begun", 1), event("page.viewed", 3)).until(30)
    assert (moments(one), data(one, facts.EXITED, "reason")) == ([], [("gave-up",)])


# branches and experiments


def test_else_is_taken_if_nothing_before_it_holds() -> None:
    steps = f"[{{branch: [{{when: event.n > 5, steps: [{{exit: many}}]}}, {{else: [{SEND}]}}]}}]"
    assert moments(customer(steps).when(event("begun", 1, n=5))) == [(1, "1.2.1")]
    assert moments(customer(steps).when(event("begun", 1, n=6))) == []


SPLIT = f"[{{experiment: {{name: x, arms: [{{name: a, weight: 1, steps: [{SEND}]}}, {{name: b, weight: 3}}]}}}}]"


def test_an_experiment_says_which_arm_and_shares_them_out_by_weight() -> None:
    domain = customer(SPLIT).domain
    arms = [
        data(Customer(profile_id=f"p{n}", domain=domain).when(event("begun", 1)), facts.ARM_ASSIGNED, "arm")[0][0]
        for n in range(400)
    ]
    assert 70 < arms.count("a") < 130
    assert arms.count("a") + arms.count("b") == 400


def test_a_person_keeps_the_arm_and_an_instance_draws_anew() -> None:
    journeys = SPLIT, SPLIT.replace("name: x,", "name: x, by: instance,")
    kept, drawn = (customer(steps) for steps in journeys)
    for one in (kept, drawn):
        for day in range(40):
            one.when(event("begun", 2 * day), event("done", 2 * day + 1))
    assert len(set(data(kept, facts.ARM_ASSIGNED, "arm"))) == 1
    assert len(set(data(drawn, facts.ARM_ASSIGNED, "arm"))) == 2
    assert kept.state.records["j"].arms == {"x": data(kept, facts.ARM_ASSIGNED, "arm")[0][0]}


def test_an_arm_that_was_given_stays_when_the_weights_change() -> None:
    heavy = SPLIT.replace("weight: 1,", "weight: 1000000,").replace("weight: 3", "weight: 1")
    light = SPLIT.replace("weight: 1,", "weight: 1,").replace("weight: 3", "weight: 1000000")
    one = customer(heavy).when(event("begun", 1), event("done", 2))
    moved = customer(light)
    moved.state = one.state
    moved.domain.programmes.add("default", one.domain.programmes.active("default").programme)  # type: ignore[union-attr]
    assert data(moved.when(event("begun", 3)), facts.ARM_ASSIGNED, "arm") == [("a",)]


# loops and jumps


def test_a_loop_ends_after_its_rounds() -> None:
    steps = f"[{{repeat: {{times: 3, steps: [{SEND}, {{wait: {{for: 2d}}}}]}}}}, {SEND}]"
    one = customer(steps).when(event("begun", 1)).until(50)
    assert moments(one) == [(1, "1.1.1"), (3, "1.1.1"), (5, "1.1.1"), (7, "2")]
    ids = [fact.id for fact in one.stream]
    assert len(ids) == len(set(ids))
    assert len(set(data(one, facts.MOMENT_REACHED, "moment_id"))) == 4


def test_a_loop_ends_when_its_condition_no_longer_holds() -> None:
    steps = f"[{{repeat: {{times: 9, while: visits == 0, steps: [{SEND}, {{wait: {{for: 2d}}}}]}}}}]"
    assert moments(customer(steps).when(event("begun", 1), event("page.viewed", 4)).until(50)) == [
        (1, "1.1.1"),
        (3, "1.1.1"),
    ]
    assert moments(customer(steps).when(event("page.viewed", 0), event("begun", 1)).until(50)) == []


def test_an_inner_loop_begins_anew_in_each_round() -> None:
    inner = f"{{repeat: {{times: 2, steps: [{SEND}, {{wait: {{for: 1d}}}}]}}}}"
    one = customer(f"[{{repeat: {{times: 2, steps: [{inner}, {{wait: {{for: 10d}}}}]}}}}]").when(event("begun", 0))
    assert [day for day, _ in moments(one.until(99))] == [0, 1, 12, 13]


def test_a_jump_backward_is_bounded() -> None:
    steps = "[{id: ask, decide: {actions: [reminder-email]}}, {wait: {for: 1d}}, {jump: {to: ask, times: 2}}]"
    assert [day for day, _ in moments(customer(steps).when(event("begun", 0)).until(50))] == [0, 1, 2]


def test_a_jump_forward_leaves_out_what_lies_between() -> None:
    leap = "{branch: [{when: event.n > 5, steps: [{jump: end}]}]}"
    steps = f"[{leap}, {SEND}, {{id: end, decide: {{actions: [hello-email]}}}}]"
    assert moments(customer(steps).when(event("begun", 1, n=6))) == [(1, "3")]
    assert moments(customer(steps).when(event("begun", 1, n=5))) == [(1, "2"), (1, "3")]


# traits, events of our own, exits


def test_a_trait_that_is_set_is_seen_by_the_next_step_and_by_decisions() -> None:
    setting = "{set: {tier: \"event.n > 5 ? 'high' : 'low'\", asked: 1}}"
    steps = f'[{setting}, {{branch: [{{when: profile.tier == "high", steps: [{SEND}]}}]}}]'
    one = customer(steps).when(event("begun", 1, n=6))
    assert data(one, facts.TRAITS_SET, "traits") == [({"tier": "high", "asked": 1},)]
    assert one.stream[-1].data["context"]["traits"] == {"tier": "high", "asked": 1}
    assert one.when(identified(2, tier=None)).state.traits == {"asked": 1}


def test_an_exit_ends_the_stay_and_all_its_runs() -> None:
    one = customer("[{wait: {for: 1d}}, {exit: gave-up}]").when(event("begun", 1)).until(3)
    assert data(one, facts.EXITED, "reason") == [("gave-up",)]
    assert (one.state.open, one.state.timers) == ({}, {})


OTHER = f"""
---
kind: Journey
name: other
entry: [{{on: level.reached, when: event.level > 1}}]
goal: {{on: done, within: 300d}}
interventions: [{{name: i, trigger: {{on: level.reached}}, steps: [{SEND}]}}]
"""


def test_an_event_of_our_own_is_seen_by_other_journeys_in_the_same_turn() -> None:
    one = Customer(HEAD.format(more="", steps="[{emit: {event: level.reached, data: {level: event.n + 1}}}]") + OTHER)
    one.when(event("begun", 1, n=1))
    assert [fact.type for fact in one.new] == [
        *("begun", "journey.entered", "level.reached", "journey.entered", "journey.moment_reached")
    ]
    emitted = one.new[2]
    assert (emitted.source, emitted.hops, emitted.data) == ("journey-state", 1, {"level": 2})
    assert emitted.causation_id == one.new[0].id
    assert one.state.last_seen == one.new[0].as_of


def test_events_of_our_own_cannot_run_away() -> None:
    ping = HEAD.format(more="", steps="[{wait: {for: 1d}}, {emit: {event: level.reached}}, {exit: done-with}]")
    pong = OTHER.replace(SEND, "{wait: {for: 1d}}, {emit: {event: begun}}, {exit: done-with}")
    pong = pong.replace(", when: event.level > 1", "").replace("name: other", "name: other\nreentry: always")
    one = Customer(ping + pong).when(event("begun", 1)).until(200)
    assert data(one, facts.EMIT_SUPPRESSED, "reason") == [("HOPS",)]
    assert len([fact for fact in one.stream if fact.source == "journey-state" and fact.type == "level.reached"]) == 4


def test_an_event_of_our_own_from_history_is_history() -> None:
    one = Customer(HEAD.format(more="", steps="[{emit: {event: level.reached, data: {level: 2}}}]") + OTHER)
    one.when(event("begun", 1, historical=True))
    assert one.new[2].historical
    assert one.new[-1].type == facts.MOMENT_SUPPRESSED


# failures


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("event.missing > 1", "MISSING"),
        ("1 / event.zero > 1", "DIVISION_BY_ZERO"),
        ("event.text > 1", "WRONG_TYPE"),
        ("event.huge * 9223372036854775807 > 1", "OUT_OF_RANGE"),
    ],
)
def test_a_condition_that_fails_says_how_and_the_run_goes_on(expression: str, error: str) -> None:
    steps = f"[{{branch: [{{when: {expression!r}, steps: [{{exit: no}}]}}]}}, {SEND}]"
    one = customer(steps).when(event("begun", 1, zero=0, text="secret", huge=7))
    assert data(one, facts.STEP_FAILED, "step", "expression", "error", "on_error") == [("1", expression, error, "skip")]
    assert moments(one) == [(1, "2")]


@pytest.mark.parametrize(
    ("rule", "sent", "reasons"),
    [
        ("skip", ["2", "3"], []),
        ("stop_run", [], []),
        ("exit", [], [("step_failed",)]),
        ("{goto: end}", ["3"], []),
    ],
)
def test_a_step_that_fails_does_as_it_declares(rule: str, sent: list[str], reasons: list[tuple[str]]) -> None:
    failing = f"{{set: {{a: event.missing}}, on_error: {rule}}}"
    steps = f"[{failing}, {SEND}, {{id: end, decide: {{actions: [hello-email]}}}}]"
    one = customer(steps).when(event("begun", 1))
    assert [path for _, path in moments(one)] == sent
    assert data(one, facts.EXITED, "reason") == reasons
    assert one.when(event("begun", 2)).state.records["j"].entered == (2 if reasons else 1), "the journey lives on"


def test_a_journey_says_what_its_steps_do_when_they_fail_unless_they_say_so() -> None:
    steps = f"[{{set: {{a: event.missing}}, on_error: skip}}, {SEND}, {{set: {{a: event.missing}}}}, {SEND}]"
    one = customer(steps, "on_error: stop_run").when(event("begun", 1))
    assert [path for _, path in moments(one)] == ["2"]


def test_a_loop_whose_condition_fails_is_left_out() -> None:
    steps = f"[{{repeat: {{times: 3, while: event.missing > 1, steps: [{{wait: {{for: 1d}}}}]}}}}, {SEND}]"
    one = customer(steps).when(event("begun", 1))
    assert (moments(one), data(one, facts.STEP_FAILED, "error")) == ([(1, "2")], [("MISSING",)])


# several interventions


def test_of_several_interventions_the_highest_priority_comes_first() -> None:
    two = f"""
  - {{name: low, trigger: {{on: begun}}, steps: [{SEND}]}}
  - {{name: high, priority: 5, trigger: {{on: begun}}, steps: [{SEND}]}}
"""
    one = Customer(HEAD.format(more="", steps=f"[{SEND}]") + two).when(event("begun", 1))
    assert data(one, facts.MOMENT_REACHED, "intervention") == [("high",), ("i",), ("low",)]


def test_an_exit_keeps_lower_interventions_from_starting() -> None:
    two = "\n  - {name: first, priority: 5, trigger: {on: begun}, steps: [{exit: closed}]}\n"
    one = Customer(HEAD.format(more="", steps=f"[{SEND}]") + two).when(event("begun", 1))
    assert moments(one) == []


def test_hours_and_minutes_are_exact() -> None:
    one = customer(f"[{{wait: {{for: 1h30m}}}}, {SEND}]").when(event("begun", 0)).until(1)
    assert [fact.as_of for fact in one.stream if fact.type == facts.MOMENT_REACHED] == [HOUR + 30 * MINUTE]
