import pytest

from cairn_journey import JourneyDomain, Programmes, load_text, purpose
from cairn_kernel.errors import NotFound

from .scenario import CATALOGUE, WIN_BACK, Customer, bought, event, identified, types

SIMPLE = """
kind: Journey
name: onboarding
entry: [{on: account.created}]
goal: {on: basket.purchased, within: 30d}
"""


def doing(trigger: str, *steps: str) -> str:
    return SIMPLE + f"interventions: [{{name: i, trigger: {trigger}, steps: [{', '.join(steps)}]}}]\n"


HELLO = "{decide: {actions: [hello-email]}}"


def with_lines(*lines: str) -> str:
    return SIMPLE + "\n".join(lines) + "\n"


def test_a_touchpoint_comes_first_and_carries_the_programme_in_force() -> None:
    customer = Customer().when(bought(1))
    assert types(customer.new) == ["basket.purchased", "journey.entered", "journey.stage_entered"]
    touchpoint = customer.new[0]
    assert touchpoint.definition_version == customer.domain.programmes.active("default").version  # type: ignore[union-attr]
    assert touchpoint.profile_id == "p1"


def test_a_fact_names_its_cause_and_the_first_event_of_the_chain() -> None:
    cause = bought(1)
    entered = Customer().when(cause).new[1]
    assert (entered.causation_id, entered.correlation_id, entered.as_of) == (cause.id, cause.id, cause.as_of)


def test_an_event_nobody_looks_out_for_is_kept_and_changes_nothing_else() -> None:
    customer = Customer().when(event("page.viewed", 1))
    assert types(customer.new) == ["page.viewed"]
    assert customer.state.records == {}
    assert customer.state.last_seen == customer.new[0].as_of


def test_a_tenant_without_a_programme_gathers_touchpoints_only() -> None:
    customer = Customer()
    customer.state = customer.domain.initial("other", "p1")
    assert types(customer.when(bought(1)).new) == ["basket.purchased"]


def test_an_outcome_of_ours_is_not_hearing_from_the_customer() -> None:
    assert Customer().when(event("delivery.sent", 1, hops=1)).state.last_seen is None


class TestEntry:
    def test_needs_the_audience_to_hold(self) -> None:
        journey = with_lines('audience: has(profile.tier) && profile.tier == "gold"')
        assert Customer(journey).when(event("account.created", 1)).said() == []
        gold = Customer(journey).when(identified(0, tier="gold"), event("account.created", 1))
        assert gold.said("occurrence") == [("entered", 1, 1)]

    def test_needs_the_condition_over_its_event(self) -> None:
        journey = SIMPLE.replace("{on: account.created}", '{on: account.created, when: event.plan != "free"}')
        assert Customer(journey).when(event("account.created", 1, plan="free")).said() == []
        assert Customer(journey).when(event("account.created", 1, plan="plus")).said() == [("entered", 1)]
        assert Customer(journey).when(event("account.created", 1)).said() == [("condition_failed", 1)]

    def test_does_not_happen_twice_at_once(self) -> None:
        customer = Customer(SIMPLE).when(event("account.created", 1))
        assert customer.when(event("account.created", 2)).said() == []

    def test_never_happens_again_unless_the_journey_says_so(self) -> None:
        customer = Customer(SIMPLE).when(event("account.created", 1), bought(2))
        assert customer.when(event("account.created", 300)).said() == []

    def test_happens_again_at_once_if_always(self) -> None:
        customer = Customer(with_lines("reentry: always")).when(event("account.created", 1), bought(2))
        assert customer.when(event("account.created", 2)).said("occurrence") == [("entered", 2, 2)]

    @pytest.mark.parametrize(("day", "enters"), [(61.999, False), (62, True)])
    def test_happens_again_when_time_has_passed_since_the_end(self, day: float, enters: bool) -> None:
        customer = Customer(with_lines("reentry: {after: 60d}")).when(event("account.created", 1), bought(2))
        assert bool(customer.when(event("account.created", day)).said()) is enters

    def test_may_follow_the_goal_on_the_same_event(self) -> None:
        journey = SIMPLE.replace("account.created", "basket.purchased") + "reentry: always\n"
        customer = Customer(journey).when(bought(1))
        assert customer.when(bought(2)).said("occurrence") == [("goal_reached", 2), ("entered", 2, 2)]


