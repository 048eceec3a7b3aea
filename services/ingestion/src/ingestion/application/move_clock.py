"""Moves a time-lapse from step to step; every part may be repeated after a crash at any moment."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog
from msgspec.structs import replace

from cairn_eventstore import EventStore, NewEvent, UnitOfWork
from cairn_kernel.event import Event, marker
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_messaging import Publisher
from ingestion.application import metrics
from ingestion.application.admit import new
from ingestion.application.ports import Ledger
from ingestion.domain import clock as clocks
from ingestion.domain.clock import Clock

log = structlog.get_logger()

LOG: Final = "events"
LOOK_AGAIN_S: Final = 0.25
"""Another replica may have seen the step come back."""


class Opened(NamedTuple):
    """The step that is open now, and how many outcomes opened it."""

    step: int
    outcomes: int


class MoveClock:
    """The loader's handle."""

    def __init__(self, store: EventStore, publisher: Publisher, ledger_on: Callable[[Any], Ledger]) -> None:
        self._store = store
        self._publisher = publisher
        self._ledger_on = ledger_on
        self._progress = asyncio.Event()

    def look_again(self) -> None:
        """Something has come back."""
        self._progress.set()

    async def __call__(self, step: int, end: int, *, last: bool) -> Opened:
        """End a step and wait until the next one is open. Raises Refused (STEP_ORDER, NOT_IN_TIME_LAPSE)."""
        if step == 0:
            return await self._begin(end)
        await self._close(step, end, last=last)
        while True:
            self._progress.clear()
            clock = await self._open_next(step)
            if clocks.is_over(clock, step):
                metrics.STEP.set(clock.step)
                return Opened(clock.step, clock.outcomes)
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._progress.wait()
            except TimeoutError:
                continue

    async def read(self) -> Clock:
        """Where the clock stands."""
        found: list[Clock] = []

        async def prepare(connection: Any) -> None:
            found[:] = [await self._ledger_on(connection).clock()]

        await self._store.commit(UnitOfWork(prepare=prepare))
        return found[0]

    async def complete_to(self, now_us: Callable[[], int]) -> dict[int, tuple[int, int]]:
        """For LogService.Heads: per partition its position, and the instant to which it is complete there."""
        complete: dict[int, tuple[int, int]] = {}

        async def prepare(connection: Any) -> None:
            complete.clear()
            ledger = self._ledger_on(connection)
            clock = await ledger.clock()
            upto, kept = clocks.complete_to(clock, now=now_us())
            if kept != clock:
                await ledger.set_clock(kept)
            if upto is not None:  # nobody appends while we hold the clock: these heads belong to that instant
                complete.update({partition: (at, upto) for partition, at in (await ledger.heads()).items()})

        await self._store.commit(UnitOfWork(prepare=prepare))
        return complete

    async def _begin(self, start: int) -> Opened:
        work = UnitOfWork()
        opened: list[Clock] = []

        async def prepare(connection: Any) -> None:
            ledger = self._ledger_on(connection)
            clock = await ledger.clock()
            begun = clocks.begin(clock, start)
            work.appends = [] if begun == clock else _markers(0, start, "step")
            await ledger.set_clock(begun)
            opened[:] = [begun]

        work.prepare = prepare
        await self._commit(work)
        metrics.STEP.set(opened[0].step)
        return Opened(opened[0].step, opened[0].outcomes)

    async def _close(self, step: int, end: int, *, last: bool) -> None:
        work = UnitOfWork()

        async def prepare(connection: Any) -> None:
            ledger = self._ledger_on(connection)
            clock = await ledger.clock()
            closed = clocks.close(clock, step, end=end, last=last)
            work.appends = [] if closed == clock else _markers(step, closed.end, "live" if last else "step")
            await ledger.set_clock(closed)

        work.prepare = prepare
        await self._commit(work)

    async def _open_next(self, step: int) -> Clock:
        """The clock; the next step is open if all of this one has come back."""
        work = UnitOfWork()
        found: list[Clock] = []

        async def prepare(connection: Any) -> None:
            work.appends = []
            ledger = self._ledger_on(connection)
            clock = await ledger.clock()
            if not clocks.is_over(clock, step) and await _is_back(ledger, step):
                outcomes = await _fresh(await ledger.take_waiting(step), ledger)
                work.appends = [entering(outcome, clock.end) for outcome in outcomes]
                clock = clocks.open_next(clock, len(outcomes))
                await ledger.set_clock(clock)
            found[:] = [clock]

        work.prepare = prepare
        await self._commit(work)
        if work.appends:
            metrics.OUTCOMES.inc(len(work.appends))
        return found[0]

    async def _commit(self, work: UnitOfWork) -> None:
        committed = await self._store.commit(work)
        await self._publisher.publish((run.partition, run.first, run.events) for run in committed)


def entering(outcome: Event, as_of: int) -> NewEvent:
    """An outcome as an event of the log, taken in at an instant."""
    event = replace(outcome, as_of=as_of, event_time=min(outcome.event_time, as_of))
    namespace, token = event.identifiers[0]
    return new(event, partition_of(event.tenant, f"{namespace}:{token}"))


def _markers(step: int, at: int, mode: str) -> list[NewEvent]:
    return [new(marker(LOG, partition, step=step, at=at, mode=mode), partition) for partition in range(PARTITIONS)]


async def _is_back(ledger: Ledger, step: int) -> bool:
    return all(back >= step for back, _ in (await ledger.returned()).values())


async def _fresh(outcomes: list[Event], ledger: Ledger) -> list[Event]:
    """In the order in which they happened; those that the log holds already are left out."""
    stored = await ledger.stored([outcome.id for outcome in outcomes]) if outcomes else set()
    return sorted(
        (outcome for outcome in outcomes if outcome.id not in stored), key=lambda event: (event.event_time, event.id)
    )
