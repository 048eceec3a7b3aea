"""Watching counts: one look per tenant at a time, however many watch; each watcher holds only what it last told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from cairn_kernel.errors import Unavailable
from journey_state.application.ports import CustomerReader, JourneyCount

LOOK_S: Final = 0.5
"""Pause between two looks at a tenant that is watched."""
MAX_WATCHERS: Final = 200


class Standing(NamedTuple):
    """Number of customers, and the counts of each journey."""

    customers: int
    journeys: Sequence[JourneyCount]


class Watching:
    """Tells watchers when counts have changed."""

    def __init__(self, reader: CustomerReader) -> None:
        self._reader = reader
        self._looks: dict[str, _Look] = {}
        self.watchers = 0

    async def watch(self, tenant: str, journey: str) -> AsyncIterator[Standing]:
        """The counts of a journey (empty: all) now, and again whenever they changed, until the caller leaves.

        Raises Unavailable (TOO_MANY_WATCHERS).
        """
        if self.watchers >= MAX_WATCHERS:
            sentence = f"{MAX_WATCHERS} watch already; end one of them, or ask GetCounts"
            raise Unavailable(sentence, reason="TOO_MANY_WATCHERS")
        self.watchers += 1
        look = self._looks.setdefault(tenant, _Look(self._reader, tenant))
        told: Standing | None = None
        try:
            while True:
                standing = await look.next()
                fits = [one for one in standing.journeys if journey in ("", one.journey)]
                found = Standing(standing.customers, fits)
                if found != told:
                    told = found
                    yield found
        finally:
            self.watchers -= 1


class _Look:
    """One tenant's counts, looked at by whoever comes first; those who come meanwhile share the answer."""

    def __init__(self, reader: CustomerReader, tenant: str) -> None:
        self._reader = reader
        self._tenant = tenant
        self._lock = asyncio.Lock()
        self._standing: Standing | None = None
        self._at = 0.0

    async def next(self) -> Standing:
        """What is so now, or was so at most LOOK_S ago; waits so long between two looks."""
        seen = self._at
        if seen:
            await asyncio.sleep(max(0.0, seen + LOOK_S - asyncio.get_running_loop().time()))
        async with self._lock:
            if self._standing is None or self._at == seen:
                self._standing = Standing(*await self._reader.counts(self._tenant))
                self._at = asyncio.get_running_loop().time()
            return self._standing
