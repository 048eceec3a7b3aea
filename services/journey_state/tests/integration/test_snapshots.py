"""A snapshot is a cache: from it and the events after it comes the state of all events, wherever it was taken."""

import pytest

from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_journey import CustomerState, JourneyDomain, Programmes, canonical_state, load_text
from cairn_journey.engine.evolve import MEANING
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import DAY, parse_instant
from cairn_runtime import Snapshots
from cairn_runtime.database import open_pool

T0 = parse_instant("2017-03-01T12:00:00Z")
ANNA = stable_id("anna")
PROGRAMME = load_text("""
kind: Journey
name: second-basket
features:
  baskets: {count: basket.purchased}
  spent: {sum: basket.purchased, of: amount, window: 30d}
  shop: {last: basket.purchased, of: shop.name}
  quiet: {idle: basket.purchased}
entry: [{on: basket.purchased}]
reentry: {after: 10d}
goal: {on: basket.purchased, value: event.amount, currency: EUR, within: 30d}
exit: [{on: account.closed}]
stages:
  - {name: silent, after: {idle: basket.purchased, for: 5d}}
""")


def happened(number: int) -> Event:
    type = ("basket.purchased", "profile.identified", "basket.purchased", "account.closed")[number % 4]
    at = T0 + number * 3 * DAY
    basket = {"amount": 0.1 * number, "shop": {"name": f"shop {number % 3}"}}
    identified = {"city": "Graz", "age": number, "note": None if number % 8 == 1 else "hm"}
    return Event(
        id=stable_id("happened", number),
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        profile_id=ANNA,
        data=identified if type == "profile.identified" else basket,
        sealed={"email": bytes([number])} if type == "profile.identified" else {},
        key_id="k" if type == "profile.identified" else "",
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_snapshot_and_the_events_after_it_fold_to_the_same_state_at_every_cut(postgres_dsn: str) -> None:
    programmes = Programmes()
    programmes.activate("default", PROGRAMME)
    domain = JourneyDomain(programmes)
    snapshots = Snapshots(CustomerState, meaning=MEANING)
    initial = state = domain.initial("default", ANNA)
    facts: list[Event] = []
    for number in range(60):
        caused, state = domain.handle(state, happened(number))
        facts += caused
    async with open_pool(postgres_dsn, "journey_state") as pool:
        store = PostgresEventStore(pool)
        partition = partition_of("default", ANNA)
        await store.commit(UnitOfWork(appends=[NewEvent(partition, ANNA, n, fact) for n, fact in enumerate(facts, 1)]))
        assert len(facts) > 80
        for cut in range(len(facts) + 1):
            taken = snapshots.make(ANNA, cut, "default", domain.fold(initial, facts[:cut]))
            await store.commit(UnitOfWork(snapshots=[taken]))
            loaded = (await store.load_since_snapshot([ANNA], snapshots.format))[ANNA]
            assert (loaded.version, len(loaded.events)) == (len(facts), len(facts) - cut)
            assert loaded.snapshot is not None
            kept = snapshots.read(loaded.snapshot)
            assert kept is not None
            assert canonical_state(domain.fold(kept[1], loaded.events)) == canonical_state(state)
            assert kept == ("default", domain.fold(initial, facts[:cut]))


def test_a_snapshot_of_another_meaning_shape_or_of_garbage_is_not_read() -> None:
    snapshots = Snapshots(CustomerState, meaning=1)
    assert Snapshots(CustomerState, meaning=2).format != snapshots.format
    assert Snapshots(Event, meaning=1).format != snapshots.format
    made = snapshots.make(ANNA, 1, "default", CustomerState(tenant="default", profile_id=ANNA))
    assert snapshots.read(made._replace(state=made.state[:-1])) is None
