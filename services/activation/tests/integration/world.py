"""Activation as its own process, between a decisions log that a test fills and a connector that a test breaks."""

import asyncio
import json
import os
import signal
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import nats
from nats.aio.client import Client

from activation.composition import compose
from activation.settings import ActivationSettings
from cairn.activation.v1 import activation_pb2 as pb
from cairn.activation.v1.activation_pb2_grpc import ActivationServiceStub
from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.ingestion.v1 import ingestion_pb2
from cairn.ingestion.v1.ingestion_pb2_grpc import KeyServiceServicer, add_KeyServiceServicer_to_server
from cairn_connector import ConnectorSettings, Doubt, Manifest, Resolve, Status
from cairn_connector.journal import Journal
from cairn_connector.process import wall_clock
from cairn_connector.runner import Runner
from cairn_connector.testing import MadeUpChannel
from cairn_eventstore import seal_field
from cairn_journey import Programme
from cairn_kernel.errors import Unavailable
from cairn_kernel.event import MARKER, Event, from_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_runtime import Settings, open_chassis
from cairn_runtime.log_service import LogClient
from cairn_testkit.upstream import UpstreamLog, serving, upstream_log
from cairn_testkit.waiting import eventually
from journeyctl.ports import free_port

KEY = b"k" * 32


class KeyCupboard(KeyServiceServicer):
    """Stands in for ingestion: every customer has the same key, except those who were erased."""

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.asked = 0

    async def Unwrap(self, request: ingestion_pb2.UnwrapRequest, context: Any) -> ingestion_pb2.UnwrapResponse:
        self.asked += 1
        return ingestion_pb2.UnwrapResponse(keys={key: KEY for key in request.key_ids if key not in self.erased})


def contact(profile: str, address: str = "") -> dict[str, str]:
    """A sealed address as it stands in a decision."""
    key_id = stable_id("key", profile)
    text = json.dumps(address or f"{profile}@households.example").encode()
    sealed = seal_field(KEY, tenant="default", key_id=key_id, field="email", value=text)
    return {"sealed": b64encode(sealed).decode(), "key_id": key_id, "field": "email"}


