"""The whole service over real PostgreSQL, NATS and gRPC, behind a `resolved` log that the test fills."""

import asyncio
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import grpc
import pytest
from eventsourcing.application import Application
from eventsourcing.utils import register_topic
from msgspec import convert

from cairn.journey.v1 import journey_pb2 as pb
from cairn_eventstore import PostgresEventStore
from cairn_journey import CustomerState, JourneyDomain, Programmes, canonical_state
from cairn_kernel.event import MERGED, Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY
from cairn_runtime.database import open_pool
from cairn_testkit.waiting import eventually

from .running import ANNA, BEN, PROGRAMME, T0, Service, bought, on


async def test_a_customer_is_seen_now_and_as_of_any_instant(service: Service) -> None:
    await service.resolved.append(bought(ANNA, 12, 7.25))
    await service.seen(5)
    now = await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=ANNA))
    assert (now.instances[0].goal_value, now.features["second-basket.baskets"]) == ("7.25", 2)
    then = await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=ANNA, as_of_time=on(11)))
    assert (then.instances[0].stage, then.features["second-basket.baskets"]) == ("silent", 1)
    with pytest.raises(grpc.aio.AioRpcError) as before:
        await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=ANNA, as_of_time=on(-1)))
    assert before.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_stage_by_absence_is_reached_when_the_marker_comes(service: Service) -> None:
    await service.resolved.mark(1, T0 + 11 * DAY)
    await service.seen(3)
    told = await service.journeys.ExplainInstance(pb.ExplainInstanceRequest(profile_id=ANNA, journey="second-basket"))
    assert told.summary == ("In second-basket since 2017-03-01T12:00:00Z, in stage silent since 2017-03-11T12:00:00Z.")
    assert [fact.type for fact in told.facts] == ["journey.entered", "journey.stage_entered"]


async def test_counts_cover_all_customers_and_leave_merged_ones_out(service: Service) -> None:
    await service.resolved.append(bought(BEN, 1, 3.0))
    merge = {"from": BEN, "to": ANNA}
    at = T0 + 2 * DAY
    copies = [
        Event(
            id=stable_id("merge", who),
            tenant="default",
            type=MERGED,
            event_time=at,
            as_of=at,
            profile_id=who,
            data=merge,
        )
        for who in (BEN, ANNA)
    ]
    await service.resolved.append(*copies)
    await service.seen(4)
    counts = await service.journeys.GetCounts(pb.GetCountsRequest())
    (journey,) = counts.journeys
    assert (counts.customers, journey.entered, journey.goal, journey.goal_value) == (1, 1, 1, "3")
    survivor = await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=BEN))
    assert survivor.profile_id == ANNA


async def test_the_hash_covers_every_field_of_every_state(service: Service) -> None:
    before = await service.journeys.GetStateHash(pb.GetStateHashRequest())
    await service.resolved.append(bought(BEN, 1, 3.0))
    after = await eventually(
        lambda: service.journeys.GetStateHash(pb.GetStateHashRequest()), lambda answer: answer.customers == 2
    )
    assert before.state_hash != after.state_hash


async def test_markers_pass_once_per_partition(service: Service) -> None:
    await service.resolved.mark(1, T0 + DAY)
    await service.resolved.mark(2, T0 + 2 * DAY)
    async with open_pool(service.dsn, "journey_state") as pool:
        store = PostgresEventStore(pool)
        written = 2 + PARTITIONS + 2 * PARTITIONS  # Anna's first facts, the programme, the markers
        await eventually(store.heads, lambda heads: sum(head.position for head in heads.values()) == written)
        for partition in range(PARTITIONS):
            found = [
                item.event.data["step"] for item in await store.read(partition, 0, 99) if "step" in item.event.data
            ]
            assert found == [1, 2]


class Stored(Application[UUID]):
    """The library's application; its tables are called `stored_…`."""

    name = "stored"


class StoredFact:
    """What the stock library makes of our stored JSON: an object with the envelope's fields."""

    originator_id: UUID


async def test_the_stock_eventsourcing_application_folds_a_journey_to_the_same_state(service: Service) -> None:
    await service.resolved.append(bought(ANNA, 12, 7.25))
    await service.seen(5)
    programmes = Programmes()
    programmes.activate("default", PROGRAMME)
    domain = JourneyDomain(programmes)
    async with open_pool(service.dsn, "journey_state") as pool:
        events = (await PostgresEventStore(pool).load([ANNA]))[ANNA]
    ours = domain.fold(domain.initial("default", ANNA), events)
    for topic in {event.type for event in events}:
        register_topic(topic, StoredFact)
    theirs = await asyncio.to_thread(_by_stock_application, service.dsn, domain)
    assert canonical_state(theirs) == canonical_state(ours)


def _by_stock_application(dsn: str, domain: JourneyDomain) -> CustomerState:
    def fold(state: CustomerState | None, facts: Any) -> CustomerState:
        state = state or domain.initial("default", ANNA)
        for fact in facts:
            envelope = {k: v for k, v in vars(fact).items() if not k.startswith("originator_")}
            state = domain.evolve(state, convert(envelope, Event))
        return state

    url = urlsplit(dsn)
    application = Stored(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "CREATE_TABLE": "n",
            "POSTGRES_SCHEMA": "journey_state",
            "POSTGRES_DBNAME": url.path.lstrip("/"),
            "POSTGRES_HOST": url.hostname or "",
            "POSTGRES_PORT": str(url.port),
            "POSTGRES_USER": url.username or "",
            "POSTGRES_PASSWORD": url.password or "",
        }
    )
    with application:
        repository: Any = application.repository
        found: CustomerState = repository.get(UUID(ANNA), projector_func=fold)
    return found
