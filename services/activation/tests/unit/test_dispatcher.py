import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from activation.application.desk import Item
from activation.application.dispatcher import Dispatcher, Outgoing
from cairn_connector import Dispatch
from cairn_testkit.waiting import eventually


class Lane:
    """A work queue that notes what is put on it, or refuses it."""

    def __init__(self) -> None:
        self.put_on: list[tuple[str, int, int]] = []
        self.broken = False

    async def put(self, connector: str, dispatch: Dispatch, *, repeat: int) -> bool:
        if self.broken:
            return False
        self.put_on.append((dispatch.delivery_id, dispatch.attempt, min(repeat, 1)))
        return True


class Bench:
    def __init__(self) -> None:
        self.lane = Lane()
        self.now = 100.0
        self.flying: dict[str, Item] = {}
        self.first: list[str] = []
        self.dispatcher = Dispatcher(
            self.lane,
            flying=lambda: list(self.flying.values()),
            remake=self._remake,
            on_published=self.first.append,
            clock_s=lambda: self.now,
        )

    def fly(self, delivery_id: str, attempt: int = 1) -> None:
        self.flying[delivery_id] = Item(delivery_id, 0, "email", 0, 0, flying=True, attempt=attempt)

    async def until(self, count: int) -> list[tuple[str, int, int]]:
        async def put_on() -> list[tuple[str, int, int]]:
            return self.lane.put_on

        return await eventually(put_on, lambda found: len(found) >= count)

    async def _remake(self, items: Sequence[Item]) -> Sequence[Outgoing]:
        return [outgoing(item.id, item.attempt) for item in items]


def outgoing(delivery_id: str, attempt: int = 1) -> Outgoing:
    return Outgoing("email", Dispatch(delivery_id, attempt, "default", "greet", "r", {}))


@asynccontextmanager
async def at_work() -> AsyncIterator[Bench]:
    bench = Bench()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.dispatcher.run())
        yield bench
        task.cancel()


async def test_what_is_not_answered_is_published_again_and_what_is_answered_never() -> None:
    async with at_work() as bench:
        for delivery_id in ("a", "b"):
            bench.fly(delivery_id)
            bench.dispatcher.send(outgoing(delivery_id))
        await bench.until(2)
        del bench.flying["a"]
        bench.now += 6
        assert await bench.until(3) == [("a", 1, 0), ("b", 1, 0), ("b", 1, 1)]
        assert bench.first == ["a", "b"]


async def test_what_could_not_be_published_is_tried_again_under_the_same_name() -> None:
    async with at_work() as bench:
        bench.lane.broken = True
        bench.fly("a")
        bench.dispatcher.send(outgoing("a"))
        await asyncio.sleep(0)
        bench.lane.broken = False
        bench.now += 6
        assert await bench.until(1) == [("a", 1, 0)]


async def test_after_a_restart_what_flies_is_published_at_once_as_a_repeat() -> None:
    async with at_work() as bench:
        bench.fly("a", attempt=2)
        assert await bench.until(1) == [("a", 2, 1)]
        assert bench.first == []