class TestGoal:
    def test_ends_the_journey_with_its_value(self) -> None:
        journey = SIMPLE.replace("within", "value: event.amount, currency: USD, within")
        customer = Customer(journey).when(event("account.created", 1), bought(2, 0.1))
        assert customer.said("value", "currency")[-1] == ("goal_reached", 2, "0.1", "USD")
        assert customer.state.open == {}
        assert customer.state.timers == {}

    @pytest.mark.parametrize(
        ("goal", "data", "value", "currency"),
        [
            ("value: event.amount", {"currency": "USD"}, "10", "USD"),
            ("value: event.amount", {}, "10", ""),
            ("value: 4.50 EUR", {}, "4.5", "EUR"),
            ("value: 7", {}, "7", ""),
            ("value: event.amount * 2.0, currency: event.cur", {"cur": "CHF"}, "20", "CHF"),
            ("value: event.amount, currency: event.cur", {"cur": 5}, "10", ""),
            ("value: event.nothing", {"currency": "USD"}, "", ""),
            ("value: event.text, currency: USD", {"text": "12.30"}, "12.3", "USD"),
            ("value: event.text, currency: USD", {"text": "1e99999"}, "", ""),
        ],
    )
    def test_is_worth_what_the_definition_says(self, goal: str, data: dict, value: str, currency: str) -> None:  # type: ignore[type-arg]
        customer = Customer(SIMPLE.replace("within", f"{goal}, within"))
        customer.when(event("account.created", 1), bought(2, **data))
        assert ("goal_reached", 2, value, currency) in customer.said("value", "currency")

    def test_needs_its_condition(self) -> None:
        journey = SIMPLE.replace("within", "when: event.amount > 20, within")
        customer = Customer(journey).when(event("account.created", 1))
        assert customer.when(bought(2)).said() == []
        assert customer.when(bought(3, 21.0)).said() == [("goal_reached", 3)]

    def test_is_not_reached_by_the_event_that_entered(self) -> None:
        customer = Customer(SIMPLE.replace("account.created", "basket.purchased")).when(bought(1))
        assert customer.said() == [("entered", 1)]
        assert customer.when(bought(1)).said() == [("goal_reached", 1)]

    def test_does_not_count_outside_the_journey(self) -> None:
        assert Customer(SIMPLE).when(bought(1)).said() == []

    @pytest.mark.parametrize(("day", "fact"), [(30.999, "goal_reached"), (31, "exited")])
    def test_counts_only_within_its_time(self, day: float, fact: str) -> None:
        customer = Customer(SIMPLE).when(event("account.created", 1))
        assert customer.when(bought(day)).said("reason")[0][0] == fact

    def test_that_is_not_reached_in_time_ends_the_journey(self) -> None:
        customer = Customer(SIMPLE).when(event("account.created", 1))
        assert customer.until(30.9).said() == []
        assert customer.until(40).said("reason") == [("exited", 31, "goal_window_elapsed")]


class TestExit:
    JOURNEY = with_lines("exit: [{on: account.closed, when: event.for_good}]")

    def test_ends_the_journey(self) -> None:
        customer = Customer(self.JOURNEY).when(event("account.created", 1))
        assert customer.when(event("account.closed", 2, for_good=True)).said("reason") == [("exited", 2, "exit_event")]
        assert customer.state.timers == {}

    def test_needs_its_condition(self) -> None:
        customer = Customer(self.JOURNEY).when(event("account.created", 1))
        assert customer.when(event("account.closed", 2, for_good=False)).said() == []

    def test_goes_before_the_goal(self) -> None:
        journey = with_lines("exit: [{on: basket.purchased, when: event.amount > 5.0}]")
        assert Customer(journey).when(event("account.created", 1), bought(2)).said()[-1] == ("exited", 2)


