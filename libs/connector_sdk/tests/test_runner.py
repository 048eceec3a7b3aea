import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from cairn.connector.v1 import connector_pb2 as pb
from cairn_connector import ConnectorSettings, Doubt, Manifest, Rejected, Resolve, Status, Transient, streams, wire
from cairn_connector.journal import Journal
from cairn_connector.runner import Runner
from cairn_connector.testing import Clock, MadeUpChannel, dispatch

MANIFEST = Manifest(
    name="made-up",
    version="1",
    protocol=1,
    owner="tests",
    channel="made-up",
    parts=("body",),
    receipts=frozenset({Status.SENT}),
    doubt=Doubt(resolve=Resolve.QUERY, settle_s=0.05),
)


@dataclass
class World:
    """A connector at work, and activation's side of the bus."""

    client: Client
    channel: MadeUpChannel
    clock: Clock
    runner: Runner
    receipts: list[pb.Receipt] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def order(self, delivery_id: str, *, attempt: int = 1, repeat: int = 0, not_after: float = 1_060.0) -> None:
        body = wire.encode_dispatch(dispatch(delivery_id, attempt=attempt, not_after=not_after))
        message_id = wire.dispatch_message_id(delivery_id, attempt, repeat)
        await streams.store(self.client, wire.dispatch_subject("made-up"), body, message_id=message_id)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                self.arrived.clear()
                await self.arrived.wait()

    def statuses(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for receipt in self.receipts:
            found.setdefault(receipt.delivery_id, []).append(receipt.status)
        return found


@asynccontextmanager
async def at_work(nats_url: str, folder: Path, channel: MadeUpChannel) -> AsyncIterator[World]:
    client = await nats.connect(nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    settings = ConnectorSettings(nats_url=nats_url, concurrency=8, drain_s=2.0)
    try:
        async with Journal(folder / "journal.sqlite") as journal, asyncio.TaskGroup() as group:
            clock = Clock()
            runner = Runner(channel, MANIFEST, settings, client, journal, clock)
            world = World(client, channel, clock, runner)

            async def listen(message: Msg) -> None:
                world.receipts.append(pb.Receipt.FromString(message.data))
                world.arrived.set()

            await client.subscribe("receipt.made-up", cb=listen)
            await streams.ensure_dispatch_queue(client, "made-up")
            await streams.ensure_receipt_stream(client)
            working = group.create_task(runner.run())
            try:
                yield world
            finally:
                runner.stop()
                await working
    finally:
        await client.close()


async def test_a_thousand_dispatches_give_a_thousand_receipts(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        for number in range(1_000):
            await world.order(f"d-{number}")
        await world.until(lambda: len(world.statuses()) == 1_000)
        assert sorted(world.channel.sent) == sorted({f"d-{number}" for number in range(1_000)})
        assert {status for found in world.statuses().values() for status in found} == {pb.Receipt.STATUS_SENT}


async def test_a_lone_dispatch_is_not_held_back_for_a_batch(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        await world.order("warm-up")
        await world.until(lambda: "warm-up" in world.statuses())
        took = []
        for name in ("d-1", "d-2", "d-3", "d-4", "d-5"):
            begun = time.monotonic()
            await world.order(name)
            await world.until(lambda name=name: name in world.statuses())  # type: ignore[misc]
            took.append(time.monotonic() - begun)
        assert min(took) < 1.0  # a fetch of nats-py would wait for its whole time, each time


async def test_repeats_and_new_attempts_are_never_sent_again(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        await world.order("d-1")
        await world.order("d-1", repeat=1)
        await world.order("d-1", attempt=2)
        await world.until(lambda: len(world.statuses().get("d-1", ())) == 3)
        assert world.channel.sent == ["d-1"]


async def test_a_refused_message_is_rejected_and_a_busy_channel_is_tried_again(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        world.channel.fault = Rejected("TOO_BIG")
        await world.order("big")
        await world.until(lambda: "big" in world.statuses())
        world.channel.fault = Transient("BUSY", retry_after_s=0.1)
        await world.order("small")
        await world.until(lambda: "small" in world.statuses())
        assert world.statuses() == {"big": [pb.Receipt.STATUS_REJECTED], "small": [pb.Receipt.STATUS_SENT]}


async def test_a_deleted_queue_is_made_again_and_work_goes_on(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        await world.order("before")
        await world.until(lambda: "before" in world.statuses())
        await world.client.jetstream().delete_stream(wire.DISPATCH_STREAM)
        await world.client.jetstream().delete_stream(wire.RECEIPT_STREAM)
        await streams.ensure_receipt_stream(world.client)
        for _ in range(50):
            try:
                await world.order("after")
                break
            except streams.FAULTS:
                await asyncio.sleep(0.1)
        await world.until(lambda: "after" in world.statuses())
        assert world.channel.sent == ["before", "after"]


async def test_what_lay_begun_after_a_crash_is_settled_at_the_start(nats_url: str, tmp_path: Path) -> None:
    channel = MadeUpChannel()
    channel.sent.append("d-1")
    async with Journal(tmp_path / "journal.sqlite") as journal:
        await journal.begin(dispatch("d-1"), 999.0)
    async with at_work(nats_url, tmp_path, channel) as world:
        await world.until(lambda: "d-1" in world.statuses())
        assert world.receipts[0].resolved_by_query
        assert world.channel.sent == ["d-1"]


async def test_an_unreadable_dispatch_is_dropped_and_harms_no_other(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        await world.client.jetstream().publish("dispatch.made-up", b"\xff\xff\xff")
        await world.order("d-1")
        await world.until(lambda: "d-1" in world.statuses())


async def test_a_stopping_connector_finishes_what_it_has_in_hand(nats_url: str, tmp_path: Path) -> None:
    channel = MadeUpChannel()
    async with at_work(nats_url, tmp_path, channel) as world:
        for number in range(20):
            await world.order(f"d-{number}")
        await world.until(lambda: len(world.receipts) >= 1)
        world.runner.stop()
    assert set(channel.sent) == set(world.statuses())


async def test_a_probe_is_answered(nats_url: str, tmp_path: Path) -> None:
    async with at_work(nats_url, tmp_path, MadeUpChannel()) as world:
        await world.order("d-1")
        await world.until(lambda: "d-1" in world.statuses())
        answer = await world.client.request("connector.made-up.probe", timeout=2.0)
        assert b'"usable": true' in answer.data


@pytest.mark.parametrize("seconds", [0.0, 1_060.0])
async def test_a_dispatch_survives_the_wire(seconds: float) -> None:
    sent = dispatch(not_after=seconds)
    assert wire.decode_dispatch(wire.encode_dispatch(sent)) == sent
