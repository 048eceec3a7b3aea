"""Hands claimed deliveries to connectors, and again as long as nobody has answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import structlog

from activation.application.desk import Item
from cairn_connector import Dispatch
from cairn_connector.cancelling import heed_cancellation

log: Final = structlog.get_logger()

AT_ONCE: Final = 64
"""Publishings under way at the same time; each waits for its acknowledgement."""
REPEAT_S: Final = (5.0, 10.0, 20.0, 40.0)
"""Pauses after which an unanswered dispatch is published again; the last one for ever."""
TICK_S: Final = 0.5


class Queue(Protocol):
    """Where connectors pull their work."""

    async def put(self, connector: str, dispatch: Dispatch, *, repeat: int) -> bool:
        """Store a dispatch; `repeat` (0: the first time) tells publishings of one attempt apart. False on a fault."""
        ...


class Outgoing(NamedTuple):
    """One dispatch for one connector."""

    connector: str
    dispatch: Dispatch


class _Published:
    __slots__ = ("attempt", "next_at", "times")

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        self.times = 0
        self.next_at = 0.0


class Dispatcher:
    """Publishes; `remake` makes a dispatch again that was made before, or None if it cannot be made now."""

    def __init__(
        self,
        queue: Queue,
        *,
        flying: Callable[[], Iterable[Item]],
        remake: Callable[[Sequence[Item]], Awaitable[Sequence[Outgoing]]],
        on_published: Callable[[str], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._flying = flying
        self._remake = remake
        self._on_published = on_published
        self._clock_s = clock_s
        self._orders: asyncio.Queue[Outgoing] = asyncio.Queue()
        self._published: dict[str, _Published] = {}

    def send(self, order: Outgoing) -> None:
        """Publish soon."""
        self._published[order.dispatch.delivery_id] = _Published(order.dispatch.attempt)
        self._published[order.dispatch.delivery_id].next_at = self._clock_s() + REPEAT_S[0]
        self._orders.put_nowait(order)

    async def run(self) -> None:
        """Publish and repeat until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._publish())
            group.create_task(self._repeat())

    async def _publish(self) -> None:
        while True:
            heed_cancellation()
            order = await self._orders.get()
            dispatch = order.dispatch
            state = self._published.get(dispatch.delivery_id)
            if state is None or state.attempt != dispatch.attempt:
                continue  # answered, or claimed anew, while it waited here
            repeat = int(time.monotonic() * 1_000) if state.times else 0
            if await self._queue.put(order.connector, dispatch, repeat=repeat):
                if state.times == 0:
                    self._on_published(dispatch.delivery_id)
                pause_s = REPEAT_S[min(state.times, len(REPEAT_S) - 1)]
                state.times += 1
                state.next_at = self._clock_s() + pause_s
            else:
                state.next_at = self._clock_s() + 2 * TICK_S

    async def _repeat(self) -> None:
        while True:
            heed_cancellation()
            await asyncio.sleep(TICK_S)
            now = self._clock_s()
            flying = {item.id: item for item in self._flying()}
            for delivery_id in self._published.keys() - flying.keys():
                del self._published[delivery_id]
            due = [item for item in flying.values() if self._is_due(item, now)]
            if not due:
                continue
            orders = await self._remake(due)
            for order in orders:
                self._orders.put_nowait(order)
            if orders:
                log.info("dispatches.repeated", dispatches=len(orders))

    def _is_due(self, item: Item, now: float) -> bool:
        state = self._published.get(item.id)
        if state is None or state.attempt != item.attempt:
            state = self._published[item.id] = _Published(item.attempt)
            state.times = 1  # it may have been published before this process began
        if state.next_at > now:
            return False
        state.next_at = now + REPEAT_S[0]
        return True
