"""Programmes that change while people are in flight, over real servers."""

import grpc
import pytest
from grpc_status import rpc_status

from cairn.definition.v1.definition_pb2 import ApplyRequest, CheckRequest, GetActiveRequest, GetPreviousRequest
from cairn.journey.v1 import journey_pb2 as pb
from cairn_journey import Programme, load_text
from cairn_kernel.ids import stable_id
from cairn_testkit.waiting import eventually

from .running import ANNA, PROGRAMME, Service, bought
from .test_commands import walked

SECOND_BASKET = """
kind: Journey
name: second-basket
features:
  baskets: {count: basket.purchased}
entry: [{on: basket.purchased}]
goal: {on: basket.purchased, value: event.amount, currency: EUR, within: 30d}
stages:
  - {name: quiet, after: {idle: basket.purchased, for: 12d}}
"""
STAYING = load_text(SECOND_BASKET)
MIGRATING = load_text(SECOND_BASKET + "in_flight: {migrate: {stages: {silent: quiet}}}\n")
UNMAPPED = load_text(SECOND_BASKET + "in_flight: {migrate: {}}\n")
OTHER = load_text(SECOND_BASKET.replace("second-basket", "third-basket"))
MANY = [stable_id("many", n) for n in range(40)]


async def planned(service: Service, programme: Programme) -> list[tuple[str, int, str, str]]:
    answer = await service.control.PlanProgramme(pb.PlanProgrammeRequest(bundle=programme.bundle()))
    assert answer.in_force_version == PROGRAMME.version
    return [(place.stage, place.instances, pb.Outcome.Name(place.outcome), place.to_stage) for place in answer.places]


@pytest.fixture
async def crowd(service: Service) -> Service:
    """40 customers besides Anna, all in stage silent."""
    await service.resolved.append(*[bought(profile, 0, 3.0) for profile in MANY])
    await service.resolved.mark(1, bought(ANNA, 11, 0).as_of)
    await eventually(
        lambda: service.journeys.GetCounts(pb.GetCountsRequest()),
        lambda found: found.journeys[0].stages.get("silent") == 41,
    )
    return service


async def in_stage(service: Service) -> dict[str, int]:
    counts = await service.journeys.GetCounts(pb.GetCountsRequest())
    return dict(next(one for one in counts.journeys if one.journey == "second-basket").stages)


async def test_a_plan_accounts_for_everybody_in_flight(crowd: Service) -> None:
    assert await planned(crowd, STAYING) == [("silent", 41, "OUTCOME_STAY", "")]
    assert await planned(crowd, MIGRATING) == [("silent", 41, "OUTCOME_MIGRATE", "quiet")]
    assert await planned(crowd, UNMAPPED) == [("silent", 41, "OUTCOME_STRAND", "")]
    retired = load_text(SECOND_BASKET + "retired: stop\n")
    assert await planned(crowd, retired) == [("silent", 41, "OUTCOME_LEAVE", "")]


async def test_everybody_goes_where_the_mapping_says_and_back_again(crowd: Service) -> None:
    before = await crowd.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=ANNA))
    applied = await crowd.definitions.Apply(ApplyRequest(bundle=MIGRATING.bundle()))
    assert (await walked(crowd, applied.walk)).changed == 41
    assert await in_stage(crowd) == {"quiet": 41}
    listed = await crowd.journeys.ListInstances(pb.ListInstancesRequest(stage="quiet", page_size=1000))
    assert {one.instance.definition_version for one in listed.instances} == {MIGRATING.version}
    assert len(listed.instances) == 41

    previous = await crowd.definitions.GetPrevious(GetPreviousRequest())
    assert previous.version == PROGRAMME.version
    back = await crowd.definitions.Apply(ApplyRequest(bundle=previous.bundle, revert=True))
    assert (await walked(crowd, back.walk)).changed == 41
    after = await crowd.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=ANNA))
    assert list(after.instances) == list(before.instances)
    assert await in_stage(crowd) == {"silent": 41}


async def test_nobody_moves_where_the_programme_says_nothing(crowd: Service) -> None:
    applied = await crowd.definitions.Apply(ApplyRequest(bundle=STAYING.bundle()))
    assert (applied.changed, applied.walk) == (True, 0)
    assert await in_stage(crowd) == {"silent": 41}


@pytest.mark.parametrize(
    ("programme", "cure"),
    [
        (OTHER, "keep second-basket with `retired: drain`"),
        (UNMAPPED, "map it: in_flight: {migrate: {stages: {silent:"),
    ],
)
async def test_a_programme_that_would_strand_people_is_refused_with_its_cure(
    crowd: Service, programme: Programme, cure: str
) -> None:
    for call in (
        crowd.definitions.Check(CheckRequest(bundle=programme.bundle())),
        crowd.definitions.Apply(ApplyRequest(bundle=programme.bundle())),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "41 instances in flight would be stranded" in (refused.value.details() or "")
        assert cure in (refused.value.details() or "")
    active = await crowd.definitions.GetActive(GetActiveRequest())
    assert active.version == PROGRAMME.version


async def test_a_check_changes_nothing(service: Service) -> None:
    found = await service.definitions.Check(CheckRequest(bundle=STAYING.bundle()))
    assert (found.version, found.in_force) == (STAYING.version, False)
    assert (await service.definitions.Check(CheckRequest(bundle=PROGRAMME.bundle()))).in_force
    assert (await service.definitions.GetActive(GetActiveRequest())).version == PROGRAMME.version
    with pytest.raises(grpc.aio.AioRpcError) as first:
        await service.definitions.GetPrevious(GetPreviousRequest())
    assert first.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.aio.AioRpcError) as broken:
        await service.definitions.Check(CheckRequest(bundle=b"{}"))
    assert broken.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "this is not a bundle" in str(rpc_status.from_call(broken.value))  # type: ignore[arg-type]  # no asyncio there
