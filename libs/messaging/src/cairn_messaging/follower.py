"""Follows the partitions of an upstream log: the bus while it works, the owner's log where it does not."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from cairn.event.v1.event_pb2 import Batch, Bundle
from cairn_kernel.errors import Unavailable
from cairn_messaging.frames import every_subject
from cairn_messaging.ports import Bus, LogReader, Subscription

BUFFERED: Final = 20_000
"""Entries of one partition kept in memory; more are dropped and read again later."""
READ_LIMIT: Final = 2_000
"""Entries asked for at once when reading the owner's log."""
SILENCE_S: Final = 1.0
"""A follower asks the owner for its positions this often, unless it is busy with what it has."""


class Entry(NamedTuple):
    """An event of an upstream log, not decoded yet (MessagePack)."""

    log: str
    partition: int
    position: int
    type: str
    body: bytes


class _Partition:
    __slots__ = ("buffer", "catching_up", "end", "seen")

    def __init__(self, position: int) -> None:
        self.end = position
        """Position up to which entries are in the buffer or taken."""
        self.buffer: deque[Entry] = deque()
        self.catching_up = False
        self.seen = 0
        """Last position the bus told of while it was not listened to."""


class Follower:
    """Entries of the followed partitions, each in order and without holes.

    Run `run()` in a task; take entries with `take()` after `wait()`. A hole, an overflow or
    silence behind the owner's head is cured by reading the owner's log.
    """

    def __init__(self, bus: Bus, reader: LogReader, log: str) -> None:
        self._bus = bus
        self._reader = reader
        self._log = log
        self._partitions: dict[int, _Partition] = {}
        self._subscription: Subscription | None = None
        self._pending = asyncio.Event()
        self._behind: asyncio.Queue[int] = asyncio.Queue()
        self.on_unreachable: Callable[[], None] = lambda: None
        """Called when the owner's log cannot be read."""
        self.caught_up_by_read = 0
        """Entries that came from the owner's log instead of the bus."""

    @property
    def partitions(self) -> Collection[int]:
        """What is followed now."""
        return self._partitions.keys()

    @property
    def buffered(self) -> int:
        """Entries that could be taken now."""
        return sum(len(state.buffer) for state in self._partitions.values())

    async def follow(self, positions: Mapping[int, int]) -> None:
        """Begin with partitions after the given positions, or begin anew there."""
        if self._subscription is None:
            self._subscription = await self._bus.subscribe(every_subject(self._log), self._receive)
        for partition, position in positions.items():
            fresh = self._partitions[partition] = _Partition(position)
            self._fall_behind(partition, fresh)

    async def leave(self, partitions: Iterable[int]) -> None:
        """Stop following partitions and forget what was buffered of them."""
        for partition in list(partitions):
            self._partitions.pop(partition, None)

    async def wait(self, timeout_s: float) -> bool:
        """True as soon as something can be taken; False after the time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._pending.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Let `wait` return once although nothing can be taken."""
        self._pending.set()

    def take(self, limit: int, skip: Collection[int] = ()) -> dict[int, list[Entry]]:
        """Up to about `limit` entries, fairly over the partitions not in `skip`; each list is consecutive."""
        ready = {number: part for number, part in self._partitions.items() if part.buffer and number not in skip}
        if not any(part.buffer for part in self._partitions.values()):
            self._pending.clear()
        if not ready:
            return {}
        share = max(1, limit // len(ready))
        taken = {}
        for number in sorted(ready):
            buffer = ready[number].buffer
            taken[number] = [buffer.popleft() for _ in range(min(share, len(buffer)))]
        return taken

    def give_back(self, entries: Iterable[Entry]) -> None:
        """Put entries back in front that were taken and not processed; they must be consecutive per partition."""
        by_partition: dict[int, list[Entry]] = {}
        for entry in entries:
            by_partition.setdefault(entry.partition, []).append(entry)
        for partition, returned in by_partition.items():
            if (state := self._partitions.get(partition)) is not None:
                state.buffer.extendleft(reversed(returned))
                self._pending.set()

    async def run(self) -> None:
        """Keep up until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._catch_up_when_behind())
            group.create_task(self._watch_heads())

    async def _receive(self, subject: str, payload: bytes) -> None:
        _, _, where = subject.rpartition(".")
        if not where.isdecimal():
            for batch in Bundle.FromString(payload).batches:
                self._hear(batch)
        elif int(where) in self._partitions:
            self._hear(Batch.FromString(payload))

    def _hear(self, batch: Batch) -> None:
        state = self._partitions.get(batch.partition)
        if state is None:
            return
        if state.catching_up:
            state.seen = max(state.seen, batch.last)
        else:
            self._accept(state, batch)

    def _accept(self, state: _Partition, batch: Batch) -> bool:
        if batch.last <= state.end:
            return True
        if batch.first > state.end + 1 or len(state.buffer) > BUFFERED:
            state.seen = max(state.seen, batch.last)
            self._fall_behind(batch.partition, state)
            return False
        start = state.end + 1 - batch.first
        log, partition = batch.log, batch.partition
        state.buffer.extend(
            Entry(log, partition, position, entry.type, entry.event)
            for position, entry in enumerate(batch.entries[start:], start=batch.first + start)
        )
        state.end = batch.last
        self._pending.set()
        return True

    def _fall_behind(self, partition: int, state: _Partition) -> None:
        if not state.catching_up:
            state.catching_up = True
            self._behind.put_nowait(partition)

    async def _catch_up_when_behind(self) -> None:
        while True:
            partition = await self._behind.get()
            state = self._partitions.get(partition)
            if state is None or not state.catching_up:
                continue
            try:
                finished = await self._read_some(partition, state)
            except Unavailable:
                self.on_unreachable()
                await asyncio.sleep(0.2)
                finished = False
            if finished:
                state.catching_up = False
            else:
                self._behind.put_nowait(partition)

    async def _read_some(self, partition: int, state: _Partition) -> bool:
        if len(state.buffer) > BUFFERED:
            await asyncio.sleep(0.02)
            return False
        batch = await self._reader.read(partition, state.end, READ_LIMIT)
        if self._partitions.get(partition) is not state:
            return True
        if batch is not None:
            self.caught_up_by_read += len(batch.entries)
            self._accept(state, batch)
            if len(batch.entries) == READ_LIMIT:
                return False
        return state.end >= state.seen

    async def _watch_heads(self) -> None:
        while True:
            await asyncio.sleep(SILENCE_S)
            try:
                positions = await self._reader.positions()
            except Unavailable:
                self.on_unreachable()
                continue
            for partition, state in self._partitions.items():
                if positions.get(partition, 0) > state.end:
                    self._fall_behind(partition, state)
