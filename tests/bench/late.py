"""Late events of customers with short and with long streams: read, told anew and committed, one in a batch.

A late event must cost what has happened since, not all that ever happened: its rival is the same with whole streams.
CPU time of this process counts, so that neighbours do not; what PostgreSQL does is not in it.
"""

import asyncio
import gc
import time
from typing import Final

from tests.bench.figures import Figure

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_journey import CustomerState, JourneyDomain, Programmes, load_text
from cairn_journey.engine.evolve import MEANING
from cairn_journey.engine.stored import STORED
from cairn_kernel.event import Event, to_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import HOUR
from cairn_messaging import Entry
from cairn_runtime import ProfileProcessor, Snapshots
from cairn_runtime.database import open_pool
from cairn_testkit.servers import postgres_server

SHORT: Final = 100
LONG: Final = 10_000
LATE: Final = 40
BETWEEN: Final = 10
"""Events in order from one late one to the next."""
PROGRAMME: Final = """
kind: Journey
name: care
features:
  recent: {count: basket.purchased, window: 30d}
entry: [{on: basket.purchased}]
goal: {on: coupon.redeemed}
stages:
  - {name: active, on: basket.purchased}
  - {name: lapsing, after: {idle: basket.purchased, for: 6d}}
lateness: 6h
"""


def measure() -> list[Figure]:
    """`late.short`, `late.long`, `late.whole`: CPU per late event."""
    with postgres_server() as dsn:
        short, long, whole = asyncio.run(_measure(dsn))
    return [
        Figure("late.short", short, "ms"),
        Figure("late.long", long, "ms", beside={"late.short": long / short, "late.whole": long / whole}),
        Figure("late.whole", whole, "ms"),
    ]


async def _measure(dsn: str) -> tuple[float, float, float]:
    async with open_pool(dsn, "journey_state") as pool:
        store = PostgresEventStore(pool)
        snapshots = Snapshots(CustomerState, meaning=MEANING)
        customers = [
            _Customer("short", store, pool, snapshots),
            _Customer("long", store, pool, snapshots),
            _Customer("whole", store, pool, None),
        ]
        for customer, events in zip(customers, (SHORT, LONG, LONG), strict=True):
            await customer.lives(events)
            await customer.is_late()
        taken = [0.0] * len(customers)
        gc.freeze()
        for _ in range(LATE):
            for number, customer in enumerate(customers):
                await customer.lives(BETWEEN)
                taken[number] += await customer.is_late()
    short, long, whole = (1_000 * seconds / LATE for seconds in taken)
    return short, long, whole


class _Customer:
    """One customer, and a processor that has them in memory."""

    def __init__(
        self, name: str, store: PostgresEventStore, pool: object, snapshots: Snapshots[CustomerState] | None
    ) -> None:
        programmes = Programmes()
        programmes.activate("default", load_text(PROGRAMME))
        domain = JourneyDomain(programmes)
        self._store = store
        self._processor = ProfileProcessor(
            log_name="journeys",
            domain=domain,
            store=store,
            pool=pool,
            cache_profiles=10,
            stored=STORED,
            snapshots=snapshots,
        )
        self._profile = stable_id("late", name)
        self._count = 0
        self._now = 0

    async def lives(self, events: int) -> None:
        """An event each hour."""
        for start in range(0, events, 1_000):
            batch = []
            for _ in range(start, min(events, start + 1_000)):
                self._now += HOUR
                batch.append(self._event("page.viewed" if self._count % 5 else "basket.purchased", 0))
            await self._process(batch)

    async def is_late(self) -> float:
        """A basket of three and a half hours ago; the CPU it took."""
        return await self._process([self._event("basket.purchased", 7 * HOUR // 2)])

    async def _process(self, batch: list[Event]) -> float:
        partition = partition_of("default", self._profile)
        entries = [Entry("resolved", partition, 0, event.type, to_msgpack(event)) for event in batch]
        begun = time.process_time()
        work = UnitOfWork()
        await self._processor.process({partition: entries}, work)
        await self._store.commit(work)
        self._processor.committed(work)
        return time.process_time() - begun

    def _event(self, type: str, ago: int) -> Event:
        self._count += 1
        return Event(
            id=stable_id(self._profile, self._count),
            tenant="default",
            type=type,
            event_time=self._now - ago,
            as_of=self._now,
            source="bench",
            profile_id=self._profile,
            data={"amount": 12.34, "currency": "EUR", "items": 3, "page": "/sale"},
        )
