"""A load generator for the front door: pre-encoded bodies over kept connections, so that it costs little itself."""

import asyncio
import base64
import json
import time
from collections.abc import Iterable, Sequence
from types import TracebackType

import psutil


def batches(first: int, events: int, size: int, *, customers: int = 2_000) -> list[bytes]:
    """Batches as a Segment library sends them; each customer buys again and again."""
    bodies = []
    for start in range(first, first + events, size):
        batch = [
            {
                "type": "track",
                "event": "Basket Purchased",
                "messageId": f"bench-{number}",
                "userId": f"u{number % customers}",
                "timestamp": None,
                "properties": {"amount": 12.34, "currency": "USD", "items": 3, "departments": ["GROCERY"]},
            }
            for number in range(start, start + size)
        ]
        bodies.append(json.dumps({"batch": batch}).encode())
    return bodies


class Client:
    """Sends batches, each over a connection of its own while it is under way. Use as a context manager."""

    def __init__(self, address: str, write_key: str) -> None:
        self._address = address
        token = base64.b64encode(f"{write_key}:".encode()).decode()
        self._head = (
            f"POST /v1/batch HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self._idle:
            writer.close()

    async def send(self, body: bytes) -> None:
        """Send a batch until it is taken in."""
        for _ in range(100):
            status = await self._post(body)
            if status == 200:
                return
            if status != 429:
                break
            await asyncio.sleep(0.2)
        raise RuntimeError(f"the front door answers {status}")

    async def _post(self, body: bytes) -> int:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            host, _, port = self._address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(self._head + b"%d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0]))
        self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1])


async def send_all(address: str, write_key: str, bodies: Sequence[bytes], in_flight: int) -> None:
    """Send all, so many at a time."""
    waiting = iter(bodies)

    async def worker(client: Client) -> None:
        for body in waiting:
            await client.send(body)

    async with Client(address, write_key) as client, asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker(client))


async def send_steadily(client: Client, bodies: Iterable[bytes], per_s: float) -> list[float]:
    """Send so many bodies a second; milliseconds from when each was to be sent to its answer.

    A late start counts: a front door that stalls is not asked less often for it.
    """
    took: list[float] = []

    async def one(body: bytes, due: float) -> None:
        await client.send(body)
        took.append((time.perf_counter() - due) * 1e3)

    async with asyncio.TaskGroup() as group:
        started = time.perf_counter()
        for number, body in enumerate(bodies):
            due = started + number / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(body, due))
    return took


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of processes and their children so far."""
    total = 0.0
    for process in processes:
        for member in (process, *process.children(recursive=True)):
            times = member.cpu_times()
            total += times.user + times.system
    return total
