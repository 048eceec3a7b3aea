"""The connector is killed at the worst moments: a message goes out once, or the doubt about it is settled by asking."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cairn.connector.v1 import connector_pb2 as pb
from cairn_connector import streams, wire

from .street import Street, open_street

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
async def street(nats_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(nats_url, tmp_path) as opened:
        yield opened


async def test_an_email_arrives_and_its_receipt_says_so(street: Street) -> None:
    street.start_connector()
    await street.order("d-1", recipient="jörg@households.example")
    receipt = await street.receipt_of("d-1")
    [message] = await street.kept("d-1")
    assert receipt.status == pb.Receipt.STATUS_SENT
    assert receipt.provider_id == "<d-1@cairn.invalid>"
    assert (message["subject"], message["recipient"]) == ("Grüße 🎉", "jörg@households.example")
    assert "households" not in street.log("connector_email")


async def test_killed_between_sending_and_recording_it_never_sends_twice(street: Street) -> None:
    connector = street.start_connector()
    await street.ask("/hold", "POST")  # the mail server keeps messages, and the connector does not learn of it
    await street.order("d-1")
    await street.until_kept("d-1")
    street.kill(connector)
    await street.ask("/release", "POST")
    street.start_connector()
    receipt = await street.receipt_of("d-1")
    await street.order("d-1", repeat=1)
    await street.order("d-1", attempt=2)
    await street.order("last")
    await street.receipt_of("last")
    assert receipt.status == pb.Receipt.STATUS_SENT
    assert receipt.resolved_by_query
    assert len(await street.kept("d-1")) == 1


async def test_killed_before_anything_was_sent_it_asks_and_then_sends(street: Street) -> None:
    sink = street.running[0]
    connector = street.start_connector()
    await street.order("warm-up")
    await street.receipt_of("warm-up")
    sink.send_signal(signal.SIGSTOP)
    await street.order("d-1")
    await _until_begun(street)
    street.kill(connector)
    sink.send_signal(signal.SIGCONT)
    street.start_connector()
    await street.order("d-1", repeat=1)
    receipt = await street.receipt_of("d-1")
    assert receipt.status == pb.Receipt.STATUS_SENT
    assert len(await street.kept("d-1")) == 1


async def test_a_mail_server_that_dies_in_mid_sentence_gets_the_message_once(street: Street) -> None:
    street.start_connector()
    await street.ask("/hold", "POST")
    await street.order("d-1")
    await street.until_kept("d-1")
    street.kill(street.running[0])
    street.start_sink()
    await street.until_sink_answers()
    receipt = await street.receipt_of("d-1")
    assert receipt.resolved_by_query
    assert len(await street.kept("d-1")) == 1


async def test_killed_again_and_again_under_load_each_message_arrives_once(street: Street) -> None:
    moments = random.Random(7)
    wanted = [f"d-{number}" for number in range(400)]
    connector = street.start_connector()
    for delivery_id in wanted:
        await street.order(delivery_id)
    for _ in range(4):
        await asyncio.sleep(moments.uniform(0.3, 1.2))
        street.kill(connector)
        connector = street.start_connector()
    for delivery_id in wanted:  # as activation does for whatever has no receipt
        await street.order(delivery_id, repeat=1)
    for delivery_id in wanted:
        assert (await street.receipt_of(delivery_id)).status == pb.Receipt.STATUS_SENT
    assert await street.ask("/counts") == {"messages": 400, "ids": 400}


async def test_a_wiped_queue_loses_no_message_that_is_ordered_again(street: Street) -> None:
    street.start_connector()
    await street.order("d-1")
    await street.receipt_of("d-1")
    await street.client.jetstream().delete_stream(wire.DISPATCH_STREAM)
    await streams.ensure_dispatch_queue(street.client, "email")
    await street.order("d-1", repeat=1)
    await street.order("d-2", repeat=1)
    assert (await street.receipt_of("d-2")).status == pb.Receipt.STATUS_SENT
    assert await street.ask("/counts") == {"messages": 2, "ids": 2}


async def test_told_to_stop_it_ends_cleanly(street: Street) -> None:
    connector = street.start_connector()
    await street.order("d-1")
    await street.receipt_of("d-1")
    connector.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(connector.wait, 10) == 0


async def _until_begun(street: Street) -> None:
    wal = street.folder / "connector" / "email.sqlite-wal"
    async with asyncio.timeout(60):
        for _ in range(1_000):
            if b"d-1" in wal.read_bytes():
                return
            await asyncio.sleep(0.01)
