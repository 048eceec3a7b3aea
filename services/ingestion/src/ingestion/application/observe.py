"""Counts what comes in on its way, and writes the counts down now and then."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from cairn_kernel.errors import Unavailable
from cairn_runtime.pausing import pause
from ingestion.application.receive import Admission
from ingestion.domain.arriving import Arrival
from ingestion.domain.drafts import Draft
from ingestion.domain.fates import Fate, Outcome
from ingestion.domain.observations import Observations
from ingestion.domain.told import Source

log = structlog.get_logger()

WRITE_EVERY_S: Final = 5.0


class ObservationTable(Protocol):
    """Where counts add up over all replicas."""

    async def add(self, counts: Observations) -> None:
        """Raises Unavailable; nothing is added then."""
        ...


class Observe:
    """Stands before the admission. What was counted since the last writing is lost in a crash: these are statistics."""

    def __init__(self, admit: Admission, table: ObservationTable, now_us: Callable[[], int]) -> None:
        self._admit = admit
        self._table = table
        self._now_us = now_us
        self._counts = Observations()

    async def __call__(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """As the admission does."""
        outcomes = await self._admit(arrivals)
        now = self._now_us()
        fates: defaultdict[Source, list[Fate]] = defaultdict(list)
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            fates[arrival.source].append(outcome.fate)
            if outcome.fate is Fate.ACCEPTED and isinstance(arrival, Draft):
                self._counts.note_event(arrival, now)
        for source, told in fates.items():
            self._counts.note_fates(source.tenant, source.name, told, now)
        return outcomes

    async def write(self) -> None:
        """Write down what was counted; after a failure it is tried again with the next."""
        counts, self._counts = self._counts, Observations()
        try:
            await self._table.add(counts)
        except Unavailable:
            counts.take_in(self._counts)
            self._counts = counts
            log.warning("observations.unavailable")

    async def keep_writing(self) -> None:
        """For ever, and once more at the end."""
        try:
            while True:
                await pause(WRITE_EVERY_S)
                await self.write()
        finally:
            async with asyncio.timeout(2):
                await self.write()
