"""The front door alone, with its servers: events in over HTTP, validated, deduplicated, committed."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
from tests.bench import sources
from tests.bench.figures import Figure
from tests.bench.http import Client, batches, cpu_s, send_all, send_steadily

from journeyctl.supervisor import Supervisor

WRITE_KEY = "bench-key"
BATCH = 100
EVENTS = 200_000
WARM_UP = 20_000
IN_FLIGHT = 8
RATE_PER_S = 2_000
RATE_S = 20
RATE_WARM_UP_S = 2
RATE_BATCH = 10


def measure() -> list[Figure]:
    """Events per second of the front door's own CPU, beside decoding the same bodies; answers at a modest rate; rows.

    A core is a second of CPU of the ingestion process, all of it; PostgreSQL and NATS are told apart. Of the source and
    the import it is a second of their own process: what they cost beside the front door.
    """
    with _running() as supervisor, tempfile.TemporaryDirectory(prefix="cairn-bench-rows-") as folder:
        per_core, wall, server_us = _throughput(supervisor)
        latencies = sorted(asyncio.run(_latencies(supervisor.installation.http["ingestion"])))
        source_files, importing = sources.per_core(supervisor.installation, WRITE_KEY, Path(folder))
    decoding = _decoding(batches(0, WARM_UP, BATCH))
    return [
        Figure("ingest.http", per_core, "events/s per core", 25_000, {"ingest.decoding": per_core / decoding}),
        Figure("ingest.decoding", decoding, "events/s per core"),
        Figure("ingest.http_wall", wall, "events/s"),
        Figure("ingest.servers_us_per_event", server_us, "µs"),
        Figure("ingest.latency_p50", latencies[len(latencies) // 2], "ms"),
        Figure("ingest.latency_p99", latencies[len(latencies) * 99 // 100], "ms", 50),
        Figure("ingest.source_files", source_files, "events/s per core"),
        Figure("ingest.import", importing, "rows/s per core"),
    ]


@contextmanager
def _running() -> Iterator[Supervisor]:
    environment = {"CAIRN_WRITE_KEYS": f"default/bench:{WRITE_KEY}", "CAIRN_LOG_LEVEL": "warning"}
    with (
        tempfile.TemporaryDirectory(prefix="cairn-bench-") as folder,
        Supervisor(Path(folder), environment=environment) as supervisor,
    ):
        supervisor.start_servers()
        supervisor.start("ingestion")
        yield supervisor


def _throughput(supervisor: Supervisor) -> tuple[float, float, float]:
    """Events per second of CPU in the front door, events per second by the clock, µs of the servers per event."""
    address = supervisor.installation.http["ingestion"]
    asyncio.run(send_all(address, WRITE_KEY, batches(0, WARM_UP, BATCH), IN_FLIGHT))
    bodies = batches(WARM_UP, EVENTS, BATCH)
    door = [psutil.Process(supervisor.process_id("ingestion"))]
    servers = [psutil.Process(supervisor.process_id(name)) for name in ("postgres", "nats")]
    before = cpu_s(door), cpu_s(servers)
    started = time.perf_counter()
    asyncio.run(send_all(address, WRITE_KEY, bodies, IN_FLIGHT))
    elapsed = time.perf_counter() - started
    return EVENTS / (cpu_s(door) - before[0]), EVENTS / elapsed, (cpu_s(servers) - before[1]) / EVENTS * 1e6


async def _latencies(address: str) -> list[float]:
    """Milliseconds to an answer at a steady rate, after a while at that rate."""
    bodies = batches(10**9, RATE_PER_S * (RATE_WARM_UP_S + RATE_S), RATE_BATCH)
    warm_up = RATE_PER_S * RATE_WARM_UP_S // RATE_BATCH
    async with Client(address, WRITE_KEY) as client:
        await send_steadily(client, bodies[:warm_up], RATE_PER_S / RATE_BATCH)
        return await send_steadily(client, bodies[warm_up:], RATE_PER_S / RATE_BATCH)


def _decoding(bodies: Sequence[bytes]) -> float:
    """The least that must be done: each body from JSON, each event to the JSON that is stored and to MessagePack."""
    began = time.process_time()
    for body in bodies:
        for event in msgspec.json.decode(body)["batch"]:
            json.dumps(event, sort_keys=True).encode()
            msgspec.msgpack.encode(event)
    return len(bodies) * BATCH / (time.process_time() - began)
