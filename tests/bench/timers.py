"""A million sleeping timers: what each costs, and how soon one that is due fires, with the real service over them."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Final

import asyncpg
import nats
import psutil
from nats.aio.msg import Msg
from tests.bench.figures import Figure

from cairn.event.v1.event_pb2 import Batch, Bundle
from cairn_journey import load_text
from cairn_kernel.event import Event, from_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.time import SECOND
from cairn_messaging.frames import bundle_subject, every_subject
from cairn_runtime import Settings, open_chassis
from cairn_runtime.clock import now_us
from cairn_testkit.servers import embedded_servers
from cairn_testkit.upstream import UpstreamLog, serving, upstream_log
from journey_state.composition import compose
from journeyctl.ports import free_port

SLEEPING: Final = 1_000_000
DUE: Final = 1_000
"""Timers that come due while they are watched, evenly over SPREAD_S."""
SPREAD_S: Final = 8
TOGETHER: Final = 20
WITHIN_S: Final = 10
PROGRAMME = load_text("""
kind: Journey
name: hurry
entry: [{on: basket.purchased}]
goal: {on: coupon.redeemed, value: event.amount, currency: EUR, within: 10s}
""")
SLEEP = """
INSERT INTO timers (stream, timer_id, partition, due)
SELECT gen_random_uuid(), gen_random_uuid() || ':goal', number % 32, $2::bigint + number
FROM generate_series(1, $1) AS number
"""
SIZE = "SELECT pg_total_relation_size('timers')"


def measure() -> list[Figure]:
    """`timers.bytes_each`, `timers.resident_each`, `timers.fired_p99` with a million others asleep."""
    with embedded_servers() as servers, tempfile.TemporaryDirectory() as home:
        bytes_each, resident, late = asyncio.run(_measure(servers.postgres.dsn, servers.nats.url, Path(home)))
    late.sort()
    return [
        Figure("timers.bytes_each", bytes_each, "bytes", aim=1_000),
        Figure("timers.resident_each", resident, "bytes", aim=1),
        Figure("timers.fired_p50", late[len(late) // 2] / 1e3, "ms"),
        Figure("timers.fired_p99", late[int(len(late) * 0.99)] / 1e3, "ms", aim=1_000),
    ]


class _Live(UpstreamLog):
    """An upstream that is complete to the present."""

    async def _complete_to(self) -> dict[int, tuple[int, int]]:
        self.complete = now_us()
        return await super()._complete_to()


async def _measure(dsn: str, nats_url: str, home: Path) -> tuple[float, float, list[int]]:
    address = f"127.0.0.1:{free_port()}"
    settings = Settings(
        database_dsn=dsn, nats_url=nats_url, keys_dir=home, identity_address=address, grpc_address=address,
        log_level="error",
    )  # fmt: skip
    async with upstream_log(settings, "identity_resolution", "resolved") as resolved:
        live = _Live(resolved.chassis)
        own = settings.model_copy(update={"grpc_address": "127.0.0.1:0"})
        async with open_chassis(own, "journey_state", "journeys") as chassis:
            await chassis.pool.execute(
                "INSERT INTO definitions (tenant, ordinal, version, bundle) VALUES ('default', 1, $1, $2)",
                PROGRAMME.version,
                PROGRAMME.bundle(),
            )
            await compose(chassis)
            async with serving(chassis):
                await live.append(_basket("first"))
                before = psutil.Process().memory_info().rss
                size = await _sleep(dsn)
                late = await _fire(live, nats_url)
                resident = max(0, psutil.Process().memory_info().rss - before) / SLEEPING
    return size / SLEEPING, resident, late


async def _sleep(dsn: str) -> int:
    """Arm a million timers for the day after tomorrow; return the bytes of table and indexes."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "journey_state"})
    empty = await connection.fetchval(SIZE)
    await connection.execute(SLEEP, SLEEPING, now_us() + 2 * 86_400 * SECOND, timeout=120)
    size = await connection.fetchval(SIZE)
    await connection.close()
    return int(size - empty)


async def _fire(live: UpstreamLog, nats_url: str) -> list[int]:
    """µs from due to published of each timer. Raises AssertionError if one fires twice, TimeoutError if never."""
    fired: dict[str, list[int]] = {}
    waiting = {stable_id("customer", number) for number in range(DUE)}
    all_fired = asyncio.Event()
    client = await nats.connect(nats_url)

    async def receive(message: Msg) -> None:
        at = now_us()
        together = message.subject == bundle_subject("journeys")
        batches = Bundle.FromString(message.data).batches if together else [Batch.FromString(message.data)]
        for entry in (entry for batch in batches for entry in batch.entries if entry.type == "journey.exited"):
            event = from_msgpack(entry.event)
            fired.setdefault(event.profile_id, []).append(at - event.as_of)
            waiting.discard(event.profile_id)
        if not waiting:
            all_fired.set()

    await client.subscribe(every_subject("journeys"), cb=receive)
    for start in range(0, DUE, TOGETHER):
        await live.append(*[_basket(number) for number in range(start, start + TOGETHER)])
        await asyncio.sleep(SPREAD_S * TOGETHER / DUE)
    async with asyncio.timeout(WITHIN_S + 30):
        await all_fired.wait()
    await asyncio.sleep(1)  # for one that fires again
    await client.close()
    late = [fired.get(stable_id("customer", number), []) for number in range(DUE)]
    if any(len(times) != 1 for times in late):
        raise AssertionError("a timer fired twice")
    return [times[0] for times in late]


def _basket(number: str | int) -> Event:
    at = now_us()
    return Event(
        id=stable_id("basket", number, os.getpid()),
        tenant="default",
        type="basket.purchased",
        event_time=at,
        as_of=at,
        source="bench",
        profile_id=stable_id("customer", number),
    )
