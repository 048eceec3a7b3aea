"""The whole of ingestion over real servers, and an activation that says what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import grpc
import requests
from segment.analytics.client import Client

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import (
    ClockServiceStub,
    IngestionServiceStub,
    KeyServiceStub,
    QuarantineServiceStub,
)
from cairn_eventstore import NewEvent, UnitOfWork
from cairn_kernel.event import Event, Identifier, marker
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.time import to_datetime
from cairn_runtime import Chassis, Settings, open_chassis
from ingestion.composition import App, compose
from ingestion.settings import IngestionSettings
from journeyctl.ports import free_port

if TYPE_CHECKING:  # these exist for the type checker only
    from cairn.ingestion.v1.ingestion_pb2_grpc import (
        ClockServiceAsyncStub,
        IngestionServiceAsyncStub,
        KeyServiceAsyncStub,
        QuarantineServiceAsyncStub,
    )

KEY = "key-of-the-shop"
OTHER_KEY = "key-of-the-other-tenant"
DEVICE_KEY = "key-of-the-phone-app"


class Ingestion(NamedTuple):
    app: App
    dsn: str
    url: str
    address: str
    """Of gRPC."""
    api: "IngestionServiceAsyncStub"
    keys: "KeyServiceAsyncStub"
    clock: "ClockServiceAsyncStub"
    aside: "QuarantineServiceAsyncStub"

    async def events(self) -> list[Event]:
        """Everything in the log, by partition and position, markers excepted."""
        return [event for event in await self.log() if event.type != "cairn.marker"]

    async def arrived(self, number: int) -> list[Event]:
        """Wait until the log holds that many events."""
        async with asyncio.timeout(60):
            while True:
                if len(events := await self.events()) >= number:
                    return events
                await asyncio.sleep(0.02)

    async def log(self) -> list[Event]:
        store = self.app.chassis.store
        return [stored.event for partition in range(PARTITIONS) for stored in await store.read(partition, 0, 10_000)]

    async def quarantine(self) -> list[pb.QuarantinedEvent]:
        answer = await self.api.ListQuarantine(pb.ListQuarantineRequest(), timeout=10)
        return list(answer.events)

    async def post(self, path: str, *, key: str = KEY, **request: Any) -> requests.Response:
        """One HTTP request from another thread, redirects not followed."""
        auth = (key, "") if key else None
        url = self.url + path
        return await asyncio.to_thread(
            lambda: requests.post(url, timeout=15, allow_redirects=False, auth=auth, **request)
        )

    async def ingest(self, *events: pb.IngestEvent, key: str = KEY) -> pb.IngestResponse:
        request = pb.IngestRequest(events=events)
        return await self.api.Ingest(request, metadata=(("authorization", f"Bearer {key}"),), timeout=10)

    async def step(self, number: int, end: int, *, last: bool = False, timeout_s: float = 15) -> pb.StepResponse:
        request = pb.StepRequest(step=number, last=last)
        request.end_time.FromDatetime(to_datetime(end))
        return await self.clock.Step(request, timeout=timeout_s)

    async def rows(self, statement: str) -> Sequence[Any]:
        """What a question to the database says, asked as its owner."""
        connection = await asyncpg.connect(self.dsn, server_settings={"search_path": "ingestion"})
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()


class Deliveries:
    """The owner of the log `deliveries`."""

    def __init__(self, chassis: Chassis) -> None:
        self._chassis = chassis
        self._facts = 0

    async def append(self, *facts: Event) -> None:
        await self._commit([(partition_of(fact.tenant, fact.profile_id), fact) for fact in facts])

    async def mark(
        self, step: int, at: int, *, partitions: Sequence[int] = range(PARTITIONS), mode: str = "step"
    ) -> None:
        await self._commit([(part, marker("deliveries", part, step=step, at=at, mode=mode)) for part in partitions])

    async def _commit(self, facts: Sequence[tuple[int, Event]]) -> None:
        new = [NewEvent(partition, fact.id, 1, fact) for partition, fact in facts]
        committed = await self._chassis.store.commit(UnitOfWork(appends=new))
        await self._chassis.publisher.publish((run.partition, run.first, run.events) for run in committed)


def delivered(name: str, at: int, *, status: str = "sent", profile: str = "ada", hops: int = 0) -> Event:
    return Event(
        id=stable_id("fact", name, status, at),
        tenant="default",
        type=f"delivery.{status}",
        event_time=at,
        as_of=at,
        source="activation",
        profile_id=stable_id("profile", profile),
        correlation_id=stable_id("first", name),
        hops=hops,
        data={"delivery_id": stable_id("delivery", name), "channel": "email"},
    )


def settings(dsn: str, nats_url: str, keys: Path, **more: Any) -> IngestionSettings:
    return IngestionSettings(
        database_dsn=dsn,
        nats_url=nats_url,
        keys_dir=keys,
        grpc_address=f"127.0.0.1:{free_port()}",
        http_address=f"127.0.0.1:{free_port()}",
        activation_address=f"127.0.0.1:{free_port()}",
        lease_ttl_s=1.0,
        log_level="error",
        write_keys=f"default/shop:{KEY}, acme/shop:{OTHER_KEY}, default/app@device:{DEVICE_KEY}",
        **more,
    )


@asynccontextmanager
async def ingestion(settings: IngestionSettings) -> AsyncIterator[Ingestion]:
    async with compose(settings) as app, _served(app.chassis):
        async with grpc.aio.insecure_channel(settings.grpc_address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 60)
            yield Ingestion(
                app,
                settings.database_dsn,
                f"http://{settings.http_address}",
                settings.grpc_address,
                IngestionServiceStub(channel),
                KeyServiceStub(channel),
                ClockServiceStub(channel),
                QuarantineServiceStub(channel),
            )


@asynccontextmanager
async def deliveries(settings: IngestionSettings) -> AsyncIterator[Deliveries]:
    mine = Settings(
        database_dsn=settings.database_dsn,
        nats_url=settings.nats_url,
        grpc_address=settings.activation_address,
        log_level="error",
    )
    async with open_chassis(mine, "activation", "deliveries") as chassis, _served(chassis):
        yield Deliveries(chassis)


@asynccontextmanager
async def _served(chassis: Chassis) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(chassis.serve())
        try:
            yield
        finally:
            serving.cancel()


def sdk(url: str, key: str, failures: list[Exception], **more: Any) -> Client:
    """Segment's own client, as it comes; what it gives up is in `failures`."""
    return Client(
        key, host=url, on_error=lambda error, _: failures.append(error), upload_interval=0.05, max_retries=3, **more
    )


def identifiers(event: Event) -> dict[str, str]:
    return {namespace: token for namespace, token in map(Identifier._make, event.identifiers)}
