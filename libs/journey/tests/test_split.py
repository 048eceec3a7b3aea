from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cairn_journey import canonical_state, counts, touchpoints_of
from cairn_journey.engine.touchpoints import moving
from cairn_kernel.event import CONSENT_CHANGED, Event, Identifier, from_canonical_json, to_canonical_json
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.time import DAY

from .scenario import Customer, bought, event, identified, lives, of, split, types


def pair() -> tuple[Customer, Customer]:
    ada = Customer(profile_id="ada")
    return ada, Customer(profile_id="bob", domain=ada.domain)


def alone(like: Customer, *events: Event, upto: float) -> bytes:
    one = Customer(profile_id=like.profile_id, domain=like.domain)
    return canonical_state(one.when(*events).until(upto).state)


def test_what_a_split_takes_away_is_gone_and_the_other_has_it() -> None:
    ada, bob = pair()
    ada.when(identified(0, tier="gold"), of("b", identified(1, tier="red")), of("b", bought(2, 30.0)), bought(3))
    ada.gives(bob, 5, "b")
    assert canonical_state(ada.state) == alone(ada, identified(0, tier="gold"), bought(3), upto=5)
    assert canonical_state(bob.state) == alone(
        bob, of("b", identified(1, tier="red")), of("b", bought(2, 30.0)), upto=5
    )
    assert types(ada.new) == types(bob.new) == ["profile.parted", "identity.split"]


def test_the_split_that_is_passed_on_names_each_event_that_moves() -> None:
    ada, bob = pair()
    ada.when(bought(1), of("b", bought(2)))
    ada.gives(bob, 5, "b")
    assert ada.new[-1].data["events"] == bob.new[-1].data["events"] == [of("b", bought(2)).id]


