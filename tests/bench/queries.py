"""Questions to journey-state over gRPC, one after the other: customers with a year of shopping behind them.

The limit is a call of the same server that does nothing (its health) and a bare select, in the same run.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.bench.figures import Figure

from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.journey.v1 import journey_pb2 as pb
from cairn.journey.v1.journey_pb2_grpc import JourneyServiceStub
from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_journey import JourneyDomain, Programme, Programmes, load_directory
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import DAY, parse_instant, to_datetime
from cairn_runtime.database import open_pool
from cairn_testkit.servers import nats_server, postgres_server
from journeyctl.ports import free_port

PROGRAMME: Final = Path("deploy/examples/retail")
CUSTOMERS: Final = 200
BASKETS: Final = 60
ROUNDS: Final = 5
AIM_MS: Final = 10.0
BEGIN: Final = parse_instant("2026-01-01")


def measure() -> list[Figure]:
    """`get_customer.latency_p99` (warm), `.as_of`, `.cold`, `get_context.latency_p99` and their limit."""
    with postgres_server() as dsn, nats_server() as nats, tempfile.TemporaryDirectory() as keys:
        address = f"127.0.0.1:{free_port()}"
        told = {
            "CAIRN_DATABASE_DSN": dsn,
            "CAIRN_NATS_URL": nats,
            "CAIRN_KEYS_DIR": keys,
            "CAIRN_GRPC_ADDRESS": address,
            "CAIRN_IDENTITY_ADDRESS": f"127.0.0.1:{free_port()}",
            "CAIRN_LOG_LEVEL": "error",
        }
        service = subprocess.Popen([sys.executable, "-m", "journey_state"], env=os.environ | told)
        try:
            found = asyncio.run(_measure(dsn, address))
        finally:
            service.terminate()
            service.wait(30)
    limit = found["rpc"] + found["select"]
    return [
        Figure("get_customer.latency_p99", found["warm"], "ms", AIM_MS, {"get_customer.limit": found["warm"] / limit}),
        Figure("get_customer.as_of", found["as_of"], "ms", AIM_MS, {"get_customer.limit": found["as_of"] / limit}),
        Figure("get_customer.cold", found["cold"], "ms"),
        Figure("get_context.latency_p99", found["context"], "ms", AIM_MS),
        Figure("get_customer.limit", limit, "ms"),
    ]


async def _measure(dsn: str, address: str) -> dict[str, float]:
    programme = load_directory(PROGRAMME)
    async with grpc.aio.insecure_channel(address) as channel, open_pool(dsn, "journey_state") as pool:
        await asyncio.wait_for(channel.channel_ready(), 60)
        definitions: Any = DefinitionServiceStub(channel)
        await definitions.Apply(ApplyRequest(bundle=programme.bundle()))
        profiles = await _record(programme, PostgresEventStore(pool))
        journeys: Any = JourneyServiceStub(channel)
        health: Any = health_pb2_grpc.HealthStub(channel)
        past = Timestamp()
        past.FromDatetime(to_datetime(BEGIN + 180 * DAY))

        async def at_present(profile: str) -> None:
            answer = await journeys.GetCustomer(pb.GetCustomerRequest(profile_id=profile))
            assert answer.instances

        async def in_the_past(profile: str) -> None:
            answer = await journeys.GetCustomer(pb.GetCustomerRequest(profile_id=profile, as_of_time=past))
            assert answer.instances

        async def context(profile: str) -> None:
            assert (await journeys.GetContext(pb.GetContextRequest(profile_id=profile))).traits

        async def nothing(profile: str) -> None:
            await health.Check(health_pb2.HealthCheckRequest())

        async def select(profile: str) -> None:
            await pool.fetchval("SELECT 1")

        return {
            "cold": await _p99_ms(at_present, profiles),
            "warm": await _p99_ms(at_present, profiles * ROUNDS),
            "as_of": await _p99_ms(in_the_past, profiles * ROUNDS),
            "context": await _p99_ms(context, profiles * ROUNDS),
            "rpc": await _p99_ms(nothing, profiles * ROUNDS),
            "select": await _p99_ms(select, profiles * ROUNDS),
        }


async def _p99_ms(ask: Callable[[str], Awaitable[None]], profiles: list[str]) -> float:
    taken = []
    for profile in profiles:
        began = time.perf_counter()
        await ask(profile)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[int(len(taken) * 0.99)] * 1_000


async def _record(programme: Programme, store: PostgresEventStore) -> list[str]:
    """Streams as the service would have written them; their profiles."""
    programmes = Programmes()
    programmes.activate("default", programme)
    domain = JourneyDomain(programmes)
    profiles = [stable_id("bench", number) for number in range(CUSTOMERS)]
    for profile in profiles:
        state, stream = domain.initial("default", profile), []
        for number in range(BASKETS):
            facts, state = domain.handle(state, _basket(profile, number))
            stream += facts
        partition = partition_of("default", profile)
        appends = [NewEvent(partition, profile, version, fact) for version, fact in enumerate(stream, 1)]
        await store.commit(UnitOfWork(appends=appends))
    return profiles


def _basket(profile: str, number: int) -> Event:
    at = BEGIN + number * 6 * DAY
    type, data = ("basket.purchased", {"amount": 12.34, "items": 7, "store_id": "330"})
    if not number:
        type, data = ("profile.identified", {"locale": "en", "kids_count": "1"})
    return Event(
        id=stable_id("bench", profile, number),
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        source="bench",
        profile_id=profile,
        data=data,
    )
