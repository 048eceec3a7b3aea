"""The service as a process of its own, killed in the middle."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import grpc
import pytest

from cairn.decisioning.v1 import decisioning_pb2 as pb
from cairn.decisioning.v1.decisioning_pb2_grpc import DecisioningServiceStub
from cairn.definition.v1.definition_pb2 import ApplyRequest
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY
from cairn_runtime import Settings
from cairn_runtime.rpc import open_channel
from journeyctl.ports import free_port

from .house import PROGRAMME, T0, journeys, moment, settings


@asynccontextmanager
async def process(settings: Settings, address: str, hash_seed: int) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(hash_seed),
        "CAIRN_DATABASE_DSN": settings.database_dsn,
        "CAIRN_NATS_URL": settings.nats_url,
        "CAIRN_KEYS_DIR": str(settings.keys_dir),
        "CAIRN_JOURNEY_ADDRESS": settings.journey_address,
        "CAIRN_GRPC_ADDRESS": address,
        "CAIRN_BATCH_MAX_EVENTS": "20",
        "CAIRN_LEASE_TTL_S": "1",
        "CAIRN_LOG_LEVEL": "error",
    }
    running = await asyncio.create_subprocess_exec(sys.executable, "-m", "decisioning", env=environment)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def counted(channel: grpc.aio.Channel, at_least: int) -> int:
    api = DecisioningServiceStub(channel)
    async with asyncio.timeout(60):
        while True:
            counts = await api.GetCounts(pb.GetCountsRequest(), wait_for_ready=True)
            if counts.moments >= at_least:
                return int(counts.moments)
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_at_any_moment_it_goes_on_and_the_hash_is_that_of_an_undisturbed_run(
    postgres_server_dsn: str, postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    profiles = [stable_id("p", number) for number in range(50)]
    moments = [moment(profile, number, T0 + number * DAY) for number in range(8) for profile in profiles]

    async def run(dsn: str, *, kills: int, hash_seed: int) -> str:
        chosen = settings(dsn, nats_url, tmp_path / "keys")
        address = f"127.0.0.1:{free_port()}"
        async with journeys(chosen) as upstream, open_channel(address) as channel:
            for number in range(kills + 1):
                async with process(chosen, address, hash_seed + number) as running:
                    if not number:
                        apply = ApplyRequest(bundle=PROGRAMME.bundle())
                        await DefinitionServiceStub(channel).Apply(apply, wait_for_ready=True, timeout=20)
                        await upstream.append(*moments)
                    if number < kills:
                        await counted(channel, len(moments) * (number + 1) // (kills + 2))
                        running.send_signal(signal.SIGKILL)
                        await running.wait()
                        continue
                    assert await counted(channel, len(moments)) == len(moments)
                    answer = await DecisioningServiceStub(channel).GetStateHash(pb.GetStateHashRequest())
                    assert answer.decisions == len(moments)
                    running.send_signal(signal.SIGTERM)
                    assert await running.wait() == 0
        return str(answer.state_hash)

    admin = await asyncpg.connect(postgres_server_dsn)
    await admin.execute("CREATE DATABASE undisturbed TEMPLATE template0")
    try:
        undisturbed = await run(f"{postgres_server_dsn.rpartition('/')[0]}/undisturbed", kills=0, hash_seed=1)
    finally:
        await admin.execute("DROP DATABASE undisturbed WITH (FORCE)")
        await admin.close()
    assert await run(postgres_dsn, kills=2, hash_seed=10) == undisturbed