class TestStages:
    def test_an_event_leads_into_a_stage_once(self) -> None:
        customer = Customer().when(bought(1))
        assert customer.said("stage")[-1] == ("stage_entered", 1, "active")
        assert customer.when(bought(2)).said() == []

    def test_the_first_that_is_detected_counts(self) -> None:
        stages = "stages: [{name: big, on: page.viewed, when: event.n > 5}, {name: any, on: page.viewed}]"
        customer = Customer(with_lines(stages)).when(event("account.created", 1))
        customer.when(event("page.viewed", 2, n=6), event("page.viewed", 3, n=7), event("page.viewed", 4, n=1))
        assert customer.said("stage") == [("stage_entered", 2, "big"), ("stage_entered", 4, "any")]

    def test_absence_leads_into_a_stage(self) -> None:
        customer = Customer().when(bought(1), bought(5))
        assert customer.until(34.9).said() == []
        assert customer.until(35).said("stage")[0] == ("stage_entered", 35, "lapsing")

    def test_absence_is_noticed_before_the_event_that_ends_it(self) -> None:
        customer = Customer().when(bought(1))
        said = customer.when(bought(40)).said("stage")
        assert said[0] == ("stage_entered", 31, "lapsing")
        assert said[-1] == ("stage_entered", 40, "active")

    def test_a_stage_can_be_reached_again(self) -> None:
        customer = Customer().when(bought(1), bought(40)).until(70)
        assert customer.state.records["win-back"].stage_entries == {"active": 2, "lapsing": 2}
        assert customer.state.records["win-back"].transitions == {"active>lapsing": 2, "lapsing>active": 1}

    def test_absence_counts_from_entry_if_no_such_event_ever_came(self) -> None:
        stages = "stages: [{name: quiet, after: {idle: page.viewed, for: 5d}}]"
        customer = Customer(with_lines(stages)).when(event("page.viewed", 0), event("account.created", 1))
        assert customer.until(10).said("stage") == [("stage_entered", 6, "quiet")]
        assert customer.until(29).said() == []
        assert customer.when(event("page.viewed", 20)).said() == []
        assert customer.until(29).said("stage") == [("stage_entered", 25, "quiet")]

    def test_absence_needs_its_condition(self) -> None:
        stages = "stages: [{name: quiet, when: profile.tier == 'gold', after: {idle: page.viewed, for: 5d}}]"
        customer = Customer(with_lines(stages)).when(identified(0, tier="red"), event("account.created", 1))
        assert customer.until(10).said("stage") == [("stage_skipped", 6, "quiet")]
        customer.when(identified(11, tier="gold"), event("page.viewed", 12))
        assert customer.until(20).said("stage") == [("stage_entered", 17, "quiet")]

    def test_friction_is_stated_each_time(self) -> None:
        journey = with_lines("friction: [{name: refused, on: coupon.rejected, when: event.code != 'x'}]")
        customer = Customer(journey).when(event("account.created", 1))
        customer.when(event("coupon.rejected", 2, code="a"), event("coupon.rejected", 3, code="x"))
        assert customer.said("friction") == [("friction_met", 2, "refused")]
        assert customer.state.records["onboarding"].frictions == {"refused": 1}


