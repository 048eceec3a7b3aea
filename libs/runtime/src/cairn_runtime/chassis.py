"""The chassis of a service: what it opens before it works, and how it leaves."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import asyncpg
import grpc
import nats.errors
import structlog
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server
from pydantic import ValidationError

from cairn.log.v1 import log_pb2, parking_pb2
from cairn.log.v1.log_pb2_grpc import add_LogServiceServicer_to_server
from cairn.log.v1.parking_pb2_grpc import add_ParkingServiceServicer_to_server
from cairn_eventstore import PostgresEventStore
from cairn_kernel.errors import CairnError
from cairn_messaging import Follower, Publisher
from cairn_runtime.clock import now_us
from cairn_runtime.database import open_pool
from cairn_runtime.log_service import CompleteTo, LogClient, LogServer
from cairn_runtime.logs import configure_logs
from cairn_runtime.nats_bus import NatsBus, keep_log_stream, open_bus
from cairn_runtime.parking import ParkingApi
from cairn_runtime.rpc import MAX_CONCURRENT, OPTIONS, ErrorInterceptor, open_channel
from cairn_runtime.runner import Processor, Runner, Walker
from cairn_runtime.settings import Settings
from cairn_runtime.walks import Walks

log = structlog.get_logger()

UPSTREAM_ADDRESS: Final = {
    "events": "ingestion_address",
    "resolved": "identity_address",
    "journeys": "journey_address",
    "decisions": "decisioning_address",
    "deliveries": "activation_address",
}
"""The setting that says where the owner of a log listens."""


class Chassis:
    """Everything a service stands on. Made by open_chassis; `serve` runs it to the end."""

    def __init__(
        self, settings: Settings, service: str, log_name: str, pool: asyncpg.Pool, bus: NatsBus, publisher: Publisher
    ) -> None:
        self.settings = settings
        self.service = service
        self.log_name = log_name
        self.owner = f"{service}-{socket.gethostname()}-{os.getpid()}-{now_us() % 1_000_000}"
        """Unique name of this replica."""
        self.pool = pool
        self.bus = bus
        self.store = PostgresEventStore(pool, settings.archive_dir)
        self.publisher = publisher
        self.complete_to: CompleteTo = self._unknown
        """How far this log is complete, for Heads; set by add_runner, or by ingestion itself."""
        self._server = grpc.aio.server(
            interceptors=[ErrorInterceptor()], options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT
        )
        self._service_names: list[str] = []
        self._jobs: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._health = health.aio.HealthServicer()

    def add_servicer(self, add_to_server: Callable[[Any, Any], None], servicer: object, name: str) -> None:
        """Serve an RPC service, given its generated add_…_to_server function and its full name."""
        add_to_server(servicer, self._server)
        self._service_names.append(name)

    def add_job(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine as long as the service runs; if it fails, the service ends."""
        self._jobs.append(job)

    def channel(self, address: str) -> grpc.aio.Channel:
        """A channel to another service, closed with the chassis."""
        if address not in self._channels:
            self._channels[address] = open_channel(address)
        return self._channels[address]

    def log_client(self, log_name: str) -> LogClient:
        """The owner's log of that name."""
        return LogClient(self.channel(getattr(self.settings, UPSTREAM_ADDRESS[log_name])))

    def add_runner(
        self,
        upstream: str,
        processor: Processor,
        *,
        exclusive: bool = False,
        reload: Callable[[], Awaitable[None]] | None = None,
        tells_completeness: bool = True,
        walking: tuple[Walks, Walker] | None = None,
    ) -> Runner:
        """Run a processor over an upstream log while the service runs."""
        reader = self.log_client(upstream)
        runner = Runner(
            upstream=upstream,
            processor=processor,
            store=self.store,
            follower=Follower(self.bus, reader, upstream),
            publisher=self.publisher,
            upstream_log=reader,
            pool=self.pool,
            owner=self.owner,
            lease_ttl_s=self.settings.lease_ttl_s,
            batch_max_events=self.settings.batch_max_events,
            exclusive=exclusive,
            reload=reload,
            walking=walking,
        )
        if tells_completeness:
            self.complete_to = runner.complete_to
        self.add_job(runner.run)
        return runner

    async def serve(self) -> None:
        """Serve and run all jobs until SIGTERM or SIGINT, then leave in good order."""
        self.add_servicer(
            add_LogServiceServicer_to_server,
            LogServer(self.log_name, self.store, self._complete_to),
            log_pb2.DESCRIPTOR.services_by_name["LogService"].full_name,
        )
        self.add_servicer(
            add_ParkingServiceServicer_to_server,
            ParkingApi(self.pool),
            parking_pb2.DESCRIPTOR.services_by_name["ParkingService"].full_name,
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*self._service_names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )
        port = self._server.add_insecure_port(self.settings.grpc_address)
        if self.settings.metrics_address:
            host, _, number = self.settings.metrics_address.rpartition(":")
            start_http_server(int(number), host)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stopping.set)
        await self._server.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        log.info("service.started", port=port, owner=self.owner)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(job()) for job in self._jobs]
                tasks.append(group.create_task(keep_log_stream(self.bus.client, self.log_name)))
                await stopping.wait()
                await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
                await self._server.stop(self.settings.drain_s)
                for task in tasks:
                    task.cancel()
        finally:
            await self._server.stop(0)
            for channel in self._channels.values():
                await channel.close()
            log.info("service.stopped")

    async def _complete_to(self) -> dict[int, tuple[int, int]]:
        return await self.complete_to()

    async def _unknown(self) -> dict[int, tuple[int, int]]:
        return {}


@asynccontextmanager
async def open_chassis(settings: Settings, service: str, log_name: str) -> AsyncIterator[Chassis]:
    """Open logs, database (migrated) and bus for a service that owns a log."""
    configure_logs(service, settings.log_level)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings.database_dsn, service))
        bus = await stack.enter_async_context(open_bus(settings.nats_url, service))
        heads = await PostgresEventStore(pool).heads()
        publisher = Publisher(bus, log_name, {number: head.position for number, head in heads.items()})
        yield Chassis(settings, service, log_name, pool, bus, publisher)


def main(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a service's coroutine; a fault that its operator can mend ends in one plain sentence and exit code 1."""
    gc.set_threshold(50_000, 20, 100)  # a batch makes thousands of envelopes and no cycles; the default halves speed
    try:
        uvloop.run(run())
    except ValidationError as error:
        missing = ", ".join(f"CAIRN_{str(item['loc'][0]).upper()}" for item in error.errors())
        sys.exit(f"These settings are missing or wrong: {missing}.")
    except CairnError as error:
        sys.exit(f"{error}.")
    except (OSError, asyncpg.PostgresError, nats.errors.Error) as error:
        cure = "check CAIRN_DATABASE_DSN and CAIRN_NATS_URL"
        sys.exit(f"The database or NATS cannot be reached ({type(error).__name__}); {cure}.")
    except RuntimeError as error:
        if "bind" in str(error).lower():
            sys.exit("The gRPC address is in use; choose another CAIRN_GRPC_ADDRESS.")
        raise
