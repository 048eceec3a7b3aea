from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import canonical_state, counts, parse_state
from cairn_kernel.event import Event, from_msgpack, to_canonical_json, to_msgpack
from cairn_kernel.time import DAY

from .scenario import WIN_BACK, Customer, bought, event, identified, lives


@settings(max_examples=80)
@given(lives())
def test_folding_the_stream_gives_the_state(life: list[Event]) -> None:
    customer = Customer().when(*life)  # checks the same after each event
    initial = customer.domain.initial("default", "p1")
    stored = [from_msgpack(to_msgpack(fact)) for fact in customer.stream]
    assert canonical_state(customer.domain.fold(initial, stored)) == canonical_state(customer.state)
    assert parse_state(canonical_state(customer.state)) == customer.state


@settings(max_examples=60)
@given(lives(), st.lists(st.integers(0, 11), max_size=6))
def test_it_does_not_matter_when_time_is_told(life: list[Event], pauses: list[int]) -> None:
    """A timer fires alike, whether an event overtakes it or a tick comes first: borders of batches mean nothing."""
    plain = Customer().when(*life)
    told = Customer()
    for number, one in enumerate(life):
        if number in pauses:
            told._take(told.domain.tick(told.state, one.as_of))
        told.when(one)
    assert [to_canonical_json(fact) for fact in plain.stream] == [to_canonical_json(fact) for fact in told.stream]


@settings(max_examples=60)
@given(lives(), st.integers(1, 12))
def test_it_does_not_matter_where_the_state_was_read_back(life: list[Event], border: int) -> None:
    whole = Customer().when(*life)
    first = Customer().when(*life[:border])
    second = Customer(domain=first.domain)
    second.state = parse_state(canonical_state(first.state))
    second.when(*life[border:])
    assert canonical_state(second.state) == canonical_state(whole.state)
    assert [fact.id for fact in first.stream + second.stream] == [fact.id for fact in whole.stream]


@settings(max_examples=60)
@given(lives())
def test_counts_add_up_and_ids_are_unique(life: list[Event]) -> None:
    customer = Customer().when(*life).until(2000)
    ids = [fact.id for fact in customer.stream]
    assert len(ids) == len(set(ids))
    moments = [fact.data["moment_id"] for fact in customer.stream if "moment_id" in fact.data]
    assert len(moments) == len(set(moments))
    for count in counts(customer.state).values():
        assert count.entered == count.in_flight + count.goal + count.exited
    assert customer.state.timers == {}


@settings(max_examples=40)
@given(lives())
def test_instants_never_fall_within_a_stream(life: list[Event]) -> None:
    instants = [fact.as_of for fact in Customer().when(*life).stream]
    assert instants == sorted(instants)


def test_a_flipped_field_changes_the_canonical_state() -> None:
    customer = Customer().when(identified(0, tier="gold"), bought(1))
    before = canonical_state(customer.state)
    changed = parse_state(before)
    changed.traits["tier"] = "lead"
    assert canonical_state(changed) != before


def test_journeys_do_not_disturb_each_other() -> None:
    second = WIN_BACK.replace("name: win-back", "name: second").replace("for: 30d", "for: 10d")
    both = Customer(WIN_BACK + "---" + second).when(bought(1), bought(60), event("account.closed", 61))
    alone = Customer(WIN_BACK).when(bought(1), bought(60), event("account.closed", 61))
    mine = [fact for fact in both.stream if fact.data.get("journey", "win-back") == "win-back"]
    assert [(fact.type, fact.as_of // DAY) for fact in mine] == [
        (fact.type, fact.as_of // DAY) for fact in alone.stream
    ]
