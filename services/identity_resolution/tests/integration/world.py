"""A made-up ingestion beside the real service: its `events` log over gRPC and NATS, and the service as a process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc

from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.identity.v1.identity_pb2_grpc import IdentityServiceStub
from cairn.ingestion.v1.ingestion_pb2 import UnwrapRequest, UnwrapResponse
from cairn.ingestion.v1.ingestion_pb2_grpc import KeyServiceServicer
from cairn.log.v1.log_pb2_grpc import add_LogServiceServicer_to_server
from cairn_eventstore import FileKeyProvider, MemoryEventStore, NewEvent, UnitOfWork
from cairn_kernel.errors import Unavailable
from cairn_kernel.event import Event, Identifier, from_msgpack, marker
from cairn_kernel.identifiers import normalise, strongest_first
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_messaging import Publisher
from cairn_runtime.log_service import LogClient, LogServer
from cairn_runtime.nats_bus import open_bus
from journeyctl.ports import free_port

from .records import key_of


class Upstream:
    """Plays ingestion."""

    def __init__(self, publisher: Publisher, keys: FileKeyProvider) -> None:
        self.store = MemoryEventStore()
        self.complete_to = 0
        self.address = ""
        self._publisher = publisher
        self._keys = keys

    def event(self, at: int, type: str = "page.viewed", *, tenant: str = "default", **names: str) -> Event:
        """An event with identifiers given in clear by namespace."""
        identifiers = strongest_first(
            Identifier(namespace, self._keys.token(tenant, namespace, normalise(namespace, value)))
            for namespace, value in names.items()
        )
        return Event(
            id=stable_id("test", tenant, type, at, *sorted(names.values())),
            tenant=tenant,
            type=type,
            event_time=at,
            as_of=at,
            identifiers=identifiers,
        )

    async def tell(self, events: Sequence[Event], *, publish: bool = True) -> None:
        """Append events to the partition of their strongest identifier."""
        await self._append(
            [
                NewEvent(partition_of(event.tenant, ":".join(event.identifiers[0])), event.id, 1, event)
                for event in events
            ],
            publish,
        )

    async def end_step(self, step: int, at: int, mode: str = "step") -> None:
        markers = [marker("events", partition, step=step, at=at, mode=mode) for partition in range(PARTITIONS)]
        await self._append([NewEvent(number, event.id, 1, event) for number, event in enumerate(markers)], True)

    async def _append(self, appends: list[NewEvent], publish: bool) -> None:
        committed = await self.store.commit(UnitOfWork(appends=appends))
        if publish:
            await self._publisher.publish((run.partition, run.first, run.events) for run in committed)

    async def completeness(self) -> dict[int, tuple[int, int]]:
        return {part: (head.position, self.complete_to) for part, head in (await self.store.heads()).items()}


class KeyCupboard(KeyServiceServicer):
    """Gives every customer the key that the tests seal with."""

    async def Unwrap(self, request: UnwrapRequest, context: object) -> UnwrapResponse:
        return UnwrapResponse(keys={key_id: key_of(key_id) for key_id in request.key_ids})


class Service:
    """The service as its own process."""

    def __init__(self, environment: dict[str, str], address: str) -> None:
        self._environment = environment
        self._channel = grpc.aio.insecure_channel(address)
        self._process: asyncio.subprocess.Process | None = None
        self.log = LogClient(self._channel)
        self.identity = IdentityServiceStub(self._channel)
        self.definitions = DefinitionServiceStub(self._channel)

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "identity_resolution", env={**os.environ, **self._environment}
        )

    def freeze(self) -> None:
        """It holds its lease and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), 60)

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.stop(signal.SIGKILL)
        await self._channel.close()

    async def resolved(self, count: int, timeout_s: float = 60) -> dict[int, list[Event]]:
        """The `resolved` log once it holds at least this many events."""
        async with asyncio.timeout(timeout_s):
            while True:
                with suppress(Unavailable):
                    positions = await self.log.positions()
                    if sum(positions.values()) >= count:
                        return {number: await self._read(number) for number in positions}
                await asyncio.sleep(0.02)

    async def _read(self, partition: int) -> list[Event]:
        events: list[Event] = []
        while (batch := await self.log.read(partition, len(events), 10_000)) is not None:
            events += [from_msgpack(entry.event) for entry in batch.entries]
        return events


@asynccontextmanager
async def world(
    dsn: str,
    nats_url: str,
    folder: Path,
    also: Callable[[grpc.aio.Server], None] = lambda server: None,
    **settings: str,
) -> AsyncIterator[tuple[Upstream, Service]]:
    """`also` adds what else ingestion serves."""
    keys = folder / "keys"
    address = f"127.0.0.1:{free_port()}"
    async with open_bus(nats_url, "test") as bus:
        upstream = Upstream(Publisher(bus, "events", {}), FileKeyProvider(keys))
        server = grpc.aio.server()
        add_LogServiceServicer_to_server(LogServer("events", upstream.store, upstream.completeness), server)
        also(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        environment = {
            "CAIRN_DATABASE_DSN": dsn,
            "CAIRN_NATS_URL": nats_url,
            "CAIRN_KEYS_DIR": str(keys),
            "CAIRN_GRPC_ADDRESS": address,
            "CAIRN_INGESTION_ADDRESS": f"127.0.0.1:{port}",
            "CAIRN_LEASE_TTL_S": "1",
            **settings,
        }
        service = Service(environment, address)
        try:
            await service.start()
            yield upstream, service
        finally:
            await service.close()
            await server.stop(0)
