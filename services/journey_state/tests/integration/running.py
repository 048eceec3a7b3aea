"""The whole service over real PostgreSQL, NATS and gRPC, behind a `resolved` log that the test fills."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.journey.v1 import journey_pb2 as pb
from cairn.journey.v1.journey_pb2_grpc import JourneyControlServiceStub, JourneyServiceStub
from cairn_journey import load_text
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, parse_instant, to_datetime
from cairn_runtime import Settings, open_chassis
from cairn_testkit.upstream import UpstreamLog, serving, upstream_log
from cairn_testkit.waiting import eventually
from journey_state.composition import compose
from journeyctl.ports import free_port

T0 = parse_instant("2017-03-01T12:00:00Z")
ANNA, BEN = stable_id("anna"), stable_id("ben")
SECOND_BASKET = """
kind: Journey
name: second-basket
features:
  baskets: {count: basket.purchased}
entry: [{on: basket.purchased}]
goal: {on: basket.purchased, value: event.amount, currency: EUR, within: 30d}
stages:
  - {name: silent, after: {idle: basket.purchased, for: 10d}}
"""
PROGRAMME = load_text(SECOND_BASKET)


class Service(NamedTuple):
    resolved: UpstreamLog
    journeys: Any  # the generated stubs, whose calls are awaitable on this channel
    control: Any
    definitions: Any
    dsn: str

    async def seen(self, events: int) -> None:
        """Wait until the customers' streams hold so many facts."""
        request = pb.GetTimelineRequest(profile_id=ANNA)
        await eventually(lambda: self.journeys.GetTimeline(request), lambda found: len(found.entries) >= events)

    async def seen_customers(self, customers: int) -> None:
        """Wait until so many customers are known."""
        request = pb.GetCountsRequest()
        await eventually(lambda: self.journeys.GetCounts(request), lambda counts: counts.customers == customers)


@asynccontextmanager
async def running(postgres_dsn: str, nats_url: str, tmp_path: Path, *, fresh: bool = True) -> AsyncIterator[Service]:
    """The service; `fresh`: with a programme in force and Anna in a journey."""
    identity, own = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    settings = Settings(
        database_dsn=postgres_dsn,
        nats_url=nats_url,
        keys_dir=tmp_path,
        archive_dir=tmp_path / "archive",
        identity_address=identity,
        grpc_address=identity,
        log_level="error",
    )
    async with upstream_log(settings, "identity_resolution", "resolved") as resolved:
        settings = settings.model_copy(update={"grpc_address": own})
        async with open_chassis(settings, "journey_state", "journeys") as chassis:
            await compose(chassis)
            async with serving(chassis), grpc.aio.insecure_channel(own) as channel:
                await channel.channel_ready()
                definitions: Any = DefinitionServiceStub(channel)
                if fresh:
                    await definitions.Apply(ApplyRequest(bundle=PROGRAMME.bundle()))
                    await resolved.append(bought(ANNA, 0, 5.0))
                service = Service(
                    resolved, JourneyServiceStub(channel), JourneyControlServiceStub(channel), definitions, postgres_dsn
                )
                await eventually(
                    lambda: service.journeys.GetCounts(pb.GetCountsRequest()), lambda counts: counts.customers == 1
                )
                yield service


def bought(profile: str, day: int, amount: float) -> Event:
    at = T0 + day * DAY
    return Event(
        id=stable_id(profile, day),
        tenant="default",
        type="basket.purchased",
        event_time=at,
        as_of=at,
        profile_id=profile,
        data={"amount": amount},
    )


def on(day: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(to_datetime(T0 + day * DAY))
    return stamp
