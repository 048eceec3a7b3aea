"""Batches on one stream to the front door: some under way at once, done in order, repeated when told to come back."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import grpc

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from cairn_source.source import Unreachable
from cairn_source.telling import Batch

if TYPE_CHECKING:  # it exists for the type checker only
    from cairn.ingestion.v1.ingestion_pb2_grpc import IngestionServiceAsyncStub

UNDER_WAY: Final = 8
"""Batches that wait for an answer; then reading pauses."""
_OPTIONS: Final = (("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000))

Done = Callable[[Batch, Sequence[pb.IngestResult]], Awaitable[None]]
"""What to do when a batch and all before it are taken in."""


class FrontDoor:
    """A connection to ingestion."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._metadata = (("authorization", f"Bearer {key}"),)

    async def send(self, batches: AsyncGenerator[Batch], done: Done) -> None:
        """Send all batches. Raises Unreachable if the front door does not answer or does not know the key."""
        async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
            try:
                await _Stream(IngestionServiceStub(channel), self._metadata, done).run(batches)
            except ExceptionGroup as faults:
                raise _only(faults) from None


class _Stream:
    """One call; batches are answered in the order in which they are sent, and done in the order they were read."""

    def __init__(self, stub: "IngestionServiceAsyncStub", metadata: tuple[tuple[str, str], ...], done: Done) -> None:
        self._stub = stub
        self._metadata = metadata
        self._done = done
        self._outgoing: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._sent: deque[Batch] = deque()
        self._open: dict[int, Batch] = {}
        """By `id`, in the order they were read."""
        self._answers: dict[int, Sequence[pb.IngestResult]] = {}
        self._slots = asyncio.Semaphore(UNDER_WAY)
        self._all_read = False
        self._turn = asyncio.Lock()

    async def run(self, batches: AsyncGenerator[Batch]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(batches))
            call = self._stub.IngestStream(self._requests(), metadata=self._metadata)
            async for answer in call:
                await self._take(answer)
            if self._open or not self._all_read:
                raise Unreachable("INGESTION_ENDED")

    async def _read(self, batches: AsyncGenerator[Batch]) -> None:
        async with aclosing(batches):
            async for batch in batches:
                await self._slots.acquire()
                self._open[id(batch)] = batch
                if batch.places:
                    self._outgoing.put_nowait(batch)
                else:
                    self._answers[id(batch)] = ()
                    await self._finish()
        self._all_read = True
        self._end()

    async def _requests(self) -> AsyncIterator[pb.IngestStreamRequest]:
        number = 0
        while (batch := await self._outgoing.get()) is not None:
            self._sent.append(batch)
            number += 1
            yield pb.IngestStreamRequest(sequence=number, request=batch.request)

    async def _take(self, answer: pb.IngestStreamResponse) -> None:
        batch = self._sent.popleft()
        if answer.HasField("retry_delay"):
            await asyncio.sleep(answer.retry_delay.ToTimedelta().total_seconds())
            self._outgoing.put_nowait(batch)
            return
        self._answers[id(batch)] = answer.results
        await self._finish()
        self._end()

    async def _finish(self) -> None:
        """Do what is answered and has nothing unanswered before it."""
        async with self._turn:
            while self._open and (first := next(iter(self._open))) in self._answers:
                await self._done(self._open[first], self._answers.pop(first))
                del self._open[first]
                self._slots.release()

    def _end(self) -> None:
        if self._all_read and not self._open:
            self._outgoing.put_nowait(None)


def _only(faults: ExceptionGroup[Exception]) -> Exception:
    """What is behind faults of several tasks: a fault of ours before any of the world's."""
    unreachable, others = faults.split((Unreachable, grpc.aio.AioRpcError))
    if others is not None or unreachable is None:
        return others or faults
    first = unreachable.exceptions[0]
    if isinstance(first, grpc.aio.AioRpcError):
        return Unreachable(f"INGESTION_{first.code().name}")
    return first
