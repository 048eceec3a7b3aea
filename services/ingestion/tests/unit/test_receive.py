"""Requests share commits; too many are sent away with a time to come back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cairn_kernel.errors import Unavailable
from ingestion.application import receive as module
from ingestion.application.receive import Overloaded, Receive
from ingestion.domain.arriving import Arrival
from ingestion.domain.fates import Fate, Outcome

from .desk import call, taken


def drafts(*names: str) -> list[Arrival]:
    return [taken(call(messageId=name)) for name in names]


class Counter:
    """An admission that remembers its batches and waits for a sign, if it is told to."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = asyncio.Event()
        self.go.set()
        self.fails: Callable[[Sequence[Arrival]], Exception | None] = lambda _: None

    async def __call__(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        self.batches.append(len(arrivals))
        await self.go.wait()
        if error := self.fails(arrivals):
            raise error
        return [Outcome(Fate.ACCEPTED, arrival.message_id) for arrival in arrivals]


@asynccontextmanager
async def receiving(admit: Counter, *, queue: int = 100, batch: int = 10) -> AsyncIterator[Receive]:
    receive = Receive(admit, queue_max_events=queue, batch_max_events=batch)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(receive.run())
        yield receive
        running.cancel()


async def together(*requests: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*requests, return_exceptions=True)


async def test_who_waits_is_committed_together_and_answered_apart() -> None:
    admit = Counter()
    async with receiving(admit, batch=4) as receive:
        admit.go.clear()
        asking = asyncio.gather(*(receive(drafts(f"{n}-a", f"{n}-b")) for n in range(5)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        admit.go.set()
        answers = await asking
    assert admit.batches == [4, 4, 2]
    assert [[outcome.event_id for outcome in answer] for answer in answers] == [[f"{n}-a", f"{n}-b"] for n in range(5)]


async def test_a_request_larger_than_a_batch_is_a_batch() -> None:
    admit = Counter()
    async with receiving(admit, queue=3, batch=2) as receive:
        assert len(await receive(drafts(*"abcdef"))) == 6
    assert admit.batches == [6]


async def test_a_full_queue_sends_away_with_a_rising_time_and_recovers() -> None:
    admit = Counter()
    async with receiving(admit, queue=5, batch=4) as receive:
        admit.go.clear()
        held = asyncio.gather(receive(drafts("a")), receive(drafts("b", "c", "d")), receive(drafts("e")))
        for _ in range(3):
            await asyncio.sleep(0)
        refused = await together(*(receive(drafts(*"uvwxyz")) for _ in range(60)))
        waits = [error.retry_after_s for error in refused if isinstance(error, Overloaded)]
        assert waits[:3] == [10, 11, 12]
        assert waits[-1] == 60
        assert waits == sorted(waits)
        admit.go.set()
        await held
        assert len(await receive(drafts("z"))) == 1
        admit.go.clear()
        again = asyncio.gather(receive(drafts("a")), receive(drafts("b", "c", "d", "e")))
        for _ in range(3):
            await asyncio.sleep(0)
        with pytest.raises(Overloaded) as raised:
            await receive(drafts("f", "g"))
        assert raised.value.retry_after_s == 10
        admit.go.set()
        await again


async def test_an_outage_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", (0.0,))
    admit = Counter()
    outage = iter([Unavailable("down")] * 3)
    admit.fails = lambda _: next(outage, None)
    async with receiving(admit) as receive:
        assert len(await receive(drafts("a"))) == 1
    assert len(admit.batches) == 4


async def test_a_long_outage_asks_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    admit = Counter()
    admit.fails = lambda _: Unavailable("down")
    async with receiving(admit) as receive:
        assert all(
            isinstance(error, Overloaded) for error in await together(receive(drafts("a")), receive(drafts("b")))
        )


async def test_a_request_that_cannot_be_committed_harms_no_other() -> None:
    admit = Counter()
    admit.fails = lambda arrivals: ValueError() if any(arrival.message_id == "bad" for arrival in arrivals) else None
    async with receiving(admit) as receive:
        good, bad, fine = await together(receive(drafts("a")), receive(drafts("bad")), receive(drafts("b")))
    assert isinstance(bad, Overloaded)
    assert [len(good), len(fine)] == [1, 1]


async def test_who_waits_at_the_end_is_sent_away() -> None:
    admit = Counter()
    admit.go.clear()
    async with receiving(admit) as receive:
        asking = asyncio.gather(receive(drafts("a")), return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
    assert isinstance((await asking)[0], Overloaded)
