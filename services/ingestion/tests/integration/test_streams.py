"""Doors that stay open: a gRPC stream, and CloudEvents over NATS."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import nats
import pytest

from cairn.ingestion.v1 import ingestion_pb2 as pb

from .house import KEY, OTHER_KEY, Ingestion, ingestion, settings

pytestmark = pytest.mark.timeout(600)

ACCEPTED = pb.IngestResult.OUTCOME_ACCEPTED


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys", queue_max_events=400)) as service:
        yield service


def batch(sequence: int, size: int = 10) -> pb.IngestStreamRequest:
    events = [
        pb.IngestEvent(message_id=f"{sequence}-{n}", type="Order Done", identifiers={"user_id": f"h{n}"})
        for n in range(size)
    ]
    return pb.IngestStreamRequest(sequence=sequence, request=pb.IngestRequest(events=events))


async def stream(door: Ingestion, batches: list[pb.IngestStreamRequest], key: str = KEY) -> list[Any]:
    async def say() -> AsyncIterator[pb.IngestStreamRequest]:
        for item in batches:
            yield item

    call = door.api.IngestStream(say(), metadata=(("authorization", f"Bearer {key}"),), timeout=30)
    return [answer async for answer in call]


async def test_a_stream_is_answered_in_order_batch_by_batch_after_the_commit(door: Ingestion) -> None:
    answers = await stream(door, [batch(number) for number in range(60)])
    assert [answer.sequence for answer in answers] == list(range(60))
    taken = [answer for answer in answers if answer.results]
    assert all(result.outcome == ACCEPTED for answer in taken for result in answer.results)
    assert len(await door.events()) == 10 * len(taken)
    for answer in answers:
        assert answer.results or answer.retry_delay.seconds >= 10


async def test_a_stream_begun_again_doubles_nothing(door: Ingestion) -> None:
    await stream(door, [batch(1)])
    (first, second) = await stream(door, [batch(1), batch(2)])
    assert {result.outcome for result in first.results} == {pb.IngestResult.OUTCOME_DUPLICATE}
    assert {result.outcome for result in second.results} == {ACCEPTED}
    assert len(await door.events()) == 20


@pytest.mark.parametrize(
    ("batches", "key", "code"),
    [
        ([batch(1)], "nobody's", grpc.StatusCode.UNAUTHENTICATED),
        ([batch(1, size=0)], KEY, grpc.StatusCode.INVALID_ARGUMENT),
        ([batch(1, size=501)], KEY, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_stream_at_fault_ends_with_its_reason(
    door: Ingestion, batches: list[pb.IngestStreamRequest], key: str, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stream(door, batches, key)
    assert refusal.value.code() is code


async def ask(url: str, body: bytes, **headers: str) -> dict[str, Any]:
    """A request over NATS, as soon as somebody listens."""
    client = await nats.connect(url)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(100):
            try:
                answer = await client.request("ingest", body, timeout=10, headers=named)
            except nats.errors.NoRespondersError:
                await asyncio.sleep(0.05)
                continue
            told: dict[str, Any] = json.loads(answer.data)
            return told
        raise AssertionError("nobody listens")
    finally:
        await client.close()


async def test_cloud_events_come_in_over_nats_in_all_modes(door: Ingestion, nats_url: str) -> None:
    key = f"Bearer {KEY}"
    event = {
        "specversion": "1.0",
        "id": "c1",
        "source": "/shop",
        "type": "order.done",
        "subject": "h1",
        "data": {"n": 1},
    }
    assert await ask(
        nats_url,
        b'{"n": 0}',
        authorization=key,
        ce_specversion="1.0",
        ce_id="c0",
        ce_source="/shop",
        ce_type="order.done",
        ce_subject="h1",
    ) == {"success": True}
    structured = "application/cloudevents+json"
    assert await ask(nats_url, json.dumps(event).encode(), authorization=key, content_type=structured) == {
        "success": True
    }
    several = json.dumps([event, {**event, "id": "c2", "data": {"n": 2}}]).encode()
    assert await ask(nats_url, several, authorization=key, content_type="application/cloudevents-batch+json") == {
        "success": True
    }
    assert sorted(event.data["n"] for event in await door.events()) == [0, 1, 2]


async def test_what_is_wrong_over_nats_is_told(door: Ingestion, nats_url: str) -> None:
    assert await ask(nats_url, b"{}", authorization="Bearer nobody") == {"success": False, "code": "WRITE_KEY"}
    broken = await ask(
        nats_url, b"[", authorization=f"Bearer {OTHER_KEY}", content_type="application/cloudevents-batch+json"
    )
    assert broken == {"success": False, "code": "BROKEN_JSON"}
    assert await ask(nats_url, b"{}", authorization=f"Bearer {KEY}") == {"success": True}
    assert [(row.reason, row.field) for row in await door.quarantine()] == [("FIELD_REQUIRED", "specversion")]