class TestInterventions:
    def test_a_stage_triggers_a_moment_with_all_that_decisioning_needs(self) -> None:
        customer = Customer().when(identified(0, email="sealed", locale="de", tier="gold"), bought(1, 12.5)).until(31)
        moment = next(fact for fact in customer.new if fact.type == "journey.moment_reached")
        assert moment.data["actions"] == {"tag": "greeting"}
        assert moment.data["context"] == {
            "traits": {"locale": "de", "tier": "gold"},
            "features": {"baskets_30d": 0, "spend": 12.5},
            "stage": "lapsing",
            "event": {},
            "event_type": "",
        }
        assert moment.data["contacts"] == {"email": {"sealed": "c2VhbGVk", "key_id": "k1", "field": "email"}}
        assert moment.data["locale"] == "de"
        assert moment.data["expires_at"] - moment.as_of == 2 * 86_400_000_000
        assert (moment.data["intervention"], moment.data["step"]) == ("offer", "1")

    def test_a_wait_ends_by_its_event(self) -> None:
        customer = Customer().when(bought(1)).until(31)
        assert customer.when(bought(35)).said("timed_out") == [("stage_entered", 35), ("wait_ended", 35, False)]

    def test_a_wait_ends_by_time_and_the_branch_knows(self) -> None:
        customer = Customer().when(bought(1)).until(31)
        said = customer.until(38).said("timed_out")
        assert said == [("wait_ended", 38, True), ("moment_reached", 38)]
        assert customer.new[-1].data["actions"] == {"names": ["reminder-email"]}

    def test_a_wait_without_event_ends_by_time_alone(self) -> None:
        journey = doing("{on: account.created}", "{wait: {for: 2d}}", HELLO)
        customer = Customer(journey).when(event("account.created", 1))
        assert customer.until(2.9).said() == []
        assert customer.until(3).said() == [("wait_ended", 3), ("moment_reached", 3)]

    def test_a_wait_needs_the_condition_over_its_event(self) -> None:
        journey = doing("{on: account.created}", "{wait: {until: {on: a.b, when: event.n > 1}, for: 2d}}")
        customer = Customer(journey).when(event("account.created", 1))
        assert customer.when(event("a.b", 2, n=1)).said() == []
        assert customer.when(event("a.b", 2, n=2)).said() == [("wait_ended", 2)]

    def test_one_run_at_a_time(self) -> None:
        journey = doing("{on: a.b}", HELLO, "{wait: {for: 5d}}")
        customer = Customer(journey).when(event("account.created", 1), event("a.b", 2))
        assert customer.when(event("a.b", 3)).said() == []
        assert customer.when(event("a.b", 8)).said() == [("wait_ended", 7), ("moment_reached", 8), ("wait_started", 8)]

    def test_the_trigger_needs_its_condition(self) -> None:
        journey = doing("{on: a.b, when: event.n > 1}", HELLO)
        customer = Customer(journey).when(event("account.created", 1))
        assert customer.when(event("a.b", 2, n=1)).said() == []
        assert customer.when(event("a.b", 3, n=2)).said() == [("moment_reached", 3)]

    def test_each_run_and_step_has_a_moment_of_its_own(self) -> None:
        steps = """
interventions:
  - name: i
    trigger: {on: a.b}
    steps: [{decide: {actions: [hello-email]}}, {decide: {actions: {tag: greeting}}}]
"""
        customer = Customer(with_lines(steps)).when(event("account.created", 1), event("a.b", 2), event("a.b", 3))
        moments = [fact.data["moment_id"] for fact in customer.new if "moment_id" in fact.data]
        assert len(set(moments)) == len(moments) == 4

    def test_the_first_arm_that_holds_is_taken_and_then_the_steps_after_the_branch(self) -> None:
        steps = """
interventions:
  - name: i
    trigger: {on: a.b}
    steps:
      - branch:
          - {when: event.n > 5, steps: [{decide: {actions: [hello-email]}}]}
          - {when: event.n > 3, steps: [{decide: {actions: [reminder-email]}}]}
      - decide: {actions: {tag: greeting}}
"""
        customer = Customer(with_lines(steps)).when(event("account.created", 1))

        def steps_of(n: int) -> list[str]:
            customer.when(event("a.b", 2, n=n))
            return [fact.data["step"] for fact in customer.new if "step" in fact.data]

        assert steps_of(6) == ["1.1.1", "2"]
        assert steps_of(4) == ["1.2.1", "2"]
        assert steps_of(1) == ["2"]

    def test_what_waits_in_an_arm_goes_on_after_the_branch(self) -> None:
        steps = """
interventions:
  - name: i
    trigger: {on: a.b}
    steps:
      - branch: [{when: true, steps: [{wait: {for: 1d}}]}]
      - decide: {actions: {tag: greeting}}
"""
        customer = Customer(with_lines(steps)).when(event("account.created", 1), event("a.b", 2))
        assert customer.until(3).said("step") == [("wait_ended", 3, "1.1.1"), ("moment_reached", 3, "2")]

    def test_the_end_of_the_journey_ends_its_waits(self) -> None:
        customer = Customer().when(bought(1)).until(31)
        customer.when(event("account.closed", 32))
        assert customer.until(60).new == []

    def test_a_chain_of_our_own_outcomes_causes_no_more_moments(self) -> None:
        journey = doing("{on: a.b}", HELLO)
        customer = Customer(journey).when(event("account.created", 1))
        assert customer.when(event("a.b", 2, hops=8)).said() == [("moment_reached", 2)]
        assert customer.when(event("a.b", 3, hops=9)).said("reason") == [("moment_suppressed", 3, "HOPS")]

    def test_a_wait_inherits_the_chain(self) -> None:
        journey = doing("{on: a.b}", "{wait: {for: 1d}}", HELLO)
        customer = Customer(journey).when(event("account.created", 1), event("a.b", 2, hops=9))
        assert customer.until(5).said("reason")[-1] == ("moment_suppressed", 3, "HOPS")

    def test_history_builds_state_and_causes_nothing(self) -> None:
        customer = Customer()
        customer.when(event("basket.purchased", 1, historical=True)).until(31)
        assert customer.said("reason")[1] == ("moment_suppressed", 31, "HISTORICAL")
        assert customer.state.open["win-back"].stage == "lapsing"


