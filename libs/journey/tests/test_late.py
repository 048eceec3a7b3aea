"""Late and disordered events: within the allowed lateness the order of arrival leaves no trace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cairn_journey import CustomerState, canonical_state
from cairn_journey.engine.facts import MOMENT_REACHED
from cairn_journey.engine.timeline import facts_in_force
from cairn_kernel.event import Event
from cairn_kernel.stretch import Stretch
from cairn_kernel.time import DAY

from .scenario import CATALOGUE, WIN_BACK, Customer, bought, event, identified, lives, loaded, types

PATIENT = WIN_BACK + "lateness: 10d\n"


def late(item: Event, days: float) -> Event:
    """The event as it comes in some days after it happened."""
    return replace(item, as_of=item.event_time + round(days * DAY))


def moments(customer: Customer) -> list[tuple[str, float]]:
    """The moments that hold, by intervention step and day."""
    held = facts_in_force(customer.stream).values()
    return sorted((fact.id, fact.as_of / DAY) for fact in held if fact.type == MOMENT_REACHED)


def same(one: Customer, other: Customer) -> bool:
    return canonical_state(one.state) == canonical_state(other.state) and moments(one) == moments(other)


def test_without_lateness_an_event_takes_effect_when_it_comes_in() -> None:
    customer = Customer().when(bought(5), late(bought(1), 5))
    assert not customer.state.latest[0]
    assert customer.state.last_seen == 6 * DAY
    assert "journey.revised" not in types(customer.stream)


def test_an_older_word_never_replaces_a_newer_one_however_late_it_is() -> None:
    for programme in (WIN_BACK, PATIENT):
        customer = Customer(programme).when(identified(50, email="new", tier="gold"))
        customer.when(late(identified(1, email="old", tier="red", city="Rome"), 60))
        assert customer.state.traits == {"tier": "gold", "city": "Rome"}
        assert customer.state.sealed["email"].sealed == b"new"
        assert customer.when(identified(70, tier=None)).state.traits == {"city": "Rome"}


def test_an_event_in_order_takes_effect_when_it_happened_and_nothing_is_revised() -> None:
    customer = Customer(PATIENT).when(late(bought(1), 3), late(bought(3), 2))
    assert customer.state.open["win-back"].entered == DAY
    assert customer.state.last_seen == 3 * DAY
    assert types(customer.stream)[-1] == "basket.purchased"


def test_a_late_event_counts_from_when_it_happened() -> None:
    customer = Customer(PATIENT).when(bought(5), late(bought(1), 6))
    assert customer.state.open["win-back"].entered == DAY
    assert same(customer, Customer(PATIENT).when(bought(1), bought(5)).until(7))
    assert customer.new[-1].data["by"] == 6 * DAY


def test_an_event_later_than_allowed_counts_from_the_end_of_the_allowance() -> None:
    customer = Customer(PATIENT).when(bought(25), late(bought(1), 29))
    assert customer.state.open["win-back"].entered == 20 * DAY


def test_a_moment_that_no_longer_holds_is_withdrawn_and_its_wait_is_gone() -> None:
    customer = Customer(PATIENT).when(bought(1)).until(32)
    (moment,) = [fact for fact in customer.stream if fact.type == MOMENT_REACHED]
    customer.when(late(bought(30), 3))
    assert types(customer.new) == ["basket.purchased", "journey.moment_withdrawn", "journey.revised"]
    assert customer.new[1].data["moment_id"] == moment.data["moment_id"]
    assert not customer.state.open["win-back"].runs
    assert moments(customer) == []


def test_a_wait_is_over_when_the_awaited_event_had_happened_before_its_time() -> None:
    customer = Customer(PATIENT).when(bought(1)).until(39)
    assert len(moments(customer)) == 2
    customer.when(late(bought(35), 5))
    assert [day for _, day in moments(customer)] == [31]
    assert customer.new[1].data["step"] != ""


def test_a_moment_that_a_late_event_brings_about_is_stated() -> None:
    goes = PATIENT.replace("trigger: {stage: lapsing}", "trigger: {on: page.viewed, when: event.path == 'x'}")
    customer = Customer(goes).when(event("page.viewed", 3, path="x")).when(late(bought(1), 3))
    assert types(customer.new) == ["basket.purchased", "journey.moment_reached", "journey.revised"]


def test_a_moment_withdrawn_and_holding_again_is_not_stated_twice() -> None:
    for_gold = PATIENT.replace("trigger: {stage: lapsing}", "trigger: {stage: lapsing, when: profile.tier == 'gold'}")
    customer = Customer(for_gold).when(identified(0, tier="gold"), bought(1)).until(32)
    before = moments(customer)
    assert moments(customer.when(late(identified(30, tier="red"), 3))) == []
    assert moments(customer.when(late(identified(30.5, tier="gold"), 3))) == before != []
    assert len([fact for fact in customer.stream if fact.type == MOMENT_REACHED]) == 1


def test_nothing_before_a_merge_is_told_anew() -> None:
    customer = Customer(PATIENT)
    other = Customer(profile_id="p2", domain=customer.domain)
    customer.when(bought(1))
    customer.unites_with(other, 5).when(bought(6), late(identified(3, tier="gold"), 4))
    assert customer.stream[-2].as_of == 5 * DAY


def test_an_event_that_the_caller_cannot_place_is_taken_as_the_last() -> None:
    customer = Customer(PATIENT).when(bought(5))
    _, state = customer.domain.handle(customer.state, late(bought(1), 6))
    assert state.last_seen == 5 * DAY


@dataclass
class Arrivals:
    """A life, and how late each of its events comes in."""

    events: list[Event]
    days_late: list[float]

    def in_order_of_arrival(self) -> list[Event]:
        came = [late(item, days) for item, days in zip(self.events, self.days_late, strict=True)]
        return sorted(came, key=lambda item: (item.as_of, item.id))


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    events = draw(lives())
    days = st.sampled_from([0.0, 0.2, 1.0, 3.0, 5.5, 10.0])
    return Arrivals(events, draw(st.lists(days, min_size=len(events), max_size=len(events))))


@settings(max_examples=150)
@given(arrivals(), st.integers(10, 60))
def test_within_the_allowance_the_order_of_arrival_leaves_no_trace(life: Arrivals, later: int) -> None:
    end = max([item.as_of / DAY for item in life.events], default=0.0) + later
    scattered = Customer(PATIENT).when(*life.in_order_of_arrival()).until(end)
    orderly = Customer(PATIENT, domain=scattered.domain).when(*life.events).until(end)
    assert canonical_state(scattered.state) == canonical_state(orderly.state)
    assert moments(scattered) == moments(orderly)


@pytest.mark.parametrize("life", ["goal after exit", "entry before goal"])
def test_what_ends_a_journey_may_come_late(life: str) -> None:
    ends = event("coupon.redeemed", 4, amount=3.0) if life == "entry before goal" else event("account.closed", 4)
    items = [bought(1), ends, bought(6)]
    customer = Customer(PATIENT).when(items[0], items[2], late(ends, 3))
    assert same(customer, Customer(PATIENT, domain=customer.domain).when(*items).until(7))


def snapshots(customer: Customer, ends: Sequence[int]) -> Iterator[Stretch[CustomerState]]:
    """After so many facts, as they are written: what is later than all that there was can be told from there."""
    state, latest, begin = customer.domain.initial("default", "p1"), 0, 0
    for end in ends:
        latest = max([latest, *(fact.as_of + 1 for fact in customer.stream[begin:end])])
        state, begin = customer.domain.fold(state, customer.stream[begin:end]), end
        yield Stretch(state, latest, customer.stream[end:])


@settings(max_examples=100)
@given(arrivals(), st.none() | st.integers(0, 11))
def test_from_whatever_snapshot_a_late_event_is_told_it_is_told_as_from_the_whole_stream(
    life: Arrivals, united: int | None
) -> None:
    """Also from what the late event before has left as settled."""
    customer = Customer(PATIENT)
    other = Customer(profile_id="p2", domain=customer.domain).when(bought(1))
    ends, kept, gone = [0], list[Stretch[CustomerState]](), 0
    for number, item in enumerate(life.in_order_of_arrival()):
        if number == united:
            customer.unites_with(other, item.as_of / DAY)
            ends.append(len(customer.stream))
        if customer.domain.disordered(customer.state, item):
            state, stream = customer.state, customer.stream
            whole = customer.domain.revise_from(
                state, item, Stretch(customer.domain.initial("default", "p1"), 0, stream)
            )
            assert whole is not None
            for stretch in (*snapshots(customer, ends), *(one._replace(events=stream[gone:]) for one in kept)):
                told = customer.domain.revise_from(state, item, stretch)
                assert told is None or told.facts == whole.facts
                assert told is None or canonical_state(told.state) == canonical_state(whole.state)
            kept, gone = [whole.settled], len(stream) - len(whole.settled.events)
        customer.when(item)
        ends.append(len(customer.stream))


def test_a_late_event_is_told_from_any_snapshot_before_its_place_and_from_none_behind_it() -> None:
    customer = Customer(PATIENT).when(*map(bought, range(1, 30)))
    places = [index + 1 for index, fact in enumerate(customer.stream) if fact.type == "basket.purchased"]
    item = late(bought(24.5), 5)
    told = [customer.domain.revise_from(customer.state, item, one) for one in snapshots(customer, places)]
    assert [revision is not None for revision in told] == [True] * 24 + [False] * 5
    assert [len(revision.settled.events) for revision in told if revision] == [
        len(customer.stream) - places[18]
    ] * 19 + [len(customer.stream) - place for place in places[19:24]]


def settled_by(customer: Customer, item: Event) -> Stretch[CustomerState]:
    """What a late event leaves for the next one, once it is taken in."""
    initial = customer.domain.initial("default", "p1")
    revision = customer.domain.revise_from(customer.state, item, Stretch(initial, 0, customer.stream))
    assert revision is not None
    customer.when(item)
    settled = revision.settled
    return settled._replace(events=[*settled.events, *revision.facts])


def test_an_event_is_not_told_from_a_snapshot_that_an_earlier_late_one_reaches_behind() -> None:
    customer = Customer(PATIENT).when(bought(8), event("account.closed", 8.5), bought(10))
    ends = [2, len(customer.stream)]
    customer.when(bought(12), late(event("coupon.redeemed", 9), 4))
    item = late(bought(11), 3)
    before, behind = snapshots(customer, ends)
    assert behind.told_from <= customer.domain.takes_effect(customer.state, item)
    assert customer.domain.revise_from(customer.state, item, behind) is None
    assert customer.domain.revise_from(customer.state, item, before) is not None


def test_what_is_settled_is_not_told_from_if_more_may_be_late_than_when_it_was() -> None:
    customer = Customer(PATIENT).when(*map(bought, range(1, 30)))
    settled = settled_by(customer, late(bought(28.5), 2))
    item = late(bought(15.5), 15)
    assert customer.domain.revise_from(customer.state, item, settled) is not None
    customer.domain.programmes.activate("default", loaded(PATIENT.replace("10d", "20d") + CATALOGUE))
    assert customer.domain.revise_from(customer.state, item, settled) is None


def test_what_is_settled_soon_after_a_merge_does_for_what_happened_before_it() -> None:
    customer = Customer(PATIENT).when(*map(bought, range(1, 30)))
    customer.unites_with(Customer(profile_id="p2", domain=customer.domain), 29.5).when(bought(31))
    settled = settled_by(customer, late(bought(30), 2))
    assert settled.events[0].type == "identity.merged"
    item = late(bought(25), 8)
    revision = customer.domain.revise_from(customer.state, item, settled)
    assert revision is not None
    assert revision.facts == customer.domain.revise(customer.state, item, customer.stream)[0]
    assert revision.facts[0].as_of == round(29.5 * DAY)
