"""What is looked after once a second: timers of what waits long, put-off claims, held markers."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

import structlog

from activation.application import metrics
from activation.application.clocks import Clocks
from activation.application.desk import Desk, Item
from activation.application.turn import EXPIRES, timers_of
from cairn_eventstore import EventStore, UnitOfWork
from cairn_kernel.time import SECOND

log: Final = structlog.get_logger()

EVERY_S: Final = 1.0
ALARM_S: Final = 30.0
FAR: Final = 2**62
MANY: Final = 100_000


class Watch:
    """Timers exist only for deliveries that outlive a sweep in a live partition: most never need one."""

    def __init__(self, desk: Desk, clocks: Clocks, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._clocks = clocks
        self._clock_s = clock_s
        self._swept_at = 0.0
        self._seen: set[str] = set()
        self._put_off: list[Item] = []
        self._held_since: dict[int, float] = {}
        self._alarmed_at = 0.0
        self.timed: set[str] = set()
        """Deliveries that have timers."""

    async def begin(self, store: EventStore, partitions: Collection[int]) -> None:
        """Take partitions over: find out what has timers."""
        self._put_off = []
        self._swept_at = 0.0
        due = await store.next_due(partitions)
        self.timed = {timer.stream for timer in await store.due_timers(dict.fromkeys(due, FAR), MANY)}

    async def lapsed(self, store: EventStore, partition: int, upto: int, work: UnitOfWork) -> set[str]:
        """Deliveries of a partition whose time is over; timers that have nothing left to do are cancelled."""
        timers = await store.due_timers({partition: upto}, MANY)
        waiting = {item.id for item in self._desk.waiting([partition])}
        work.timers_cancelled += [timer for timer in timers if timer.stream not in waiting]
        return {timer.stream for timer in timers if timer.timer_id == EXPIRES and timer.stream in waiting}

    def put_off(self, item: Item, at: int) -> None:
        """A claim has to wait: until an instant of the domain's clock, or (0) until more is known."""
        if at:
            self.timed.discard(item.id)
            self._desk.put(replace(item, due=at, deferred=True))
        else:
            self._put_off.append(item)
            if item.flying:
                item.not_after = max(item.not_after, 0) + int(EVERY_S * SECOND)

    def sweep(self, work: UnitOfWork, partitions: Collection[int]) -> None:
        """Once a second: put timers on what is left waiting, and look again at what was put off."""
        if self._clock_s() < self._swept_at + EVERY_S:
            return
        self._swept_at = self._clock_s()
        put_off, self._put_off = self._put_off, []
        for item in put_off:
            if self._desk.get(item.id) is item and not item.flying:
                self._desk.put(item)
        waiting = list(self._desk.waiting([part for part in partitions if self._clocks.live(part)]))
        for item in waiting:
            if item.id in self._seen and item.id not in self.timed:
                work.timers_set += timers_of(item)
                self.timed.add(item.id)
        self._seen = {item.id for item in waiting}
        metrics.OPEN.set(len(self._desk))
        for connector, flying in self._desk.in_flight().items():
            metrics.IN_FLIGHT.labels(connector).set(flying)

    def held(self, partitions: Sequence[int]) -> None:
        """These partitions' steps cannot end yet."""
        now = self._clock_s()
        self._held_since = {partition: self._held_since.get(partition, now) for partition in partitions}
        metrics.MARKERS_HELD.set(len(partitions))
        longest = max((now - since for since in self._held_since.values()), default=0.0)
        if longest > ALARM_S and now > self._alarmed_at + ALARM_S:
            self._alarmed_at = now
            log.warning("marker.held", partitions=len(partitions), for_s=round(longest), open=len(self._desk))
