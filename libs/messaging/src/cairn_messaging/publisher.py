"""Publishes what this process commits, in order, from memory."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cairn.event.v1.event_pb2 import Batch, Bundle
from cairn_kernel.event import Event
from cairn_kernel.partitions import PARTITIONS
from cairn_messaging.frames import batch_of, bundle_subject, subject
from cairn_messaging.ports import Bus

MAX_EVENTS: Final = 500
"""Most events of one message."""
BUNDLED: Final = 50
"""Batches of at most so many events go together with those of other partitions."""
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
        batches: list[Batch] = []
        for partition, first, events in committed:
            held = self._held.setdefault(partition, {})
            held[first] = _Run(first, events)
            while (run := held.pop(self._next.get(partition, 1), None)) is not None:
                batches += self._batches(partition, run)
            if len(held) > MAX_HELD:
                batches += self._release(partition)
        await self._send(batches)

    async def flush(self) -> None:
        """Send whatever is held back; call it now and then."""
        await self._send(
            [batch for partition, held in self._held.items() if held for batch in self._release(partition)]
        )

    def _release(self, partition: int) -> list[Batch]:
        held = self._held[partition]
        runs = [held.pop(first) for first in sorted(held)]
        return [batch for run in runs for batch in self._batches(partition, run)]

    def _batches(self, partition: int, run: _Run) -> list[Batch]:
        self._next[partition] = max(self._next.get(partition, 1), run.first + len(run.events))
        return [
            batch_of(self._log, partition, run.first + start, run.events[start : start + MAX_EVENTS])
            for start in range(0, len(run.events), MAX_EVENTS)
        ]

    async def _send(self, batches: Sequence[Batch]) -> None:
        """Small batches share a message: what a message costs is mostly the message."""
        bundle: list[Batch] = []
        for batch in batches:
            if len(batch.entries) > BUNDLED:
                await self._bus.publish(subject(self._log, batch.partition), batch.SerializeToString())
            else:
                bundle.append(batch)
        for start in range(0, len(bundle), PARTITIONS):
            part = bundle[start : start + PARTITIONS]
            if len(part) == 1:
                await self._bus.publish(subject(self._log, part[0].partition), part[0].SerializeToString())
            else:
                await self._bus.publish(bundle_subject(self._log), Bundle(batches=part).SerializeToString())
