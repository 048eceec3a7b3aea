"""kill -9 of the real process, in the middle of what it does."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import ClockServiceStub
from cairn_kernel.time import DAY, HOUR, parse_instant, to_datetime
from ingestion.settings import IngestionSettings

from .house import KEY, delivered, deliveries, ingestion, settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

T0 = parse_instant("2017-01-01T00:00:00Z")
EVENTS = 3_000
BATCH = 50


@contextmanager
def running(chosen: IngestionSettings) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m ingestion`, ready; killed at the end if it still runs."""
    told = {
        f"CAIRN_{name.upper()}": str(value)
        for name, value in chosen.model_dump().items()
        if value not in (None, "") and "key" not in name
    }
    told |= {"CAIRN_KEYS_DIR": str(chosen.keys_dir), "CAIRN_WRITE_KEYS": chosen.write_keys.get_secret_value()}
    process = subprocess.Popen([sys.executable, "-m", "ingestion"], env={**os.environ, **told})
    try:
        wait_until(lambda: answers(chosen))
        yield process
    finally:
        process.kill()
        process.wait()


def answers(chosen: IngestionSettings) -> bool:
    with suppress(requests.ConnectionError):
        return requests.options(f"http://{chosen.http_address}/v1/batch", timeout=5).status_code == 204
    return False


def wait_until(true: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def body(first: int) -> dict[str, Any]:
    return {
        "batch": [
            {
                "type": "identify",
                "userId": f"h{number % 97}",
                "traits": {"email": f"h{number % 97}@example.com", "n": number},
                "messageId": f"m{number}",
            }
            for number in range(first, first + BATCH)
        ]
    }


def post(chosen: IngestionSettings, first: int) -> bool:
    """Whether it was acknowledged."""
    with suppress(requests.RequestException):
        answer = requests.post(f"http://{chosen.http_address}/v1/batch", json=body(first), auth=(KEY, ""), timeout=15)
        return answer.status_code == 200
    return False


async def test_what_was_acknowledged_is_there_once_whenever_the_process_is_killed(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    chosen = settings(postgres_dsn, nats_url, tmp_path / "keys")
    todo = list(range(0, EVENTS, BATCH))
    for lives_s in (0.05, 0.1, 0.2, 60):
        with running(chosen) as process:
            killer = asyncio.get_running_loop().call_later(lives_s, process.kill)
            acknowledged = await asyncio.gather(*(asyncio.to_thread(post, chosen, first) for first in todo))
            killer.cancel()
        todo = [first for first, fine in zip(todo, acknowledged, strict=True) if not fine]
    assert todo == []
    async with ingestion(chosen) as door:
        events = await door.events()
        assert sorted(event.data["n"] for event in events) == list(range(EVENTS))
        assert await door.quarantine() == []
        assert len(await door.rows("SELECT 1 FROM subject_keys")) == 97
        for partition, head in (await door.app.chassis.store.heads()).items():
            stored = await door.app.chassis.store.read(partition, 0, 10_000)
            assert [item.position for item in stored] == list(range(1, head.position + 1))
            assert [item.event.as_of for item in stored] == sorted(item.event.as_of for item in stored)


async def test_a_step_ends_the_same_whenever_the_process_is_killed(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    chosen = settings(postgres_dsn, nats_url, tmp_path / "keys")
    facts = [delivered(f"d{number}", T0 + number * HOUR, profile=f"p{number}") for number in range(20)]

    async def step(number: int, end: int, timeout_s: float) -> pb.StepResponse:
        async with grpc.aio.insecure_channel(chosen.grpc_address) as channel:
            request = pb.StepRequest(step=number)
            request.end_time.FromDatetime(to_datetime(end))
            return await ClockServiceStub(channel).Step(request, timeout=timeout_s, wait_for_ready=True)

    async with deliveries(chosen) as activation:
        with running(chosen):  # killed with its markers out and half of the outcomes back
            await step(0, T0, 10)
            await activation.mark(0, T0)
            await activation.append(*facts[:10])
            with suppress(grpc.aio.AioRpcError):
                await step(1, T0 + DAY, 1)
        await activation.append(*facts[10:])
        with running(chosen) as process:  # killed when all is back, before or after the next step opened
            asking = asyncio.ensure_future(step(1, T0 + DAY, 1))  # noqa: TID251 - the test's own task
            await activation.mark(1, T0 + DAY)
            await asyncio.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            await asyncio.wait([asking])
            asking.exception()
        with running(chosen):
            answer = await step(1, T0 + DAY, 15)
            assert (answer.open_step, answer.feedback_events) == (2, 20)
            answer = await step(1, T0 + DAY, 15)
            assert (answer.open_step, answer.feedback_events) == (2, 20)
    async with ingestion(chosen) as door:
        events = await door.events()
        assert sorted(event.data["delivery_id"] for event in events) == sorted(
            fact.data["delivery_id"] for fact in facts
        )
        assert {event.as_of for event in events} == {T0 + DAY}
        assert len(await door.log()) == 20 + 2 * 32
