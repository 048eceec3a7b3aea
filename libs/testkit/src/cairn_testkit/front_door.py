"""Ingestion as a process of its own, for tests of what sends to it: to be killed and started again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from cairn_eventstore import PostgresEventStore
from cairn_kernel.event import Event
from cairn_kernel.partitions import PARTITIONS
from journeyctl.health import grpc_health
from journeyctl.ports import free_port

SOURCES: Final = 32
"""Each test sends as a tenant of its own."""
READY_S: Final = 60.0
_OURS: Final = {"search_path": "ingestion"}
_COUNT: Final = "SELECT count(*) FROM ingestion.events"


class Aside(NamedTuple):
    """An event in the quarantine."""

    reason: str
    field: str
    message_id: str


class FrontDoor:
    """`python -m ingestion` over given servers."""

    def __init__(self, dsn: str, nats_url: str, folder: Path) -> None:
        self.dsn = dsn
        self.address = f"127.0.0.1:{free_port()}"
        self._environment = {
            "CAIRN_DATABASE_DSN": dsn,
            "CAIRN_NATS_URL": nats_url,
            "CAIRN_KEYS_DIR": str(folder / "keys"),
            "CAIRN_GRPC_ADDRESS": self.address,
            "CAIRN_WRITE_KEYS": ",".join(_entry(number) for number in range(SOURCES)),
            "CAIRN_LOG_LEVEL": "error",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._given = 0

    def start(self) -> None:
        """Start it and return when it serves."""
        self._process = subprocess.Popen([sys.executable, "-m", "ingestion"], env={**os.environ, **self._environment})
        until = time.monotonic() + READY_S
        while grpc_health(self.address) != "serving":
            assert self._process.poll() is None, "ingestion has ended"
            assert time.monotonic() < until, "ingestion does not serve"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def partner(self, folder: Path) -> "Partner":
        """A source of a tenant that nobody else is."""
        number = self._given
        self._given += 1
        key_file = folder / "write_key"
        key_file.write_text(_entry(number))
        return Partner(self, _tenant(number), key_file)


class Partner(NamedTuple):
    """What one test sends, and what became of it."""

    door: FrontDoor
    tenant: str
    key_file: Path

    async def events(self) -> list[Event]:
        """Everything in the log, by partition and position."""
        async with asyncpg.create_pool(self.door.dsn, min_size=1, server_settings=_OURS) as pool:
            store = PostgresEventStore(pool)
            found = [stored.event for part in range(PARTITIONS) for stored in await store.read(part, 0, 1_000_000)]
        return [event for event in found if event.type != "cairn.marker" and event.tenant == self.tenant]

    async def arrived(self, number: int, timeout_s: float = 60.0) -> list[Event]:
        """Wait until the log holds that many events."""
        connection = await asyncpg.connect(self.door.dsn)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    before = await connection.fetchval(_COUNT)
                    found = await self.events()
                    if len(found) >= number:
                        return found
                    wanted = before + number - len(found)
                    while await connection.fetchval(_COUNT) < wanted:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
        finally:
            await connection.close()

    async def aside(self) -> list[Aside]:
        """What is kept aside, by message id."""
        connection = await asyncpg.connect(self.door.dsn)
        try:
            rows = await connection.fetch(
                "SELECT reason, field, message_id FROM ingestion.quarantine WHERE tenant = $1 ORDER BY 3", self.tenant
            )
        finally:
            await connection.close()
        return [Aside(*row) for row in rows]


def _tenant(number: int) -> str:
    return f"tenant-{number}"


def _entry(number: int) -> str:
    return f"{_tenant(number)}/partner:key-of-the-partner-{number}"


@contextmanager
def front_door(server_dsn: str, nats_url: str, folder: Path) -> Iterator[FrontDoor]:
    """A front door that serves, over a database of its own on a server; both are gone afterwards."""
    name = f"front_door_{os.getpid()}"
    asyncio.run(_execute(server_dsn, f"CREATE DATABASE {name} TEMPLATE template0"))
    door = FrontDoor(f"{server_dsn.rpartition('/')[0]}/{name}", nats_url, folder)
    try:
        door.start()
        yield door
    finally:
        door.kill()
        asyncio.run(_execute(server_dsn, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


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