def test_one_cause_may_split_the_same_two_by_several_intervals() -> None:
    ada, bob = pair()
    ada.when(bought(1), bought(2), bought(3), bought(4), bought(5))
    waiting = []
    for since, until in ((1, 2), (4, 5)):
        copies = [split(6, giver="ada", receiver="bob", at=at, moved=["t"]) for at in ("ada", "bob")]
        mine, theirs = (
            replace(copy, data={**copy.data, "since": since * DAY, "until": until * DAY}) for copy in copies
        )
        ada._take(ada.domain.give(ada.state, mine, ada.stream))
        waiting.append(theirs)
    for copy in waiting:
        bob._take(bob.domain.receive(bob.state, copy, bob.stream, ada.stream))
    assert [touch.as_of // DAY for touch in touchpoints_of(ada.stream)] == [2, 3, 5]
    assert [touch.as_of // DAY for touch in touchpoints_of(bob.stream)] == [1, 4]


def test_waits_are_armed_again_and_nothing_is_said_twice() -> None:
    ada, bob = pair()
    ada.when(bought(1), of("b", bought(20))).until(28)
    ada.gives(bob, 29, "b")
    assert not [fact for fact in (*ada.new, *bob.new) if "moment" in fact.type]
    assert ada.until(31).said() == [("stage_entered", 31), ("moment_reached", 31), ("wait_started", 31)]
    assert bob.until(50).said()[1] == ("moment_reached", 50)


def test_timers_due_before_the_split_fire_as_one() -> None:
    ada, bob = pair()
    ada.when(bought(1), of("b", bought(2)))
    ada.gives(bob, 40, "b")
    assert [fact.as_of / DAY for fact in ada.new if "moment" in fact.type] == [32, 39]


def test_a_merge_taken_back_restores_both() -> None:
    ada, bob = pair()
    mine, theirs = [bought(1), bought(4)], [of("b", bought(2)), of("b", identified(3, tier="red"))]
    ada.when(*mine)
    bob.when(*theirs)
    ada.unites_with(bob, 5).when(joint := bought(6), late := of("b", bought(7)))
    ada.gives(bob, 8, "b")
    assert canonical_state(ada.state) == alone(ada, *mine, joint, upto=8)
    assert canonical_state(bob.state) == alone(bob, *theirs, late, upto=8)
    assert counts(bob.state)["win-back"].entered == 1
    bob.when(of("b", bought(9)))
    assert bob.state.last_seen == 9 * DAY


def test_part_of_what_one_brought_in_may_stay() -> None:
    ada, bob = pair()
    bob.when(of("b", bought(1)), of("c", bought(2)))
    ada.unites_with(bob, 3).gives(bob, 4, "b")
    assert [touch.id for touch in touchpoints_of(bob.stream)] == [of("b", bought(1)).id]
    assert [touch.id for touch in touchpoints_of(ada.stream)] == [of("c", bought(2)).id]


def test_the_same_two_may_be_joined_and_parted_again() -> None:
    ada, bob = pair()
    ada.when(bought(1))
    bob.when(of("b", bought(2)))
    ada.unites_with(bob, 3).gives(bob, 4, "b").unites_with(bob, 5)
    assert bob.state.closed_into == "ada"
    assert ada.state.united == 1
    ada.gives(bob, 6, "b")
    assert canonical_state(bob.state) == alone(bob, of("b", bought(2)), upto=6)
    assert canonical_state(ada.state) == alone(ada, bought(1), upto=6)


def test_what_has_no_identifier_goes_with_its_cause_and_outcomes_with_their_profile() -> None:
    ada, bob = pair()
    cause = of("b", event("consent.withdrawn", 1))
    consent = replace(cause, id="consent", type=CONSENT_CHANGED, identifiers=(), causation_id=cause.id)
    outcomes = [
        replace(event("delivery.sent", 2, hops=1), id=name, identifiers=(Identifier(CAIRN_PROFILE, name),))
        for name in ("ada", "bob")
    ]
    ada.when(cause, consent, *outcomes)
    ada.gives(bob, 5, "b")
    assert [touch.id for touch in touchpoints_of(bob.stream)] == [cause.id, "consent", "bob"]


def test_a_shared_name_decides_only_where_nobody_else_is_named_and_an_interval_moves_alone() -> None:
    def seen(at: int, *names: str) -> Event:
        identifiers = tuple(Identifier(*name.split(":")) for name in names)
        return Event(id=f"e{at}", tenant="t", type="x", event_time=at, as_of=at, identifiers=identifiers)

    lived = [seen(1, "email:desk", "card:c"), seen(2, "email:desk"), seen(3, "card:c")]
    data = {"from": "a", "to": "b", "moved": ["email:desk"], "kept": ["card:c"]}
    assert moving(data, lived) == {"e1", "e2"}
    assert moving({**data, "alone": ["email:desk"]}, lived) == {"e2"}
    assert moving({**data, "moved": ["card:c"], "kept": [], "since": 2, "until": 4}, lived) == {"e3"}


def test_an_event_of_both_goes_where_its_strongest_named_identifier_goes() -> None:
    ada, _ = pair()
    both = replace(bought(1), identifiers=(Identifier("user_id", "a"), Identifier("user_id", "b")))
    ada.when(both)
    copy = split(2, giver="ada", receiver="bob", at="ada", moved=["b"])
    kept, _ = ada.domain.give(ada.state, replace(copy, data={**copy.data, "kept": ["user_id:a"]}), ada.stream)
    unknown, _ = ada.domain.give(ada.state, copy, ada.stream)
    named, _ = ada.domain.give(
        ada.state, replace(copy, data={**copy.data, "moved": [], "events": [both.id]}), ada.stream
    )
    assert [facts[-1].data["events"] for facts in (kept, unknown, named)] == [[], [both.id], [both.id]]


@settings(max_examples=40)
@given(lives(), lives(), st.integers(0, 200), st.integers(1, 20))
def test_parting_any_two_lives_is_as_if_they_had_never_been_one(
    mine: list[Event], others: list[Event], joined: int, later: int
) -> None:
    theirs = [of("b", item) for item in others]
    ada, bob = pair()
    before = [item for item in (*mine, *theirs) if item.as_of <= joined * DAY]
    ada.when(*(item for item in mine if item in before))
    bob.when(*(item for item in theirs if item in before))
    ada.unites_with(bob, joined)
    ada.when(*sorted((item for item in (*mine, *theirs) if item not in before), key=lambda item: item.as_of))
    day = max([joined, *(item.as_of / DAY for item in (*mine, *theirs))]) + later
    ada.gives(bob, day, "b")
    assert canonical_state(ada.state) == alone(ada, *mine, upto=day)
    assert canonical_state(bob.state) == alone(bob, *theirs, upto=day)
    for one in (ada, bob):
        stored = [from_canonical_json(to_canonical_json(fact)) for fact in one.stream]
        initial = one.domain.initial("default", one.profile_id)
        assert canonical_state(one.domain.fold(initial, stored)) == canonical_state(one.state)
