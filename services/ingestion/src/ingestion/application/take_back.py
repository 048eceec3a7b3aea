"""Follows `deliveries`: what became of messages comes back as events."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cairn_eventstore import InboxAdvance, UnitOfWork
from cairn_kernel.event import MARKER, Event, from_msgpack
from cairn_messaging import Entry
from ingestion.application import metrics
from ingestion.application.move_clock import entering
from ingestion.application.ports import Ledger
from ingestion.domain.clock import Clock, Mode
from ingestion.domain.outcomes import matters, outcome

UPSTREAM: Final = "deliveries"


class TakeBack:
    """A processor without state of its own: where each partition stands is in the database.

    Live, outcomes are appended as they come. In a time-lapse they wait, with the step that they end,
    until MoveClock opens the next one with all of them, in order.
    """

    def __init__(
        self, ledger_on: Callable[[Any], Ledger], now_us: Callable[[], int], look_again: Callable[[], None]
    ) -> None:
        self._ledger_on = ledger_on
        self._now_us = now_us
        self._look_again = look_again

    async def process(self, entries: Mapping[int, Sequence[Entry]], work: UnitOfWork) -> dict[int, int]:
        facts = {partition: _facts(run) for partition, run in sorted(entries.items())}
        if any(facts.values()):

            async def prepare(connection: Any) -> None:
                await self._sort(facts, self._ledger_on(connection), work)

            work.prepare = prepare
        return {partition: len(run) for partition, run in entries.items()}

    async def tick(self, upto: Mapping[int, int], work: UnitOfWork) -> bool:
        return False

    async def gained(self, partitions: Mapping[int, InboxAdvance]) -> None:
        pass

    async def lost(self, partitions: set[int]) -> None:
        pass

    def committed(self, work: UnitOfWork) -> None:
        if work.appends:
            metrics.OUTCOMES.inc(len(work.appends))
        self._look_again()

    async def _sort(self, facts: Mapping[int, Sequence[Event]], ledger: Ledger, work: UnitOfWork) -> None:
        clock = await ledger.clock()
        returned = await ledger.returned()
        moved: dict[int, tuple[int, bool]] = {}
        waiting: list[tuple[int, Event]] = []
        arrived: dict[str, Event] = {}
        for partition, run in facts.items():
            step, live = returned[partition]
            for fact in run:
                if fact.type == MARKER:
                    step, live = int(fact.data["step"]), fact.data["mode"] == "live"
                    moved[partition] = step, live
                elif (made := outcome(fact)) is None:
                    continue
                elif live and clock.mode is Mode.LIVE:
                    arrived.setdefault(made.id, made)
                else:
                    waiting.append((max(step + 1, clock.step if live else 0), made))
        if moved:
            await ledger.set_returned(moved)
        if waiting:
            await ledger.let_wait(waiting)
        await self._append(arrived, clock, ledger, work)

    async def _append(self, arrived: Mapping[str, Event], clock: Clock, ledger: Ledger, work: UnitOfWork) -> None:
        work.appends = []
        stored = await ledger.stored(arrived.keys()) if arrived else set()
        as_of = max(self._now_us(), clock.as_of)
        work.appends = [entering(made, as_of) for made in arrived.values() if made.id not in stored]
        if work.appends:
            await ledger.set_clock(clock._replace(as_of=as_of))


def _facts(entries: Sequence[Entry]) -> list[Event]:
    return [from_msgpack(entry.body) for entry in entries if entry.type == MARKER or matters(entry.type)]
