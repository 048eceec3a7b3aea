from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import CustomerState, canonical_state, counts, parse_state, touchpoints_of
from cairn_journey.engine.unite import refold
from cairn_kernel.event import Event, from_canonical_json, to_canonical_json
from cairn_kernel.time import DAY

from .scenario import Customer, bought, event, identified, lives, types


@dataclass
class Pair:
    survivor: Customer
    loser: Customer

    @staticmethod
    def make() -> "Pair":
        survivor = Customer()
        return Pair(survivor, Customer(profile_id="p2", domain=survivor.domain))


def alike(one: CustomerState, other: CustomerState) -> bool:
    """Equal but for how many were taken in."""
    return canonical_state(parse_state(canonical_state(one))) == canonical_state(
        CustomerState(**{name: getattr(other, name) for name in other.__struct_fields__} | {"united": one.united})
    )


def test_the_loser_ends_with_the_merge_and_is_empty() -> None:
    pair = Pair.make()
    pair.loser.when(identified(0, email="e", tier="gold"), bought(1))
    pair.survivor.unites_with(pair.loser, 3)
    assert types(pair.loser.new) == ["identity.merged"]
    assert pair.loser.state.closed_into == "p1"
    assert pair.loser.domain.timers(pair.loser.state) == {}
    assert counts(pair.loser.state) == {}


def test_a_closed_stream_takes_nothing_more_in() -> None:
    pair = Pair.make()
    pair.survivor.unites_with(pair.loser, 3)
    assert pair.loser.when(bought(4)).new == []


def test_timers_due_before_the_merge_fire_on_both_sides() -> None:
    pair = Pair.make()
    pair.survivor.when(bought(1))
    pair.loser.when(bought(2))
    pair.survivor.unites_with(pair.loser, 40)
    assert [fact.type for fact in pair.survivor.new if "moment" in fact.type] == ["journey.moment_reached"] * 2
    assert pair.loser.new[-1].type == "identity.merged"
    assert len(pair.loser.new) > 1


def test_the_survivors_state_is_as_if_both_had_been_one_all_along() -> None:
    pair = Pair.make()
    pair.survivor.when(identified(0, tier="gold"), bought(1), bought(50))
    pair.loser.when(identified(0.5, email="e", age=7), bought(20), bought(45, 2.5))
    pair.survivor.unites_with(pair.loser, 55)
    assert types(pair.survivor.new)[-2:] == ["profile.united", "identity.merged"]
    one = Customer(domain=pair.survivor.domain)
    one.when(identified(0, tier="gold"), identified(0.5, email="e", age=7), bought(1), bought(20), bought(45, 2.5))
    one.when(bought(50)).until(55)
    assert alike(pair.survivor.state, one.state)
    assert pair.survivor.state.traits == {"tier": "gold", "age": 7}


def test_no_moment_of_the_past_is_stated_and_waits_go_on() -> None:
    pair = Pair.make()
    pair.survivor.when(event("page.viewed", 1))
    pair.loser.when(bought(1)).until(31)
    pair.survivor.unites_with(pair.loser, 33)
    assert not [fact for fact in pair.survivor.new if "moment" in fact.type]
    assert pair.survivor.until(38).said() == [("wait_ended", 38), ("moment_reached", 38)]


def test_a_profile_that_has_taken_one_in_can_take_in_another_and_be_taken_in() -> None:
    pair = Pair.make()
    third, last = (Customer(profile_id=name, domain=pair.survivor.domain) for name in ("p3", "p4"))
    pair.survivor.when(bought(1))
    pair.loser.when(bought(2))
    third.when(bought(3))
    last.when(bought(4))
    pair.survivor.unites_with(pair.loser, 5).unites_with(third, 6)
    assert [touch.as_of // DAY for touch in touchpoints_of(pair.survivor.stream)] == [1, 2, 3]
    last.unites_with(pair.survivor, 7)
    assert sorted(touch.as_of // DAY for touch in touchpoints_of(last.stream)) == [1, 2, 3, 4]
    assert counts(last.state)["win-back"].entered == 1
    assert last.state.open["win-back"].entered == DAY


def test_the_stream_of_a_united_profile_folds_after_it_was_stored() -> None:
    pair = Pair.make()
    pair.survivor.when(identified(0, email="a"), bought(1))
    pair.loser.when(identified(0.5, email="b"), bought(2))
    pair.survivor.unites_with(pair.loser, 5).when(bought(40))
    stored = [from_canonical_json(to_canonical_json(fact)) for fact in pair.survivor.stream]
    domain = pair.survivor.domain
    assert canonical_state(domain.fold(domain.initial("default", "p1"), stored)) == canonical_state(pair.survivor.state)
    assert pair.survivor.state.sealed["email"].sealed == b"b"


@settings(max_examples=60)
@given(lives(), lives(), st.integers(0, 20))
def test_merging_any_two_lives_is_as_if_they_had_been_one(mine: list[Event], theirs: list[Event], later: int) -> None:
    pair = Pair.make()
    pair.survivor.when(*mine)
    pair.loser.when(*theirs)
    day = max([item.as_of / DAY for item in (*mine, *theirs)], default=0.0) + later
    pair.survivor.unites_with(pair.loser, day)
    one = Customer(domain=pair.survivor.domain)
    once = {touchpoint.id: touchpoint for touchpoint in (*mine, *theirs)}
    for touchpoint in sorted(once.values(), key=lambda item: (item.as_of, item.event_time, item.id)):
        one.when(touchpoint)
    one.until(day)
    assert alike(pair.survivor.state, one.state)


def test_refolding_takes_each_touchpoint_once() -> None:
    customer = Customer().when(bought(1), bought(2))
    touchpoints = touchpoints_of(customer.stream)
    initial = customer.domain.initial("default", "p1")
    again = refold(customer.domain.programmes, initial, [*touchpoints, *touchpoints], 0)
    assert canonical_state(again) == canonical_state(customer.state)