class TestFeatures:
    JOURNEY = """
kind: Journey
name: j
features:
  n: {count: a.b}
  big: {count: a.b, where: event.x > 5}
  week: {count: a.b, window: 30d}
  total: {sum: a.b, of: x}
  recent: {sum: a.b, of: x, window: 30d}
  latest: {last: a.b, of: y.z}
  days: {idle: a.b}
entry: [{on: start}]
goal: {on: never, within: 300d}
interventions: [{name: i, trigger: {on: look}, steps: [{decide: {actions: [hello-email]}}]}]
"""

    def seen(self, *events: object, day: float) -> dict:  # type: ignore[type-arg]
        customer = Customer(self.JOURNEY).when(event("start", 0), *events, event("look", day))  # type: ignore[arg-type]
        return customer.new[-1].data["context"]["features"]  # type: ignore[no-any-return]

    def test_say_nothing_happened(self) -> None:
        expected = {"n": 0, "big": 0, "week": 0, "total": 0.0, "recent": 0.0, "latest": None, "days": None}
        assert self.seen(day=1) == expected

    def test_count_sum_last_and_idle(self) -> None:
        first, second = event("a.b", 1, x=0.1, y={"z": "u"}), event("a.b", 2, x=7, y={"z": "v"})
        expected = {"n": 2, "big": 1, "week": 2, "total": 7.1, "recent": 7.1, "latest": "v", "days": 3}
        assert self.seen(first, second, day=5.5) == expected

    def test_sums_are_exact(self) -> None:
        assert self.seen(*(event("a.b", 1 + n / 100, x=0.1) for n in range(10)), day=2)["total"] == 1.0

    @pytest.mark.parametrize("x", ["many", None, True, "1e400", float("9" * 40)])
    def test_what_is_no_number_adds_nothing(self, x: object) -> None:
        assert self.seen(event("a.b", 1, x=x), event("a.b", 1.1, x="2.5"), day=2)["total"] == 2.5

    def test_a_window_covers_the_current_bucket_and_the_29_before(self) -> None:
        assert self.seen(event("a.b", 1.9, x=1), day=30.99)["week"] == 1
        assert self.seen(event("a.b", 1.9, x=1), day=31)["week"] == 0
        seen = self.seen(event("a.b", 1, x=1), event("a.b", 31, x=2), event("a.b", 31.5, x=4), day=32)
        assert (seen["week"], seen["recent"], seen["n"]) == (2, 6.0, 3)

    def test_a_window_keeps_at_most_30_buckets(self) -> None:
        customer = Customer(self.JOURNEY).when(*(event("a.b", day, x=1) for day in range(100)))
        sizes = [len(kept.buckets) for kept in customer.state.features.values() if hasattr(kept, "buckets")]
        assert sizes == [30, 30]


def test_traits_are_kept_sealed_ones_unopened_and_null_forgets() -> None:
    customer = Customer().when(identified(0, email="secret", tier="gold", age=5), identified(1, tier="lead", age=None))
    assert customer.state.traits == {"tier": "lead"}
    assert customer.state.sealed["email"].sealed == b"secret"


def test_a_new_version_applies_to_those_who_enter_later() -> None:

    customer = Customer(SIMPLE).when(event("account.created", 1))
    old = customer.state.open["onboarding"].version
    new = customer.domain.programmes.activate("default", load_text(SIMPLE.replace("30d", "5d") + CATALOGUE))
    assert customer.until(20).said() == []
    assert customer.until(31).said() == [("exited", 31)]
    other = Customer(domain=customer.domain).when(event("account.created", 1))
    assert other.state.open["onboarding"].version == new.version != old
    assert other.until(31).said() == [("exited", 6)]


def test_an_old_versions_goal_is_reached_and_the_new_versions_entry_follows() -> None:

    customer = Customer(SIMPLE).when(event("account.created", 1))
    journey = SIMPLE.replace("account.created", "basket.purchased") + "reentry: always\n"
    customer.domain.programmes.activate("default", load_text(journey + CATALOGUE))
    assert customer.when(bought(2)).said("occurrence") == [("goal_reached", 2), ("entered", 2, 2)]


