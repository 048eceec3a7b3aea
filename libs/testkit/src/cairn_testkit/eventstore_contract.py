"""The suite that every EventStore passes: subclass it and give a `store` fixture."""

import asyncio
from typing import Any

import pytest

from cairn_eventstore import (
    EventStore,
    Fenced,
    InboxAdvance,
    NewEvent,
    Snapshot,
    StreamConflict,
    Timer,
    UnitOfWork,
)
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id

LOG = "upstream"


def an_event(name: str, *, as_of: int = 1_000, **data: Any) -> Event:
    """An event with an id made from its name."""
    return Event(id=stable_id(name), tenant="default", type="thing.happened", event_time=as_of, as_of=as_of, data=data)


def new(partition: int, name: str, version: int = 1, *, as_of: int = 1_000) -> NewEvent:
    """The version of a stream that is named after its event's first word."""
    return NewEvent(partition, stable_id("stream", name.split()[0]), version, an_event(name, as_of=as_of))


class EventStoreContract:
    """Fixture `store`: an EventStore with inbox rows of the log `upstream` at position 0 and epoch 0."""

    async def test_positions_are_gapless_per_partition(self, store: EventStore) -> None:
        """Each partition counts for itself, in the order of the appends."""
        first = await store.commit(UnitOfWork(appends=[new(3, "a"), new(1, "b"), new(3, "c")]))
        second = await store.commit(UnitOfWork(appends=[new(3, "d")]))
        assert [(run.partition, run.first, run.last) for run in first] == [(1, 1, 1), (3, 1, 2)]
        assert [(run.partition, run.first, run.last) for run in second] == [(3, 3, 3)]
        read = await store.read(3, 0, 10)
        assert [(item.position, item.event.id) for item in read] == [
            (1, stable_id("a")),
            (2, stable_id("c")),
            (3, stable_id("d")),
        ]

    async def test_reading_goes_on_after_a_position_up_to_a_limit(self, store: EventStore) -> None:
        """Pages have no overlap and no hole."""
        await store.commit(UnitOfWork(appends=[new(0, f"e{n}") for n in range(7)]))
        pages = [[item.position for item in await store.read(0, after, 3)] for after in (0, 3, 6, 7)]
        assert pages == [[1, 2, 3], [4, 5, 6], [7], []]

    async def test_a_stream_comes_back_in_order_of_version(self, store: EventStore) -> None:
        """Even if its events were appended in other orders and transactions."""
        await store.commit(UnitOfWork(appends=[new(0, "s 2", 2), new(0, "s 1", 1)]))
        await store.commit(UnitOfWork(appends=[new(5, "s 3", 3)]))
        stream, unknown = stable_id("stream", "s"), stable_id("stream", "none")
        loaded = await store.load([stream, unknown])
        assert [event.id for event in loaded[stream]] == [stable_id(f"s {n}") for n in (1, 2, 3)]
        assert loaded[unknown] == []

    async def test_a_stream_loads_from_its_snapshot_on(self, store: EventStore) -> None:
        """A snapshot of another format is as good as none; the newest one counts."""
        await store.commit(UnitOfWork(appends=[new(0, f"s {n}", n) for n in range(1, 6)]))
        stream, unknown = stable_id("stream", "s"), stable_id("stream", "none")
        for version in (2, 4):
            await store.commit(UnitOfWork(snapshots=[Snapshot(stream, version, "v1", bytes([version]))]))
        loaded = await store.load_since_snapshot([stream, unknown], "v1")
        assert loaded[stream].snapshot == (stream, 4, "v1", b"\x04", 1_001)
        assert ([event.id for event in loaded[stream].events], loaded[stream].version) == ([stable_id("s 5")], 5)
        assert (loaded[unknown], loaded[unknown].version) == ((None, []), 0)
        other = (await store.load_since_snapshot([stream], "v2"))[stream]
        assert (other.snapshot, len(other.events), other.version) == (None, 5, 5)

    async def test_what_is_told_anew_loads_from_the_newest_snapshot_that_it_does_not_reach_behind(
        self, store: EventStore
    ) -> None:
        """The newest one if it is later than all that the log held then, else the one kept beside it, else none."""
        stream, unknown = stable_id("stream", "s"), stable_id("stream", "none")
        settled, newest = Snapshot(stream, 2, "v1", b"2", 20), Snapshot(stream, 4, "v1", b"4")
        await store.commit(UnitOfWork(appends=[new(0, f"s {n}", n, as_of=n * 10) for n in range(1, 5)]))
        await store.commit(UnitOfWork(appends=[new(3, "other", 1, as_of=42)], snapshots=[newest, settled]))
        await store.commit(UnitOfWork(appends=[new(0, "s 5", 5, as_of=50)]))
        for effect, version in ((43, 4), (42, 2), (20, 2), (19, 0)):
            loaded = (await store.load_to_tell({stream: effect, unknown: effect}, "v1"))[stream]
            assert loaded.snapshot == {4: newest._replace(told_from=43), 2: settled, 0: None}[version]
            assert (len(loaded.events), loaded.version) == (5 - version, 5)
        later = Snapshot(stream, 5, "v1", b"5", 30)
        await store.commit(UnitOfWork(snapshots=[later]))
        assert (await store.load_to_tell({stream: 43}, "v1"))[stream] == (later, [])
        assert (await store.load_to_tell({stream: 43}, "v2"))[stream].snapshot is None
        assert (await store.load_since_snapshot([stream], "v1"))[stream].version == 5
        assert (await store.load_since_snapshot([stream], "v1"))[stream].snapshot == newest._replace(told_from=43)

    async def test_a_version_exists_once(self, store: EventStore) -> None:
        """The second is refused and nothing of its unit of work remains."""
        await store.commit(UnitOfWork(appends=[new(0, "s 1")]))
        with pytest.raises(StreamConflict):
            await store.commit(UnitOfWork(appends=[new(0, "t 1"), new(0, "s again", 1)]))
        assert (await store.heads())[0].position == 1

    async def test_the_inbox_moves_only_from_where_it_is_known_to_be(self, store: EventStore) -> None:
        """The loser of a race changes nothing."""
        await store.commit(UnitOfWork(inbox=[InboxAdvance(LOG, 2, 0, 5, 0)], appends=[new(2, "a")]))
        with pytest.raises(Fenced):
            await store.commit(UnitOfWork(inbox=[InboxAdvance(LOG, 2, 0, 5, 0)], appends=[new(2, "b")]))
        with pytest.raises(Fenced):
            await store.commit(UnitOfWork(inbox=[InboxAdvance(LOG, 2, 5, 6, 7)], appends=[new(2, "b")]))
        assert (await store.inbox(LOG))[2].last == 5
        assert [item.event.id for item in await store.read(2, 0, 9)] == [stable_id("a")]

    async def test_one_of_two_racing_batches_wins_whole(self, store: EventStore) -> None:
        """Partitions of both overlap; the loser leaves no trace in any of them."""
        one = UnitOfWork(inbox=[InboxAdvance(LOG, 1, 0, 1, 0), InboxAdvance(LOG, 2, 0, 1, 0)], appends=[new(1, "a")])
        two = UnitOfWork(inbox=[InboxAdvance(LOG, 2, 0, 1, 0), InboxAdvance(LOG, 3, 0, 1, 0)], appends=[new(3, "b")])
        outcomes = await asyncio.gather(store.commit(one), store.commit(two), return_exceptions=True)
        assert sorted(isinstance(outcome, Fenced) for outcome in outcomes) == [False, True]
        inbox = await store.inbox(LOG)
        heads = await store.heads()
        assert (inbox[1].last, heads[1].position) in ((0, 0), (1, 1))
        assert (inbox[3].last, heads[3].position) == (1 - inbox[1].last, 1 - heads[1].position)

    async def test_heads_tell_position_and_greatest_as_of(self, store: EventStore) -> None:
        """An empty partition is at 0."""
        await store.commit(UnitOfWork(appends=[new(4, "a", as_of=50), new(4, "b", as_of=40)]))
        heads = await store.heads()
        assert (heads[4], heads[5]) == ((2, 50), (0, 0))

    async def test_timers_come_due_in_order_and_can_be_moved_and_cancelled(self, store: EventStore) -> None:
        """Order is (due, timer id); setting an id again moves it."""
        stream = stable_id("stream", "t")
        timers = [Timer(6, stream, name, due) for name, due in (("c", 20), ("b", 10), ("a", 20), ("d", 99))]
        await store.commit(UnitOfWork(timers_set=timers))
        moved = Timer(6, stream, "b", 30)
        await store.commit(UnitOfWork(timers_set=[moved], timers_cancelled=[timers[0]]))
        assert [timer.timer_id for timer in await store.due_timers({6: 30, 7: 99}, 10)] == ["a", "b"]
        assert [timer.timer_id for timer in await store.due_timers({6: 30}, 1)] == ["a"]
        assert await store.due_timers({7: 99}, 10) == []
        assert dict(await store.next_due([6, 7])) == {6: 20}
