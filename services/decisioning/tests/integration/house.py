"""A journeys log that a test fills, and the whole decisioning service over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc

from cairn.decisioning.v1 import decisioning_pb2 as pb
from cairn.decisioning.v1.decisioning_pb2_grpc import DecisioningServiceStub
from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn_eventstore import NewEvent, UnitOfWork
from cairn_journey import load_text
from cairn_kernel.event import MERGED, SPLIT, Event, marker
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.time import parse_instant
from cairn_runtime import Chassis, Settings, open_chassis
from decisioning.composition import compose
from journeyctl.ports import free_port

T0 = parse_instant("2017-03-01T12:00:00Z")
PROGRAMME = load_text("""
kind: Action
name: coupon-10
tags: [coupon]
class: marketing
eligible: '!has(profile.age_band) || profile.age_band != "under-18"'
value: 4.20 EUR
treatments: [{channel: email, template: coupon}]
---
kind: Action
name: coupon-5
tags: [coupon]
class: marketing
value: 1.00 EUR
treatments: [{channel: email, template: coupon}]
---
kind: ContactPolicy
name: default
caps: [{scope: person, class: marketing, max: 2, per: 7d}]
cooldowns: [{after: {outcome: bounced}, for: 30d}]
---
kind: Template
name: coupon
channel: email
subject: {en: Yours}
body: {en: Hello}
---
kind: Connector
name: smtp
channel: email
""")


class Journeys:
    """The owner of the log `journeys`: it appends what a test tells it to."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self._versions: dict[str, int] = {}

    async def append(self, *events: Event, publish: bool = True) -> None:
        new = []
        for event in events:
            version = self._versions[event.profile_id] = self._versions.get(event.profile_id, 0) + 1
            new.append(NewEvent(partition_of(event.tenant, event.profile_id), event.profile_id, version, event))
        await self._commit(new, publish)

    async def mark(self, step: int, at: int) -> None:
        log = "journeys"
        await self._commit(
            [
                NewEvent(number, stable_id("m", number), step + 1, marker(log, number, step=step, at=at, mode="step"))
                for number in range(PARTITIONS)
            ],
            publish=True,
        )

    async def _commit(self, new: list[NewEvent], publish: bool) -> None:
        committed = await self.chassis.store.commit(UnitOfWork(appends=new))
        if publish:
            await self.chassis.publisher.publish((run.partition, run.first, run.events) for run in committed)


class Decisioning:
    """The service, and a client of it."""

    def __init__(self, chassis: Chassis, channel: grpc.aio.Channel) -> None:
        self.chassis = chassis
        self.api = DecisioningServiceStub(channel)
        self._definitions = DefinitionServiceStub(channel)

    async def apply(self) -> None:
        await self._definitions.Apply(ApplyRequest(bundle=PROGRAMME.bundle()), timeout=10, wait_for_ready=True)

    async def decided(self, number: int) -> pb.GetCountsResponse:
        """Wait until that many moments are decided."""
        async with asyncio.timeout(60):
            while True:
                counts: pb.GetCountsResponse = await self.api.GetCounts(pb.GetCountsRequest(), wait_for_ready=True)
                if counts.moments >= number:
                    return counts
                await asyncio.sleep(0.02)

    async def passed(self, type: str, number: int = 1) -> list[Event]:
        """Wait until the own log holds that many facts of a type, and return them."""
        async with asyncio.timeout(60):
            while True:
                facts = [
                    stored.event
                    for partition in range(PARTITIONS)
                    for stored in await self.chassis.store.read(partition, 0, 10_000)
                    if stored.event.type == type
                ]
                if len(facts) >= number:
                    return facts
                await asyncio.sleep(0.02)

    async def list(self, profile_id: str) -> list[pb.Decision]:
        answer = await self.api.ListDecisions(pb.ListDecisionsRequest(profile_id=profile_id), timeout=10)
        return list(answer.decisions)

    async def hash(self) -> str:
        answer = await self.api.GetStateHash(pb.GetStateHashRequest(), timeout=30)
        return str(answer.state_hash)


def settings(dsn: str, nats_url: str, keys: Path, *, batch_max_events: int = 2_000) -> Settings:
    return Settings(
        database_dsn=dsn,
        nats_url=nats_url,
        keys_dir=keys,
        journey_address=f"127.0.0.1:{free_port()}",
        lease_ttl_s=1.0,
        log_level="error",
        batch_max_events=batch_max_events,
    )


@asynccontextmanager
async def journeys(settings: Settings) -> AsyncIterator[Journeys]:
    mine = settings.model_copy(update={"grpc_address": settings.journey_address})
    async with open_chassis(mine, "journey_state", "journeys") as chassis, _served(chassis):
        yield Journeys(chassis)


@asynccontextmanager
async def decisioning(settings: Settings) -> AsyncIterator[Decisioning]:
    mine = settings.model_copy(update={"grpc_address": f"127.0.0.1:{free_port()}"})
    async with AsyncExitStack() as stack:
        chassis = await stack.enter_async_context(open_chassis(mine, "decisioning", "decisions"))
        await compose(chassis)
        await stack.enter_async_context(_served(chassis))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(mine.grpc_address))
        yield Decisioning(chassis, channel)


@asynccontextmanager
async def _served(chassis: Chassis) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(chassis.serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def moment(
    profile_id: str, number: int, at: int = T0, *, sealed: str = "bm9uY2Utb2YtMTJiY2lwaGVy", age_band: str = "35-44"
) -> Event:
    moment_id = stable_id("moment", profile_id, number)
    return _event(
        "journey.moment_reached",
        profile_id,
        at,
        moment_id,
        moment_id=moment_id,
        journey="win-back",
        instance_id=stable_id("instance", profile_id),
        intervention="offer",
        step="0",
        actions={"tag": "coupon"},
        context={"traits": {"age_band": age_band}, "features": {}, "stage": "lapsing", "event": {}},
        contacts={"email": {"sealed": sealed, "key_id": "k1", "field": "email"}},
        locale="en",
    )


def consent(profile_id: str, at: int, *, granted: bool) -> Event:
    return _event(
        "consent.changed", profile_id, at, f"{at}", channel="email", granted=granted, **{"class": "marketing"}
    )


def bounced(profile_id: str, at: int) -> Event:
    delivery = stable_id("delivery", profile_id, at)
    return _event(
        "delivery.bounced", profile_id, at, delivery, delivery_id=delivery, channel="email", action="coupon-10"
    )


def merged(loser: str, survivor: str, at: int) -> tuple[Event, Event]:
    """The loser's copy and the survivor's."""
    both = {"from": loser, "to": survivor}
    return _event(MERGED, loser, at, survivor, **both), _event(MERGED, survivor, at, loser, **both)


def parted(giver: str, receiver: str, at: int, *events: Event) -> tuple[Event, Event]:
    """The giver's copy of a split and the receiver's; these events turn out to be the receiver's."""
    both = {"from": giver, "to": receiver, "moved": [], "events": [event.id for event in events]}
    return _event(SPLIT, giver, at, receiver, **both), _event(SPLIT, receiver, at, giver, **both)


def withdrawn(moment: Event, at: int) -> Event:
    """A moment no longer holds."""
    about = {"moment_id": moment.data["moment_id"], "journey": moment.data["journey"]}
    return _event("journey.moment_withdrawn", moment.profile_id, at, moment.id, **about)


def _event(type: str, profile_id: str, at: int, key: str, **data: object) -> Event:
    return Event(
        id=stable_id(type, profile_id, key),
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        profile_id=profile_id,
        data=data,
    )
