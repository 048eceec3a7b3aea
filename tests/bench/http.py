"""A load generator for the front door: pre-encoded bodies, so that it costs little itself."""

import asyncio
import base64
import json
from collections.abc import Sequence

import httpx
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


def client(address: str, write_key: str) -> httpx.AsyncClient:
    """A client that keeps its connections. Use as a context manager."""
    token = base64.b64encode(f"{write_key}:".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    return httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=60)


async def send_all(address: str, write_key: str, bodies: Sequence[bytes], in_flight: int) -> None:
    """Send all, so many at a time."""
    waiting = iter(bodies)

    async def worker(http: httpx.AsyncClient) -> None:
        for body in waiting:
            await send(http, body)

    async with client(address, write_key) as http, asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker(http))


async def send(http: httpx.AsyncClient, body: bytes) -> None:
    """Send a batch until it is taken in."""
    for _ in range(100):
        answer = await http.post("/v1/batch", content=body)
        if answer.status_code != 429:
            break
        await asyncio.sleep(0.2)
    answer.raise_for_status()


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of processes and their children so far."""
    total = 0.0
    for process in processes:
        for member in (process, *process.children(recursive=True)):
            times = member.cpu_times()
            total += times.user + times.system
    return total
