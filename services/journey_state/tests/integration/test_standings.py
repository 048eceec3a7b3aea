"""How stays go: health, frictions, dwell and attribution over real servers; features filled from the past."""

from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.journey.v1 import journey_pb2 as pb
from cairn_journey import load_text
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, HOUR
from cairn_testkit.waiting import eventually

from .running import ANNA, BEN, SECOND_BASKET, T0, Service, bought

CATALOGUE = """
---
kind: Connector
name: mail
channel: email
---
kind: Action
name: help
class: service
treatments: [{channel: email, template: help}]
---
kind: Template
name: help
channel: email
subject: {en: "May we help?"}
body: {en: "Hello"}
"""
CHECKOUT = load_text(
    SECOND_BASKET
    + CATALOGUE
    + """
---
kind: Journey
name: checkout
entry: [{on: checkout.begun}]
features: {spent_90d: {sum: basket.purchased, of: amount, window: 90d}}
goal: {on: order.placed, within: 30d, attribution: 2d}
stages:
  - {name: paying, on: payment.begun}
  - {name: paid, on: payment.done}
friction:
  - {name: card-refused, on: card.refused, weight: 40}
interventions:
  - name: help
    trigger: {stage: paying}
    steps: [{decide: {actions: [help]}}]
"""
)


def did(profile: str, type: str, at: int) -> Event:
    at += T0
    return Event(
        id=stable_id(profile, type, at), tenant="default", type=type, event_time=at, as_of=at, profile_id=profile
    )


async def checkout(service: Service, *events: Event) -> pb.JourneyCounts:
    """Counts of the journey after events, of which the last one is Ben's and places an order."""
    entered = len({event.profile_id for event in events if event.type == "checkout.begun"})
    refused = sum(event.type == "card.refused" for event in events)
    await service.definitions.Apply(ApplyRequest(bundle=CHECKOUT.bundle()))
    await service.resolved.append(*events)

    async def counted() -> pb.JourneyCounts:
        answer = await service.journeys.GetCounts(pb.GetCountsRequest())
        return next((one for one in answer.journeys if one.journey == "checkout"), pb.JourneyCounts())

    return await eventually(
        counted, lambda found: (found.goal, found.entered, sum(found.frictions.values())) == (1, entered, refused)
    )


async def test_health_frictions_dwell_and_attribution_are_counted(service: Service) -> None:
    counts = await checkout(
        service,
        did(ANNA, "checkout.begun", 2 * DAY),
        did(ANNA, "card.refused", 2 * DAY + 1),
        did(ANNA, "card.refused", 2 * DAY + 2),
        did(BEN, "checkout.begun", 2 * DAY),
        did(BEN, "payment.begun", 2 * DAY + HOUR),
        did(BEN, "payment.done", 2 * DAY + 3 * HOUR),
        did(BEN, "order.placed", 3 * DAY),
    )
    assert (counts.in_flight, counts.goal, counts.attributed) == (1, 1, 1)
    assert dict(counts.frictions) == {"card-refused": 2}
    assert dict(counts.health) == {"poor": 1}
    assert counts.dwell_seconds["paying"] == 2 * 3600

    ben = await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=BEN))
    assert [(one.journey, one.attributed, one.health) for one in ben.instances] == [("checkout", True, 100)]
    anna = await service.journeys.GetCustomer(pb.GetCustomerRequest(profile_id=ANNA))
    found = {one.journey: one for one in anna.instances}
    assert found["checkout"].health == 20
    assert not found["checkout"].HasField("attributed")
    assert not found["second-basket"].HasField("health")

    strained = await service.journeys.ListInstances(pb.ListInstancesRequest(filter="health != null && health < 50"))
    assert [(one.profile_id, one.instance.journey) for one in strained.instances] == [(ANNA, "checkout")]


async def test_a_new_feature_knows_what_was_before_it(service: Service) -> None:
    await service.resolved.append(bought(ANNA, 1, 2.5), bought(BEN, 1, 4.0))
    await service.seen_customers(2)
    await service.definitions.Apply(ApplyRequest(bundle=CHECKOUT.bundle()))

    async def spent() -> list[float]:
        contexts = [await service.journeys.GetContext(pb.GetContextRequest(profile_id=one)) for one in (ANNA, BEN)]
        return [float(context.features["checkout.spent_90d"]) for context in contexts]

    assert await eventually(spent, all) == [7.5, 4.0]
