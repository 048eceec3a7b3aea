"""Ingestion as a process of its own, for tests of what sends to it: to be killed and started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from cairn_eventstore import PostgresEventStore
from cairn_kernel.event import Event
from cairn_kernel.partitions import PARTITIONS
from journeyctl.health import grpc_health
from journeyctl.ports import free_port

KEY: Final = "key-of-the-partner"
READY_S: Final = 30.0


class Aside(NamedTuple):
    """An event in the quarantine."""

    reason: str
    field: str
    message_id: str


class FrontDoor:
    """`python -m ingestion` over given servers, with one source `default/partner`."""

    def __init__(self, dsn: str, nats_url: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.dsn = dsn
        self.address = f"127.0.0.1:{free_port()}"
        self.key_file = folder / "write_key"
        self.key_file.write_text(f"default/partner:{KEY}\n")
        self._environment = {
            "CAIRN_DATABASE_DSN": dsn,
            "CAIRN_NATS_URL": nats_url,
            "CAIRN_KEYS_DIR": str(folder / "keys"),
            "CAIRN_GRPC_ADDRESS": self.address,
            "CAIRN_WRITE_KEYS": f"default/partner:{KEY}",
            "CAIRN_LOG_LEVEL": "error",
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and return when it serves."""
        self._process = self._spawn()
        async with asyncio.timeout(READY_S):
            while await asyncio.to_thread(grpc_health, self.address) != "serving":
                assert self._process.poll() is None, "ingestion has ended"
                await asyncio.sleep(0.05)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", "ingestion"], env={**os.environ, **self._environment})

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def events(self) -> list[Event]:
        """Everything in the log, by partition and position."""
        async with asyncpg.create_pool(self.dsn, min_size=1, server_settings={"search_path": "ingestion"}) as pool:
            store = PostgresEventStore(pool)
            found = [stored.event for part in range(PARTITIONS) for stored in await store.read(part, 0, 1_000_000)]
        return [event for event in found if event.type != "cairn.marker"]

    async def arrived(self, number: int, timeout_s: float = 60.0) -> list[Event]:
        """Wait until the log holds that many events."""
        connection = await asyncpg.connect(self.dsn)
        try:
            async with asyncio.timeout(timeout_s):
                while await connection.fetchval("SELECT count(*) FROM ingestion.events") < number:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            await connection.close()
        return await self.events()

    async def aside(self) -> list[Aside]:
        """What is kept aside, by message id."""
        connection = await asyncpg.connect(self.dsn)
        try:
            rows = await connection.fetch("SELECT reason, field, message_id FROM ingestion.quarantine ORDER BY 3")
        finally:
            await connection.close()
        return [Aside(*row) for row in rows]


@asynccontextmanager
async def front_door(dsn: str, nats_url: str, folder: Path) -> AsyncIterator[FrontDoor]:
    """A front door that serves, and is gone afterwards."""
    door = FrontDoor(dsn, nats_url, folder)
    try:
        await door.start()
        yield door
    finally:
        door.kill()


@contextmanager
def source_worker(package: str, settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m package` with these settings, its log appended to a file; asked to stop, or killed, at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", package], env={**os.environ, **settings}, stderr=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
