"""Commands over real servers: who is told, that they hold over a restart, and what is refused with which cure."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.journey.v1 import journey_pb2 as pb
from cairn_eventstore import PostgresEventStore
from cairn_journey import load_text
from cairn_kernel.event import PAUSED
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_runtime.database import open_pool
from cairn_testkit.waiting import eventually

from .running import ANNA, BEN, Service, bought, running

RECALL = load_text("""
kind: Journey
name: recall
entry: [{on: product.recalled}]
goal: {on: product.returned, within: 30d}
---
kind: Journey
name: second-basket
features:
  baskets: {count: basket.purchased}
entry: [{on: basket.purchased}]
goal: {on: basket.purchased, value: event.amount, currency: EUR, within: 30d}
stages:
  - {name: silent, after: {idle: basket.purchased, for: 10d}}
""")


async def walked(service: Service, walk: int) -> Any:
    """Wait until a walk is over."""
    request = pb.GetWalkRequest(walk=walk)
    return await eventually(lambda: service.control.GetWalk(request), lambda found: not found.partitions_left)


async def counts(service: Service, journey: str = "second-basket") -> Any:
    answer = await service.journeys.GetCounts(pb.GetCountsRequest())
    return next(one for one in answer.journeys if one.journey == journey)


def refused_as(error: pytest.ExceptionInfo[grpc.aio.AioRpcError]) -> tuple[str, str]:
    return error.value.code().name, error.value.details() or ""


async def test_a_business_event_reaches_every_customer_whose_journeys_look_out_for_it(service: Service) -> None:
    await service.resolved.append(bought(BEN, 1, 3.0))
    await service.definitions.Apply(ApplyRequest(bundle=RECALL.bundle()))
    data = Struct()
    data.update({"product": "kettle", "batch": 7})
    answer = await service.control.Broadcast(pb.BroadcastRequest(request_id="r1", type="product.recalled", data=data))
    found = await walked(service, answer.walk)
    assert (found.visited, found.changed, found.type) == (2, 2, "journey.broadcast")
    assert (await counts(service, "recall")).in_flight == 2
    timeline = await service.journeys.GetTimeline(pb.GetTimelineRequest(profile_id=BEN))
    told = next(entry for entry in timeline.entries if entry.type == "product.recalled")
    assert dict(told.data.items()) == {"product": "kettle", "batch": 7}


async def test_the_same_request_is_answered_the_same_and_told_once(service: Service) -> None:
    request = pb.BroadcastRequest(request_id="r1", type="basket.purchased")
    first, second = [await service.control.Broadcast(request) for _ in range(2)]
    assert first.walk == second.walk
    request.type = "product.recalled"
    with pytest.raises(grpc.aio.AioRpcError) as reused:
        await service.control.Broadcast(request)
    assert refused_as(reused)[0] == "ABORTED"


@pytest.mark.parametrize(
    ("type", "said"),
    [
        ("", "type is missing"),
        ("Product Recalled", "write the event's name as product.recalled"),
        ("journey.entered", "stated by Cairn itself"),
    ],
)
async def test_an_event_with_a_bad_name_is_refused_with_its_cure(service: Service, type: str, said: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as bad:
        await service.control.Broadcast(pb.BroadcastRequest(type=type))
    assert refused_as(bad)[0] == "INVALID_ARGUMENT"
    assert said in refused_as(bad)[1]


async def test_a_paused_journey_lets_nobody_in_until_it_goes_on(service: Service) -> None:
    paused = await service.control.PauseJourney(pb.PauseJourneyRequest(journey="second-basket"))
    assert (await walked(service, paused.walk)).changed == 1
    await service.resolved.append(bought(BEN, 1, 3.0))
    answer = await eventually(
        lambda: service.journeys.GetCounts(pb.GetCountsRequest()), lambda found: found.customers == 2
    )
    assert [(one.entered, one.control) for one in answer.journeys] == [(1, "paused")]
    anna = await service.journeys.GetContext(pb.GetContextRequest(profile_id=ANNA))
    assert anna.instances[0].HasField("held_time")
    (control,) = (await service.control.ListControls(pb.ListControlsRequest())).controls
    assert (control.journey, control.mode, control.walk) == ("second-basket", "paused", paused.walk)

    resumed = await service.control.ResumeJourney(pb.ResumeJourneyRequest(journey="second-basket"))
    assert (await walked(service, resumed.walk)).changed == 1
    await service.resolved.append(bought(BEN, 2, 3.0))
    await eventually(lambda: counts(service), lambda found: found.entered == 2)
    assert not (await service.control.ListControls(pb.ListControlsRequest())).controls


async def test_stopping_now_ends_what_runs_and_draining_does_not(service: Service) -> None:
    drain = pb.StopJourneyRequest(journey="second-basket", mode=pb.STOP_MODE_DRAIN)
    assert (await walked(service, (await service.control.StopJourney(drain)).walk)).changed == 0
    assert (await counts(service)).in_flight == 1
    now = pb.StopJourneyRequest(journey="second-basket", mode=pb.STOP_MODE_NOW)
    assert (await walked(service, (await service.control.StopJourney(now)).walk)).changed == 1
    found = await counts(service)
    assert (found.in_flight, found.exited, found.control) == (0, 1, "now")


async def test_a_command_is_a_control_event_in_every_partition_of_the_log(service: Service) -> None:
    await service.control.PauseJourney(pb.PauseJourneyRequest(journey="second-basket"))
    async with open_pool(service.dsn, "journey_state") as pool:
        store = PostgresEventStore(pool)
        pages = [await store.read(partition, 0, 100) for partition in range(PARTITIONS)]
    controls = [[item.event.data for item in page if item.event.type == PAUSED] for page in pages]
    assert controls == [[{"journey": "second-basket"}]] * PARTITIONS


async def test_controls_hold_over_a_restart(postgres_dsn: str, nats_url: str, tmp_path: Path) -> None:
    async with running(postgres_dsn, nats_url, tmp_path) as service:
        paused = await service.control.PauseJourney(pb.PauseJourneyRequest(journey="second-basket"))
    async with running(postgres_dsn, nats_url, tmp_path, fresh=False) as service:
        await walked(service, paused.walk)
        await service.resolved.append(bought(BEN, 1, 3.0))
        answer = await eventually(
            lambda: service.journeys.GetCounts(pb.GetCountsRequest()), lambda found: found.customers == 2
        )
        assert [(one.entered, one.control) for one in answer.journeys] == [(1, "paused")]


async def test_what_cannot_be_controlled_is_refused_with_its_cure(service: Service) -> None:
    async def refusal(call: Any) -> tuple[str, str]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        return refused_as(refused)

    control = service.control
    code, said = await refusal(control.PauseJourney(pb.PauseJourneyRequest(journey="win-bak")))
    assert (code, said) == ("NOT_FOUND", "there is no journey win-bak; those in force are: second-basket")
    code, said = await refusal(control.PauseJourney(pb.PauseJourneyRequest()))
    assert (code, said) == ("INVALID_ARGUMENT", "journey is missing")
    code, said = await refusal(control.ResumeJourney(pb.ResumeJourneyRequest(journey="second-basket")))
    assert (code, said) == ("FAILED_PRECONDITION", "second-basket is neither paused nor stopped")
    code, said = await refusal(control.StopJourney(pb.StopJourneyRequest(journey="second-basket")))
    assert (code, said) == ("INVALID_ARGUMENT", "mode is missing: say DRAIN or NOW")
    await control.PauseJourney(pb.PauseJourneyRequest(journey="second-basket"))
    code, said = await refusal(control.PauseJourney(pb.PauseJourneyRequest(journey="second-basket")))
    assert (code, said) == ("FAILED_PRECONDITION", "second-basket is paused already")
    code, _ = await refusal(control.GetWalk(pb.GetWalkRequest(walk=99)))
    assert code == "NOT_FOUND"


async def test_counts_kept_by_difference_are_those_of_a_scan(service: Service) -> None:
    profiles = [stable_id("p", n) for n in range(30)]
    for day in (1, 12, 50):
        await service.resolved.append(*[bought(profile, day, 2.5 + day) for profile in profiles[: 30 - day // 2]])
        await service.resolved.mark(day, bought(ANNA, day, 0).as_of)
        await asyncio.sleep(0)
    stop = pb.StopJourneyRequest(journey="second-basket", mode=pb.STOP_MODE_NOW)
    await eventually(lambda: counts(service), lambda found: found.goal + found.exited > 25)
    await walked(service, (await service.control.StopJourney(stop)).walk)
    async with open_pool(service.dsn, "journey_state") as pool:
        listed = await pool.fetch("SELECT instance_id FROM instances")
        streams = await pool.fetch("SELECT profile_id::text AS id FROM customers WHERE merged_into IS NULL")
    totals: dict[str, int] = {"entered": 0, "goal": 0, "exited": 0, "in_flight": 0}
    for row in streams:
        customer = await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=row["id"]))
        for instance in customer.instances:
            totals["entered"] += 1
            totals["goal"] += instance.HasField("goal_time")
            totals["exited"] += instance.HasField("exited_time")
            totals["in_flight"] += not (instance.HasField("goal_time") or instance.HasField("exited_time"))
    found = await counts(service)
    assert {name: getattr(found, name) for name in totals} == totals
    assert len(listed) == totals["in_flight"]
    assert sum(found.stages.values()) == totals["in_flight"]
