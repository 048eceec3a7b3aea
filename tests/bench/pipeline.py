"""The whole pipeline live: five services, both servers, connectors; HTTP in, dispatches out."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nats
import psutil
from nats.aio.msg import Msg
from tests.bench.figures import Figure
from tests.bench.http import Client, batches, cpu_s, send_all, send_steadily

from cairn.connector.v1.connector_pb2 import Dispatch
from cairn.log.v1 import log_pb2
from cairn_journey import Programme, load_directory
from cairn_kernel.event import from_msgpack
from cairn_runtime.clock import now_us
from journeyctl.apply import apply_everywhere
from journeyctl.demo.stage import set_up
from journeyctl.services import Services, ask
from journeyctl.supervisor import Supervisor

PROGRAMME = Path("deploy/examples/retail")
WRITE_KEY = "bench-key"
BATCH = 100
EVENTS = 60_000
CUSTOMERS = 2_000
IN_FLIGHT = 6
PROBE_PER_S = 1_000
PROBE_S = 15
SERVERS = ("postgres", "nats")


def measure() -> list[Figure]:
    """Throughput beside the same processors without a programme, latency, and CPU per event."""
    with _running(Programme((), ())) as (supervisor, services):
        empty, _ = _throughput(supervisor, services)
    with _running(load_directory(PROGRAMME)) as (supervisor, services):
        full, cpu_us = _throughput(supervisor, services)
        latencies = sorted(asyncio.run(_latencies(supervisor, services)))
    return [
        Figure("pipeline.throughput", full, "events/s", 5_000, {"pipeline.empty_domain": full / empty}),
        Figure("pipeline.empty_domain", empty, "events/s"),
        Figure("pipeline.latency_p50", _quantile(latencies, 0.50), "ms"),
        Figure("pipeline.latency_p99", _quantile(latencies, 0.99), "ms", 500),
        Figure("pipeline.cpu_us_per_event", cpu_us, "µs", 400),
    ]


@contextmanager
def _running(programme: Programme) -> Iterator[tuple[Supervisor, Services]]:
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as folder:
        environment = {"CAIRN_WRITE_KEYS": f"default/bench:{WRITE_KEY}", "CAIRN_LOG_LEVEL": "warning"}
        with set_up(Path(folder), environment=environment) as stage:
            apply_everywhere(stage.services, programme)
            yield stage.supervisor, stage.services


def _throughput(supervisor: Supervisor, services: Services) -> tuple[float, float]:
    """Events/s from the first request to the last event decided upon, and CPU µs per event over all processes."""
    bodies = batches(0, EVENTS, BATCH, customers=CUSTOMERS)
    processes = [psutil.Process(supervisor.process_id(name)) for name in (*SERVERS, *supervisor.names)]
    before = cpu_s(processes)
    started = time.perf_counter()
    asyncio.run(send_all(supervisor.installation.http["ingestion"], WRITE_KEY, bodies, IN_FLIGHT))
    _await_processed(services, deadline_s=120)
    elapsed = time.perf_counter() - started
    return EVENTS / elapsed, (cpu_s(processes) - before) / EVENTS * 1e6


def _await_processed(services: Services, deadline_s: float) -> None:
    """Wait until decisioning has read all that journey-state wrote, and that all that came in."""
    deadline = time.monotonic() + deadline_s
    while _positions(services, "identity_resolution") < EVENTS:
        if time.monotonic() > deadline:
            raise TimeoutError("the pipeline did not finish in time")
        time.sleep(0.05)
    last = -1
    while (now := sum(_positions(services, name) for name in ("journey_state", "decisioning", "activation"))) != last:
        last = now
        time.sleep(0.25)


def _positions(services: Services, name: str) -> int:
    heads = ask(services.log(name).Heads, log_pb2.HeadsRequest()).heads
    return sum(head.position for head in heads)


async def _latencies(supervisor: Supervisor, services: Services) -> list[float]:
    """Milliseconds from an event's commit to the publishing of the dispatch it caused, at a modest rate."""
    arrived: dict[str, float] = {}
    watching = await nats.connect(supervisor.nats.url)

    async def receive(message: Msg) -> None:
        arrived[Dispatch.FromString(message.data).delivery_id] = now_us() / 1e6

    await watching.subscribe("dispatch.>", cb=receive)
    await watching.flush()
    async with Client(supervisor.installation.http["ingestion"], WRITE_KEY) as client:
        await send_steadily(client, _campaigns(), PROBE_PER_S / BATCH)
    await asyncio.sleep(2)
    await watching.close()
    planned = _planned(services)
    return [(at - planned[delivery]) * 1e3 for delivery, at in arrived.items() if delivery in planned]


def _campaigns() -> list[bytes]:
    """A tenth of the events lead to a decision: a campaign reaches a new customer; the others buy."""
    bodies = []
    for start in range(0, PROBE_PER_S * PROBE_S, BATCH):
        batch: list[dict[str, object]] = []
        for number in range(start, start + BATCH):
            common: dict[str, object] = {
                "messageId": f"probe-{number}",
                "userId": f"p{number // 10}",
                "timestamp": None,
            }
            if number % 10 == 0:
                batch.append({**common, "type": "identify", "traits": {"email": f"p{number // 10}@households.example"}})
            elif number % 10 == 1:
                properties = {"campaign_id": "1", "campaign_type": "Type A", "ends_on": "2099-01-01"}
                batch.append({**common, "type": "track", "event": "Campaign Received", "properties": properties})
            else:
                basket = {"amount": 1.5, "currency": "USD", "items": 1}
                batch.append({**common, "type": "track", "event": "Basket Purchased", "properties": basket})
        bodies.append(json.dumps({"batch": batch}).encode())
    return bodies


def _planned(services: Services) -> dict[str, float]:
    """When the event that caused each delivery came in, in seconds: the as_of of its first fact."""
    found: dict[str, float] = {}
    for partition in range(32):
        after = 0
        while True:
            request = log_pb2.ReadRequest(partition=partition, after=after, limit=5_000)
            batch = ask(services.log("activation").Read, request).batch
            if not batch.entries:
                break
            for entry in batch.entries:
                if entry.type == "delivery.planned":
                    event = from_msgpack(entry.event)
                    found[event.data["delivery_id"]] = event.as_of / 1e6
            after = batch.last
    return found


def _quantile(ordered: Sequence[float], share: float) -> float:
    if not ordered:
        raise AssertionError("no dispatch was seen: the programme decided nothing")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
