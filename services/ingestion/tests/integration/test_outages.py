"""What senders see when servers are slow or gone, and when ingestion has a twin or leaves."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_testkit.servers import embedded_servers
from journeyctl.ports import free_port

from .house import Ingestion, ingestion, settings
from .test_crashes import BATCH, post, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def call(number: int) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "userId": f"h{number % 7}", "messageId": f"m{number}"}


def identified(message_id: str, email: str) -> pb.IngestEvent:
    """One with a personal field, so that a key is made for it."""
    event = pb.IngestEvent(message_id=message_id, type="profile.identified", identifiers={"email": email})
    event.properties.update({"email": email})
    return event


@pytest.fixture
async def small(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys", queue_max_events=1)) as service:
        yield service


async def test_too_much_is_answered_with_a_rising_time_to_come_back(small: Ingestion) -> None:
    connection = await asyncpg.connect(small.dsn, server_settings={"search_path": "ingestion"})
    async with connection.transaction():
        await connection.execute("SELECT * FROM clock FOR UPDATE")  # whoever commits waits for us
        waiting = []
        for number in range(2):
            waiting.append(asyncio.ensure_future(small.post("/v1/track", json=call(number))))  # noqa: TID251
            await asyncio.sleep(0.3)
        answers = [await small.post("/v1/track", json=call(9)) for _ in range(3)]
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await small.ingest(identified("m", "a@b.example"))
    await connection.close()
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [
        (429, "10"),
        (429, "11"),
        (429, "12"),
    ]
    assert answers[0].json()["code"] == "OVERLOADED"
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]  # it has what is asked of a call
    retry = RetryInfo()
    assert status is not None
    assert any(detail.Unpack(retry) for detail in status.details)
    assert retry.retry_delay.seconds == 13
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200]
    assert len(await small.events()) == 2


async def test_two_replicas_take_each_event_in_once_and_time_never_falls(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    one = settings(postgres_dsn, nats_url, tmp_path / "keys")
    two = one.model_copy(
        update={"grpc_address": f"127.0.0.1:{free_port()}", "http_address": f"127.0.0.1:{free_port()}"}
    )

    def events(batch: int) -> list[pb.IngestEvent]:
        return [identified(f"{batch}-{index}", f"h{index % 9}@example.com") for index in range(30)]

    async with ingestion(one) as left, ingestion(two) as right:
        answers = await asyncio.gather(*(side.ingest(*events(batch)) for batch in range(20) for side in (left, right)))
        accepted = [row.event_id for answer in answers for row in answer.results if row.outcome == 1]
        assert len(accepted) == len(set(accepted)) == 600
        for partition in range(32):
            stored = await left.app.chassis.store.read(partition, 0, 10_000)
            assert [item.event.as_of for item in stored] == sorted(item.event.as_of for item in stored)
        assert len(await left.rows("SELECT 1 FROM subject_keys")) == 9


async def test_events_are_taken_in_while_nats_is_gone_and_senders_come_back_while_postgres_is(tmp_path: Path) -> None:
    with embedded_servers() as servers:
        chosen = settings(servers.postgres.dsn, servers.nats.url, tmp_path / "keys")
        async with ingestion(chosen) as door:
            assert (await door.post("/v1/track", json=call(1))).status_code == 200
            await asyncio.to_thread(servers.nats.stop)
            assert (await door.post("/v1/track", json=call(2))).status_code == 200
            await asyncio.to_thread(servers.postgres.stop)
            answer = await door.post("/v1/track", json=call(3))
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) >= 10
            await asyncio.to_thread(servers.postgres.start)
            assert (await door.post("/v1/track", json=call(3))).status_code == 200
            assert len(await door.events()) == 3
            await asyncio.to_thread(servers.nats.start)


async def test_who_is_inside_when_the_process_leaves_is_still_answered(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    chosen = settings(postgres_dsn, nats_url, tmp_path / "keys")
    firsts = range(0, 60 * BATCH, BATCH)
    with running(chosen) as process:
        asyncio.get_running_loop().call_later(0.2, process.send_signal, signal.SIGTERM)
        acknowledged = await asyncio.gather(*(asyncio.to_thread(post, chosen, first) for first in firsts))
        assert await asyncio.to_thread(process.wait, 20) == 0
    async with ingestion(chosen) as door:
        assert len(await door.events()) == BATCH * sum(acknowledged)
