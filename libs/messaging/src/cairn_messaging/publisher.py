"""Publishes what this process commits, in order, from memory."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cairn_kernel.event import Event
from cairn_messaging.frames import batch_of, subject
from cairn_messaging.ports import Bus

MAX_EVENTS: Final = 500
"""Most events of one message."""
MAX_HELD: Final = 64
"""Commits of one partition that are held back for an earlier one before they go out of order."""


class _Run(NamedTuple):
    first: int
    events: Sequence[Event]


class Publisher:
    """Commits may finish out of order; each partition goes out in order of position nevertheless.

    A run whose predecessor never comes (another replica committed it) is held back for a moment at
    most: `flush` sends it. What is lost on the way costs nothing but a read of the log.
    """

    def __init__(self, bus: Bus, log: str, heads: dict[int, int]) -> None:
        """`heads`: last position per partition when this process began."""
        self._bus = bus
        self._log = log
        self._next = {partition: position + 1 for partition, position in heads.items()}
        self._held: dict[int, dict[int, _Run]] = {}

    async def publish(self, committed: Iterable[tuple[int, int, Sequence[Event]]]) -> None:
        """Send runs of (partition, first position, events) as soon as their turn has come."""
        for partition, first, events in committed:
            held = self._held.setdefault(partition, {})
            held[first] = _Run(first, events)
            await self._send_ready(partition)
            if len(held) > MAX_HELD:
                await self._send_held(partition)

    async def flush(self) -> None:
        """Send whatever is held back; call it now and then."""
        for partition in [partition for partition, held in self._held.items() if held]:
            await self._send_held(partition)

    async def _send_ready(self, partition: int) -> None:
        held = self._held[partition]
        while (run := held.pop(self._next.get(partition, 1), None)) is not None:
            await self._send(partition, run)

    async def _send_held(self, partition: int) -> None:
        held = self._held[partition]
        for first in sorted(held):
            if (run := held.pop(first, None)) is not None:
                await self._send(partition, run)

    async def _send(self, partition: int, run: _Run) -> None:
        self._next[partition] = max(self._next.get(partition, 1), run.first + len(run.events))
        for start in range(0, len(run.events), MAX_EVENTS):
            part = run.events[start : start + MAX_EVENTS]
            batch = batch_of(self._log, partition, run.first + start, part)
            await self._bus.publish(subject(self._log, partition), batch.SerializeToString())
