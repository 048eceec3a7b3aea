"""Concurrent requests share a transaction: whoever waits is taken together, then all are answered."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import structlog

from cairn_kernel.errors import Unavailable
from ingestion.application import metrics
from ingestion.domain.arriving import Arrival
from ingestion.domain.fates import Outcome

log = structlog.get_logger()

PATIENCE_S: Final = 8.0
"""How long a batch is tried before its senders are asked to come back; clients wait 15 s for an answer."""
RETRY_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5)
RETRY_AFTER_S: Final = 10
RETRY_AFTER_MOST_S: Final = 60

Admission = Callable[[Sequence[Arrival]], Awaitable[list[Outcome]]]


class Overloaded(Exception):
    """Too much waits already, or nothing can be stored: come back after a while."""

    def __init__(self, retry_after_s: int, reason: str = "OVERLOADED") -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.reason = reason


class _Request(NamedTuple):
    arrivals: Sequence[Arrival]
    answer: "asyncio.Future[list[Outcome]]"


class Receive:
    """A bounded queue before one committing task; run `run` beside the front doors."""

    def __init__(self, admit: Admission, *, queue_max_events: int, batch_max_events: int) -> None:
        self._admit = admit
        self._queue_max_events = queue_max_events
        self._batch_max_events = batch_max_events
        self._waiting: deque[_Request] = deque()
        self._waiting_events = 0
        self._refusals = 0
        self._arrived = asyncio.Event()

    async def __call__(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """Outcomes in order, once they are committed. Raises Overloaded."""
        if self._waiting and self._waiting_events + len(arrivals) > self._queue_max_events:
            raise self._refusal()
        request = _Request(arrivals, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._waiting_events += len(arrivals)
        metrics.QUEUED.set(self._waiting_events)
        self._arrived.set()
        return await request.answer

    async def run(self) -> None:
        """Commit what comes until cancelled; what waits then is sent away."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await self._commit(self._next_batch())
        finally:
            self._send_away(self._waiting)
            self._waiting.clear()

    def _next_batch(self) -> list[_Request]:
        batch = [self._waiting.popleft()]
        events = len(batch[0].arrivals)
        while self._waiting and events + len(self._waiting[0].arrivals) <= self._batch_max_events:
            batch.append(self._waiting.popleft())
            events += len(batch[-1].arrivals)
        self._waiting_events -= events
        metrics.QUEUED.set(self._waiting_events)
        return batch

    async def _commit(self, batch: list[_Request]) -> None:
        arrivals = [arrival for request in batch for arrival in request.arrivals]
        try:
            outcomes = await self._patiently(arrivals)
        except Unavailable as error:
            log.warning("batch.refused", reason=error.reason, events=len(arrivals))
            self._send_away(batch)
            return
        except Exception as error:  # a fault of ours: the senders keep their events, the next batch gets its chance
            log.error("batch.failed", events=len(arrivals), exc_info=error)
            await self._apart(batch)
            return
        except asyncio.CancelledError:
            self._send_away(batch)
            raise
        self._answer(batch, outcomes)

    async def _apart(self, batch: list[_Request]) -> None:
        """What failed together is tried one request at a time, so that one cannot take the others down."""
        for request in batch if len(batch) > 1 else ():
            await self._commit([request])
        if len(batch) == 1:
            self._send_away(batch)

    async def _patiently(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        until = time.monotonic() + PATIENCE_S
        for attempt in range(1_000):
            try:
                return await self._admit(arrivals)
            except Unavailable:
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                if time.monotonic() + pause > until:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _answer(self, batch: list[_Request], outcomes: list[Outcome]) -> None:
        if self._waiting_events * 2 < self._queue_max_events:
            self._refusals = 0
        at = 0
        for request in batch:
            if not request.answer.done():  # its sender may be gone
                request.answer.set_result(outcomes[at : at + len(request.arrivals)])
            at += len(request.arrivals)

    def _send_away(self, requests: Sequence[_Request] | deque[_Request]) -> None:
        for request in requests:
            if not request.answer.done():
                request.answer.set_exception(self._refusal())

    def _refusal(self) -> Overloaded:
        wait = min(RETRY_AFTER_S + self._refusals, RETRY_AFTER_MOST_S)
        self._refusals += 1
        metrics.REFUSED.labels("OVERLOADED").inc()
        return Overloaded(wait)
