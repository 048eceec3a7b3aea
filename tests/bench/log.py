"""The log: appending to it and folding it, beside the raw statement and the stock eventsourcing application."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from tests.bench.figures import Figure

from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_kernel.event import Event, to_canonical_json
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_runtime.database import open_pool
from cairn_testkit.servers import postgres_server

STREAMS = 1_000
PER_STREAM = 20
BATCH = 1_000
STOCK_STREAMS = 200


def measure() -> list[Figure]:
    """`append`, `append.raw`, `replay`, `replay.stock`."""
    with postgres_server() as dsn:
        raw = asyncio.run(_append_raw(dsn))
        append, replay = asyncio.run(_append_and_replay(dsn))
        stock = replay_stock(dsn).elapsed
    return [
        Figure("append", append, "events/s", beside={"append.raw": append / raw}),
        Figure("append.raw", raw, "events/s"),
        Figure("replay", replay, "events/s", beside={"replay.stock": replay / stock}),
        Figure("replay.stock", stock, "events/s"),
    ]


def _events() -> Iterator[NewEvent]:
    for version in range(1, PER_STREAM + 1):
        for number in range(STREAMS):
            profile = stable_id("profile", number)
            event = Event(
                id=stable_id("event", number, version),
                tenant="default",
                type="basket.purchased",
                event_time=version,
                as_of=version,
                source="bench",
                profile_id=profile,
                data={"amount": 12.34, "currency": "USD", "items": 7, "store_id": "330"},
            )
            yield NewEvent(partition_of("default", profile), profile, version, event)


async def _append_and_replay(dsn: str) -> tuple[float, float]:
    events = list(_events())
    async with open_pool(dsn, "bench") as pool:
        store = PostgresEventStore(pool)
        with _timed() as appending:
            for start in range(0, len(events), BATCH):
                await store.commit(UnitOfWork(appends=events[start : start + BATCH]))
        streams = [stable_id("profile", number) for number in range(STREAMS)]
        with _timed() as replaying:
            total = 0
            for stream in (await store.load(streams)).values():
                for event in stream:
                    total += event.data["items"]
    if total != 7 * len(events):
        raise AssertionError("the replay lost events")
    return len(events) / appending[0], len(events) / replaying[0]


async def _append_raw(dsn: str) -> float:
    """The same rows by COPY into a table with the same indexes: what PostgreSQL can take here."""
    events = list(_events())
    connection = await asyncpg.connect(dsn)
    await connection.execute("""
        CREATE TABLE raw (partition smallint, position bigint, originator_id uuid, originator_version bigint,
                          topic text, state bytea, PRIMARY KEY (partition, position));
        CREATE UNIQUE INDEX ON raw (originator_id, originator_version);
    """)
    rows = [
        (new.partition, position, UUID(new.stream), new.version, new.event.type, to_canonical_json(new.event))
        for position, new in enumerate(events)
    ]
    with _timed() as elapsed:
        for start in range(0, len(rows), BATCH):
            await connection.copy_records_to_table("raw", records=rows[start : start + BATCH])
    await connection.close()
    return len(rows) / elapsed[0]


class Stock(NamedTuple):
    """Events per second, by the clock and by the CPU time of the application's process."""

    elapsed: float
    per_core: float


def replay_stock(dsn: str) -> Stock:
    """The stock application of the eventsourcing library, on PostgreSQL: folds aggregates of as many events."""

    class Customer(Aggregate):
        def __init__(self) -> None:
            self.items = 0

        @event("Purchased")
        def purchase(self, amount: float, currency: str, items: int, store_id: str) -> None:
            self.items += items

    url = urlsplit(dsn)
    application: Application[UUID] = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": url.path.lstrip("/"),
            "POSTGRES_HOST": url.hostname or "",
            "POSTGRES_PORT": str(url.port or 5432),
            "POSTGRES_USER": url.username or "",
            "POSTGRES_PASSWORD": url.password or "",
        }
    )
    ids = []
    for _ in range(STOCK_STREAMS):
        customer = Customer()
        for _ in range(PER_STREAM - 1):
            customer.purchase(12.34, "USD", 7, "330")
        application.save(customer)
        ids.append(customer.id)
    cpu = time.process_time()
    with _timed() as elapsed:
        for id in ids:
            application.repository.get(id)
    cpu = time.process_time() - cpu
    application.close()
    return Stock(STOCK_STREAMS * PER_STREAM / elapsed[0], STOCK_STREAMS * PER_STREAM / cpu)


@contextmanager
def _timed() -> Iterator[list[float]]:
    elapsed = [0.0]
    started = time.perf_counter()
    yield elapsed
    elapsed[0] = time.perf_counter() - started
