"""A follower sees every event once and in order, whatever the bus does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from cairn.event.v1.event_pb2 import Batch, Bundle
from cairn_kernel.errors import Unavailable
from cairn_kernel.event import Event, from_msgpack
from cairn_kernel.ids import stable_id
from cairn_messaging import Follower, Publisher, batch_of
from cairn_messaging.memory import MemoryBus


def event(number: int) -> Event:
    return Event(id=stable_id(number), tenant="t", type="x", event_time=number, as_of=number)


EVENTS = [event(number) for number in range(1, 41)]
"""Position n holds the event whose time is n."""


class OwnersLog:
    """Partition 3 of the log `events`."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = list(events)
        self.reads = 0
        self.down = False

    async def read(self, partition: int, after: int, limit: int) -> Batch | None:
        self.reads += 1
        if self.down:
            raise Unavailable("the owner does not answer")
        found = self.events[after : after + limit]
        return batch_of("events", partition, after + 1, found) if found else None

    async def positions(self) -> dict[int, int]:
        return {3: len(self.events)}


@asynccontextmanager
async def following(bus: MemoryBus, log: OwnersLog, after: int = 0) -> AsyncIterator[Follower]:
    follower = Follower(bus, log, "events")
    task = asyncio.get_running_loop().create_task(follower.run())
    try:
        await follower.follow({3: after})
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])


async def seen(follower: Follower, upto: int) -> list[int]:
    """Positions taken until the last one wanted has come; each holds its own event."""
    found: list[int] = []
    async with asyncio.timeout(60):
        while not found or found[-1] < upto:
            await follower.wait(1)
            for entry in follower.take(7).get(3, ()):
                assert from_msgpack(entry.body).as_of == entry.position
                found.append(entry.position)
    return found


async def test_it_begins_with_what_the_owner_has_and_goes_on_with_the_bus() -> None:
    bus, log = MemoryBus(), OwnersLog(EVENTS[:5])
    async with following(bus, log, after=2) as follower:
        assert await seen(follower, 5) == [3, 4, 5]
        log.events = EVENTS[:7]
        await bus.publish("events.3", batch_of("events", 3, 6, EVENTS[5:7]).SerializeToString())
        assert await seen(follower, 7) == [6, 7]
        assert follower.caught_up_by_read == 3


async def test_repeats_and_overlapping_batches_are_cut_off() -> None:
    bus, log = MemoryBus(), OwnersLog(EVENTS[:4])
    async with following(bus, log) as follower:
        assert await seen(follower, 4) == [1, 2, 3, 4]
        for first, last in ((1, 3), (3, 6), (2, 5), (5, 8)):
            batch = batch_of("events", 3, first, EVENTS[first - 1 : last])
            await bus.publish("events.3", batch.SerializeToString())
        assert await seen(follower, 8) == [5, 6, 7, 8]


async def test_a_hole_is_read_from_the_owner() -> None:
    bus, log = MemoryBus(), OwnersLog(EVENTS[:2])
    async with following(bus, log) as follower:
        assert await seen(follower, 2) == [1, 2]
        log.events = EVENTS[:10]
        await bus.publish("events.3", batch_of("events", 3, 9, EVENTS[8:10]).SerializeToString())
        assert await seen(follower, 10) == list(range(3, 11))


async def test_silence_while_the_owner_is_ahead_is_noticed() -> None:
    bus, log = MemoryBus(), OwnersLog(EVENTS[:2])
    async with following(bus, log) as follower:
        assert await seen(follower, 2) == [1, 2]
        bus.deaf = True
        log.events = EVENTS[:6]
        assert await seen(follower, 6) == [3, 4, 5, 6]


async def test_an_owner_that_comes_back_is_read_then() -> None:
    bus, log = MemoryBus(), OwnersLog(EVENTS[:3])
    log.down = True
    async with following(bus, log) as follower:
        assert not await follower.wait(0.05)
        log.down = False
        assert await seen(follower, 3) == [1, 2, 3]


async def test_what_is_given_back_comes_again_first() -> None:
    bus, log = MemoryBus(), OwnersLog(EVENTS[:6])
    async with following(bus, log) as follower:
        await follower.wait(1)
        taken = follower.take(4)[3]
        follower.give_back(taken[1:])
        assert await seen(follower, 6) == [2, 3, 4, 5, 6]


async def test_only_followed_partitions_are_heard() -> None:
    bus, log = MemoryBus(), OwnersLog([])
    async with following(bus, log) as follower:
        other = batch_of("events", 4, 1, EVENTS[:1])
        await bus.publish("events.4", other.SerializeToString())
        await bus.publish("events.bundle", Bundle(batches=[other]).SerializeToString())
        assert follower.buffered == 0


def published(bus: MemoryBus) -> list[tuple[int, int, int]]:
    """(partition, first, last) of all batches, in order."""
    found = []
    for subject, payload in bus.sent:
        bundled = subject.endswith(".bundle")
        batches = Bundle.FromString(payload).batches if bundled else [Batch.FromString(payload)]
        found += [(batch.partition, batch.first, batch.last) for batch in batches]
    return found


async def test_commits_that_finish_out_of_order_are_published_in_order() -> None:
    bus = MemoryBus()
    publisher = Publisher(bus, "events", {3: 10})
    await publisher.publish([(3, 13, EVENTS[:2])])
    assert bus.sent == []
    await publisher.publish([(3, 11, EVENTS[:2])])
    assert published(bus) == [(3, 11, 12), (3, 13, 14)]


async def test_a_run_whose_predecessor_never_comes_is_flushed() -> None:
    bus = MemoryBus()
    publisher = Publisher(bus, "events", {3: 10})
    await publisher.publish([(3, 20, EVENTS[:2])])
    await publisher.flush()
    await publisher.publish([(3, 22, EVENTS[:1])])
    assert published(bus) == [(3, 20, 21), (3, 22, 22)]


async def test_small_batches_share_a_message_and_large_ones_do_not() -> None:
    bus = MemoryBus()
    publisher = Publisher(bus, "events", {})
    many = [EVENTS[0]] * 1_200
    await publisher.publish([(1, 1, EVENTS[:2]), (2, 1, EVENTS[:3]), (5, 1, many)])
    assert sorted(published(bus)) == [(1, 1, 2), (2, 1, 3), (5, 1, 500), (5, 501, 1000), (5, 1001, 1200)]
    assert sum(subject == "events.bundle" for subject, _ in bus.sent) == 1


@given(st.lists(st.integers(1, 6), min_size=1, max_size=10), st.data())
def test_any_loss_repeat_and_framing_gives_each_event_once_in_order(sizes: list[int], data: st.DataObject) -> None:
    async def run() -> list[int]:
        bus, log = MemoryBus(), OwnersLog([])
        async with following(bus, log) as follower:
            end = 0
            for size in sizes:
                first, end = end + 1, min(end + size, len(EVENTS))
                log.events = EVENTS[:end]
                if first > end or data.draw(st.booleans(), label="lost"):
                    continue
                start = data.draw(st.integers(1, first), label="repeated from")
                batch = batch_of("events", 3, start, EVENTS[start - 1 : end])
                await bus.publish("events.3", batch.SerializeToString())
            last = batch_of("events", 3, end, EVENTS[end - 1 : end])
            await bus.publish("events.3", last.SerializeToString())
            return await seen(follower, end)

    found = asyncio.run(run())
    assert found == list(range(1, len(found) + 1))