def test_features_of_an_old_version_are_kept_while_someone_is_in_it() -> None:

    customer = Customer(WIN_BACK).when(bought(1))
    customer.domain.programmes.activate("default", load_text(SIMPLE + CATALOGUE))
    customer.when(bought(2))
    kept = {key: str(getattr(kept, "total", "")) for key, kept in customer.state.features.items()}
    assert kept["sum|basket.purchased||amount|"] == "20.0"


def test_only_the_latest_ended_instances_are_kept_and_all_are_counted() -> None:
    journey = SIMPLE.replace("account.created", "basket.purchased") + "reentry: always\n"
    customer = Customer(journey).when(*(bought(day) for day in range(15)))
    record = customer.state.records["onboarding"]
    assert (record.entered, record.goals, len(record.past)) == (15, 14, 10)


def test_timers_tell_what_they_are_for() -> None:
    customer = Customer().when(bought(1)).until(31)
    said = {
        purpose(timer): due.due // 86_400_000_000 for timer, due in ((t, t) for t in customer.state.timers.values())
    }
    assert said == {"the time for the goal of win-back ends": 201, "the wait of offer in win-back ends": 38}
    assert sorted(customer.domain.timers(customer.state).values()) == sorted(
        t.due for t in customer.state.timers.values()
    )


def test_an_old_version_may_look_out_for_more_and_for_less() -> None:
    customer = Customer(SIMPLE).when(event("account.created", 1))
    wider = SIMPLE.replace("name: onboarding", "name: other").replace("account.created", "page.viewed")
    customer.domain.programmes.activate("default", load_text(wider + CATALOGUE))
    customer.when(event("page.viewed", 2))
    assert customer.said("journey") == [("entered", 2, "other")]
    assert customer.when(bought(3)).said("journey") == [("goal_reached", 3, "onboarding"), ("goal_reached", 3, "other")]


def test_a_stage_with_a_condition_needs_it() -> None:
    customer = Customer(with_lines("stages: [{name: big, on: page.viewed, when: event.n > 5}]"))
    assert customer.when(event("account.created", 1), event("page.viewed", 2, n=1)).said() == [("entered", 1)]


def test_conditions_over_features_are_shared_and_told_apart() -> None:
    lines = """
features: {views: {count: page.viewed}, seen: {count: page.viewed, where: event.n > 5}}
stages:
  - {name: avid, on: page.viewed, when: views > 2}
  - {name: keen, on: page.viewed, when: seen > 0}
"""
    customer = Customer(with_lines(lines)).when(event("account.created", 1))
    customer.when(*(event("page.viewed", 2 + n / 10, n=n) for n in (1, 6, 7)))
    assert customer.said("stage") == [("stage_entered", 2.6, "keen"), ("stage_entered", 2.7, "avid")]


def test_a_branch_before_any_wait_sees_features() -> None:
    journey = doing("{on: a.b}", "{branch: [{when: n > 1, steps: [{decide: {actions: [hello-email]}}]}]}")
    customer = Customer(journey + "features: {n: {count: a.b}}\n").when(event("account.created", 1))
    assert customer.when(event("a.b", 2)).said() == []
    assert customer.when(event("a.b", 3)).said() == [("moment_reached", 3)]


def test_a_version_that_was_never_added_is_not_found() -> None:
    customer = Customer().when(bought(1))
    with pytest.raises(NotFound):
        Customer().domain.programmes.version("default", "gone")
    with pytest.raises(NotFound):
        JourneyDomain(Programmes()).fold(customer.domain.initial("default", "p1"), customer.stream)


def test_every_event_of_a_customer_is_handled_and_no_marker() -> None:
    handles = Customer().domain.handles
    assert handles("any.thing")
    assert handles("consent.changed")
    assert not handles("cairn.marker")
    assert not handles("identity.merged")


def test_consent_passes_on_as_a_touchpoint() -> None:
    customer = Customer().when(event("consent.changed", 1, channel="email", granted=False))
    assert types(customer.new) == ["consent.changed"]


def test_a_customers_event_with_the_name_of_a_fact_is_only_a_touchpoint() -> None:
    customer = Customer().when(event("journey.entered", 1, journey="win-back", instance_id="x", occurrence=1))
    assert types(customer.new) == ["journey.entered"]
    assert customer.state.records == {}
