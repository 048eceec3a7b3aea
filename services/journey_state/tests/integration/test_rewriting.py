"""What rewrites a customer's past, on real servers: a merge taken back, an event that comes late."""

from typing import Any

from msgspec.structs import replace

from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.journey.v1 import journey_pb2 as pb
from cairn_journey import load_text
from cairn_kernel.event import MERGED, SPLIT, Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY
from cairn_testkit.waiting import eventually

from .running import ANNA, BEN, T0, Service, bought, on

PATIENT = load_text("""
kind: Journey
name: second-basket
features:
  baskets: {count: basket.purchased}
entry: [{on: basket.purchased}]
goal: {on: basket.purchased, value: event.amount, currency: EUR, within: 30d}
stages:
  - {name: silent, after: {idle: basket.purchased, for: 10d}}
lateness: 5d
""")


async def counts(service: Service) -> Any:
    return await service.journeys.GetCounts(pb.GetCountsRequest())


async def test_a_merge_taken_back_restores_both_customers(service: Service) -> None:
    theirs = (Identifier("user_id", "ben"),)
    await service.resolved.append(replace(bought(BEN, 1, 3.0), identifiers=theirs))
    await service.resolved.append(*both_sides(MERGED, 2, BEN, **{"from": BEN, "to": ANNA}))
    await service.resolved.append(replace(bought(ANNA, 3, 8.5), identifiers=theirs))
    await service.seen(6)
    giver, receiver = both_sides(SPLIT, 4, ANNA, **{"from": ANNA, "to": BEN, "moved": ["user_id:ben"]})
    await service.resolved.append(receiver)
    await service.resolved.append(giver, bought(BEN, 5, 1.0))
    counted = await eventually(
        lambda: counts(service), lambda found: found.customers == 2 and found.journeys[0].goal == 1
    )
    (journey,) = counted.journeys
    assert (journey.entered, journey.in_flight, journey.goal, journey.goal_value) == (2, 1, 1, "8.5")
    customers = [await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=who)) for who in (ANNA, BEN)]
    assert [who.profile_id for who in customers] == [ANNA, BEN]
    assert [who.features["second-basket.baskets"] for who in customers] == [1, 3]
    timeline = await service.journeys.GetTimeline(pb.GetTimelineRequest(profile_id=ANNA))
    told = [entry.type for entry in timeline.entries]
    assert told.count("basket.purchased") == told.count("journey.entered") == 1
    assert "journey.goal_reached" not in told


async def test_an_event_that_comes_late_is_told_where_it_belongs(service: Service) -> None:
    await service.definitions.Apply(ApplyRequest(bundle=PATIENT.bundle()))
    viewed = replace(bought(BEN, 12, 0.0), type="page.viewed", id=stable_id("viewed"))
    await service.resolved.append(bought(BEN, 0, 2.0), viewed)
    await eventually(lambda: counts(service), lambda found: found.journeys[0].stages["silent"] >= 1)
    await service.resolved.append(replace(bought(BEN, 9, 4.5), as_of=T0 + 13 * DAY))
    await eventually(lambda: counts(service), lambda found: found.journeys[0].goal == 1)
    ben = pb.GetCustomerRequest(profile_id=BEN)
    (instance,) = (await service.journeys.GetCustomer(ben)).instances
    assert (instance.goal_value, instance.stage, instance.goal_time) == ("4.5", "", on(9))
    ben.as_of_time.CopyFrom(on(12))
    assert (await service.journeys.GetCustomer(ben)).instances[0].stage == "silent"


def both_sides(type: str, day: int, first: str, **data: Any) -> tuple[Event, Event]:
    """The two copies of a merge or split, that of `first` first."""
    at, second = T0 + day * DAY, data["to"] if data["from"] == first else data["from"]
    one, other = (
        Event(
            id=stable_id(type, at, who),
            tenant="default",
            type=type,
            event_time=at,
            as_of=at,
            profile_id=who,
            data=data,
        )
        for who in (first, second)
    )
    return one, other