class World:
    def __init__(self, settings: Settings, folder: Path, client: Client, programme: Programme) -> None:
        self.settings = settings
        self.client = client
        self.keys = KeyCupboard()
        self.channel = MadeUpChannel()
        self.decisions: UpstreamLog
        self._folder = folder
        self.programme = programme
        self._process: asyncio.subprocess.Process | None = None
        self.grpc = grpc.aio.insecure_channel(settings.activation_address)
        self.api = ActivationServiceStub(self.grpc)
        self.log = LogClient(self.grpc)
        self._connector: asyncio.Task[None] | None = None
        self._runner: Runner | None = None
        self._inside = AsyncExitStack()

    async def begin(self) -> None:
        """Start the service inside this process: quicker, where nothing is to be killed."""
        settings = ActivationSettings.model_validate(
            {
                **self.settings.model_dump(),
                "grpc_address": self.settings.activation_address,
                "lease_ttl_s": 1.0,
                "dispatch_lifetime_s": 3.0,
                "dispatch_grace_s": 0.5,
            }
        )
        chassis = await self._inside.enter_async_context(
            open_chassis(settings, service="activation", log_name="deliveries")
        )
        await compose(chassis, settings)
        await self._inside.enter_async_context(serving(chassis))

    async def start(self, **environment: str) -> None:
        """Start the service as a process of its own."""
        told = {
            "CAIRN_DATABASE_DSN": self.settings.database_dsn,
            "CAIRN_NATS_URL": self.settings.nats_url,
            "CAIRN_GRPC_ADDRESS": self.settings.activation_address,
            "CAIRN_INGESTION_ADDRESS": self.settings.ingestion_address,
            "CAIRN_DECISIONING_ADDRESS": self.settings.decisioning_address,
            "CAIRN_LEASE_TTL_S": "1",
            "CAIRN_DISPATCH_LIFETIME_S": "3",
            "CAIRN_DISPATCH_GRACE_S": "0.5",
        }
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "activation", env={**os.environ, **told, **environment}
        )

    async def apply(self) -> None:
        """Bring the programme into force."""
        stub = DefinitionServiceStub(self.grpc)
        await stub.Apply(ApplyRequest(bundle=self.programme.bundle()), timeout=20, wait_for_ready=True)

    async def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        await asyncio.wait_for(self._process.wait(), 60)

    async def connect(self) -> None:
        """Start the connector."""
        started = asyncio.Event()
        self._connector = asyncio.get_running_loop().create_task(self._serve_channel(started))
        await started.wait()

    async def disconnect(self) -> None:
        """Stop the connector."""
        if self._runner is not None and self._connector is not None:
            self._runner.stop()
            await self._connector
            self._runner = self._connector = None

    async def counts(self) -> dict[str, int]:
        answer = await self.api.GetCounts(pb.GetCountsRequest(), timeout=10, wait_for_ready=True)
        return dict(answer.statuses)

    async def until(self, **statuses: int) -> None:
        """Wait until there are exactly so many deliveries of each status."""
        await eventually(self.counts, lambda found: found == statuses)

    async def hash(self) -> str:
        answer = await self.api.GetStateHash(pb.GetStateHashRequest(), timeout=30, wait_for_ready=True)
        return str(answer.state_hash)

    async def of(self, profile: str) -> list[pb.Delivery]:
        request = pb.ListDeliveriesRequest(profile_id=stable_id("profile", profile))
        return list((await self.api.ListDeliveries(request, timeout=10, wait_for_ready=True)).deliveries)

    async def facts(self) -> list[Event]:
        """The whole log."""
        found: list[Event] = []
        for partition in range(PARTITIONS):
            after = 0
            while (batch := await self.log.read(partition, after, 10_000)) is not None:
                found += [from_msgpack(entry.event) for entry in batch.entries]
                after = batch.last
        return found

    async def markers(self) -> dict[int, int]:
        """How many partitions have ended each step; a marker that came twice would show."""
        found: dict[int, int] = {}
        with suppress(Unavailable):
            for event in await self.facts():
                if event.type == MARKER:
                    found[event.data["step"]] = found.get(event.data["step"], 0) + 1
        return found

    async def until_step(self, step: int) -> None:
        await eventually(self.markers, lambda found: found.get(step, 0) >= PARTITIONS)

    async def query(self, sql: str) -> list[Any]:
        connection = await asyncpg.connect(self.settings.database_dsn)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    async def close(self) -> None:
        await self.disconnect()
        if self._process is not None and self._process.returncode is None:
            await self.stop()
        await self._inside.aclose()
        await self.grpc.close()

    async def _serve_channel(self, started: asyncio.Event) -> None:
        manifest = Manifest(
            name="email",
            version="1",
            protocol=1,
            owner="tests",
            channel="email",
            parts=("body",),
            receipts=frozenset({Status.SENT}),
            doubt=Doubt(resolve=Resolve.QUERY, settle_s=0.0),
        )
        async with Journal(self._folder / "email.sqlite") as journal:
            settings = ConnectorSettings(nats_url=self.settings.nats_url, drain_s=2.0)
            self._runner = Runner(self.channel, manifest, settings, self.client, journal, wall_clock)
            started.set()
            await self._runner.run()


@asynccontextmanager
async def world(dsn: str, nats_url: str, folder: Path, programme: Programme) -> AsyncIterator[World]:
    """Everything but the connector and the service itself, which the test starts."""
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("decisioning", "activation", "ingestion")}
    settings = Settings(
        database_dsn=dsn,
        nats_url=nats_url,
        keys_dir=folder / "keys",
        grpc_address=addresses["decisioning"],
        decisioning_address=addresses["decisioning"],
        activation_address=addresses["activation"],
        ingestion_address=addresses["ingestion"],
        log_level="error",
    )
    async with AsyncExitStack() as stack:
        client = await nats.connect(nats_url)
        stack.push_async_callback(client.close)
        made = World(settings, folder, client, programme)
        stack.push_async_callback(made.close)
        server = grpc.aio.server()
        add_KeyServiceServicer_to_server(made.keys, server)
        server.add_insecure_port(settings.ingestion_address)
        await server.start()
        stack.push_async_callback(server.stop, None)
        made.decisions = await stack.enter_async_context(upstream_log(settings, "decisioning", "decisions"))
        yield made


def decisions(decide: Callable[..., Event], people: Collection[str], **change: Any) -> list[Event]:
    """One decision for each person, with an address that can be opened."""
    return [decide(profile=person, contact=contact(person), **change) for person in people]
