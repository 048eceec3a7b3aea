"""Questions over real servers: lists, contexts, counts that are watched."""

import asyncio
from typing import Any

import grpc
import pytest

from cairn.journey.v1 import journey_pb2 as pb
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_testkit.waiting import eventually

from .running import ANNA, T0, Service, bought, on

PROFILES = [stable_id("p", n) for n in range(25)]


def identified(profile: str, n: int) -> Event:
    return Event(
        id=stable_id("identified", profile),
        tenant="default",
        type="profile.identified",
        event_time=T0,
        as_of=T0,
        profile_id=profile,
        data={"tier": "gold" if n % 5 == 0 else "plain", "number": n},
    )


@pytest.fixture
async def many(service: Service) -> Service:
    """25 customers in the journey besides Anna, every fifth of them gold."""
    for n, profile in enumerate(PROFILES):
        await service.resolved.append(identified(profile, n), bought(profile, 1, 3.0))
    await eventually(
        lambda: service.journeys.GetCounts(pb.GetCountsRequest()),
        lambda found: found.journeys[0].in_flight == 26,
    )
    return service


async def listed(service: Service, **asked: Any) -> list[str]:
    """Profiles over all pages."""
    found: list[str] = []
    request = pb.ListInstancesRequest(**asked)
    while True:
        page = await service.journeys.ListInstances(request)
        found += [one.profile_id for one in page.instances]
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


async def test_pages_cover_everyone_once(many: Service) -> None:
    found = await listed(many, journey="second-basket", page_size=4)
    assert len(found) == 26
    assert set(found) == {*PROFILES, ANNA}


async def test_a_condition_sees_traits_features_stage_and_times(many: Service) -> None:
    gold = {profile for n, profile in enumerate(PROFILES) if n % 5 == 0}
    assert set(await listed(many, filter='profile.tier == "gold"', page_size=2)) == gold
    one_basket = 'features["second-basket.baskets"] == 1 && stage == "" && !held'
    assert len(await listed(many, filter=one_basket)) == 26
    assert await listed(many, filter=f"entered < {T0 + 1}") == [ANNA]
    assert await listed(many, stage="silent") == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"filter": "profil.tier == 1"}, "did you mean profile?"),
        ({"filter": "entered + 1"}, "the filter must be true or false"),
        ({"filter": "stage =="}, "line 1, column"),
        ({"page_size": 5000}, "page_size must be 1 to 1000"),
        ({"page_token": "nonsense"}, "ask for the first page again"),
    ],
)
async def test_a_bad_list_request_says_what_and_where(service: Service, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as bad:
        await service.journeys.ListInstances(pb.ListInstancesRequest(**asked))
    assert bad.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in (bad.value.details() or "")


async def test_of_a_journey_that_nobody_knows_the_known_ones_are_told(service: Service) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await service.journeys.ListInstances(pb.ListInstancesRequest(journey="second-baskets"))
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
    assert "second-baskets; those in force are: second-basket" in (unknown.value.details() or "")


async def test_a_token_of_another_list_is_refused(many: Service) -> None:
    page = await many.journeys.ListInstances(pb.ListInstancesRequest(page_size=3))
    with pytest.raises(grpc.aio.AioRpcError) as bad:
        await many.journeys.ListInstances(pb.ListInstancesRequest(stage="silent", page_token=page.next_page_token))
    assert "page_token" in (bad.value.details() or "")


async def test_a_context_follows_the_stream(service: Service) -> None:
    first = await service.journeys.GetContext(pb.GetContextRequest(profile_id=ANNA))
    assert (first.stream_version, first.features["second-basket.baskets"], len(first.instances)) == (2, 1, 1)
    await service.resolved.append(bought(ANNA, 12, 7.25))
    await service.seen(5)
    second = await service.journeys.GetContext(pb.GetContextRequest(profile_id=ANNA))
    assert (second.stream_version, second.features["second-basket.baskets"], len(second.instances)) == (5, 2, 0)
    assert second.last_seen_time == on(12)


async def test_nothing_is_known_of_a_customer_of_another_tenant(service: Service) -> None:
    await service.journeys.GetContext(pb.GetContextRequest(profile_id=ANNA))
    for _ in range(2):
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await service.journeys.GetContext(pb.GetContextRequest(profile_id=ANNA, tenant="other"))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_changed_counts_come_by_themselves_and_within_a_second(service: Service) -> None:
    calls = [service.journeys.WatchJourney(pb.WatchJourneyRequest(journey="second-basket")) for _ in range(3)]
    for call in calls:
        assert (await call.read()).journeys[0].in_flight == 1
    await service.resolved.append(*[bought(profile, 1, 3.0) for profile in PROFILES])
    async with asyncio.timeout(60):
        for call in calls:
            while (await call.read()).journeys[0].in_flight < 26:
                pass
    for call in calls:
        call.cancel()


async def test_watching_what_is_not_there_shows_nothing_rather_than_failing(service: Service) -> None:
    call = service.journeys.WatchJourney(pb.WatchJourneyRequest(journey="nobody-knows"))
    first = await call.read()
    assert (first.customers, len(first.journeys)) == (1, 0)
    call.cancel()
