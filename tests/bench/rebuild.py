"""Rebuilding read models from PostgreSQL, beside the stock eventsourcing application replaying as many events, and the
identity graph, beside a mere read of its log.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.bench.figures import Figure
from tests.bench.log import replay_stock

from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_eventstore.archived_log import ArchivedLog
from cairn_journey import load_text
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import DAY, SECOND
from cairn_runtime.database import open_pool
from cairn_runtime.rebuild import MOST_PIECES, NEXT_PIECES, PIECE_EVENTS, STREAMS, Rebuilder, connect
from cairn_runtime.rebuild_in_order import InOrder
from cairn_runtime.rebuild_swap import cut, prepare
from cairn_testkit.servers import postgres_server
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.rebuild import READ_MODEL as GRAPH
from journey_state.rebuild import READ_MODEL, domain

CUSTOMERS = 3_000
BASKETS = 60
AIM = 100_000
PROGRAMME = load_text("""
kind: Journey
name: win-back
features:
  baskets_30d: {count: basket.purchased, window: 30d}
  spend: {sum: basket.purchased, of: amount}
entry: [{on: basket.purchased}]
goal: {on: coupon.redeemed, value: event.amount, currency: EUR, within: 200d}
stages:
  - {name: active, on: basket.purchased}
  - {name: lapsing, when: baskets_30d == 0, after: {idle: basket.purchased, for: 30d}}
""")


class Speeds(NamedTuple):
    """Stored events per second."""

    elapsed: float
    per_core: float
    """By the CPU time of the process that folds; PostgreSQL's own is the rest of what elapsed."""
    read: float
    """What PostgreSQL gives out of the same pieces, if nothing is done with them: the limit of `elapsed`."""


def measure() -> list[Figure]:
    """`rebuild` per core and by the clock, beside the stock eventsourcing application and a mere read."""
    with postgres_server() as dsn:
        ours = asyncio.run(_rebuild(dsn))
        stock = replay_stock(dsn)
        graph, read = asyncio.run(_graph(dsn))
    return [
        Figure("rebuild", ours.per_core, "events/s", aim=AIM, beside={"rebuild.stock": ours.per_core / stock.per_core}),
        Figure("rebuild.stock", stock.per_core, "events/s"),
        Figure(
            "rebuild.elapsed",
            ours.elapsed,
            "events/s",
            beside={"rebuild.stock_elapsed": ours.elapsed / stock.elapsed, "rebuild.read": ours.elapsed / ours.read},
        ),
        Figure("rebuild.stock_elapsed", stock.elapsed, "events/s"),
        Figure("rebuild.read", ours.read, "events/s"),
        Figure("rebuild.identity", graph, "events/s", beside={"rebuild.identity_read": graph / read}),
        Figure("rebuild.identity_read", read, "events/s"),
    ]


async def _rebuild(dsn: str) -> Speeds:
    """One process folds all pieces: read, decode, fold, project, write, commit."""
    await _fill(dsn)
    connection = await connect(dsn, "journey_state")
    tables = [*READ_MODEL.tables, *READ_MODEL.log_tables]
    total = await prepare(connection, "journey_state", tables)
    await cut(connection, total, PIECE_EVENTS, 1, MOST_PIECES)
    folding = READ_MODEL.folding([("default", PROGRAMME.version, PROGRAMME.bundle())])
    rebuilder = Rebuilder(connection, READ_MODEL, folding)
    pieces = [(int(n), str(first), str(last)) for n, first, last in await connection.fetch(NEXT_PIECES)]
    started = time.perf_counter()
    for _, first, last in pieces:
        await connection.fetch(STREAMS, first, last)
    read = time.perf_counter() - started
    started, cpu = time.perf_counter(), time.process_time()
    folded = sum([events async for events in rebuilder.pieces(pieces)])
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    customers = await connection.fetchval("SELECT count(*) FROM journey_state_rebuild.customers")
    await connection.close()
    if (folded, customers) != (total, CUSTOMERS):
        raise AssertionError("the rebuild lost events or customers")
    return Speeds(total / elapsed, total / cpu, total / read)


class _Nobody:
    """Learns nothing of what it is given."""

    async def take(self, events: Sequence[Event]) -> None:
        pass

    async def caught_up(self) -> None:
        pass


async def _graph(dsn: str) -> tuple[float, float]:
    """Stored events per second of CPU of the one process that learns a graph again, and of one that only reads."""
    await _fill_graph(dsn)
    speeds = []
    for make in (GRAPH.replay, _nobody):
        connection = await connect(dsn, "identity_resolution")
        total = await prepare(connection, "identity_resolution", [*GRAPH.tables, *GRAPH.log_tables], from_start=True)
        folder = InOrder(connection, ArchivedLog(connection), await make(connection))
        cpu = time.process_time()
        taken = sum([events async for events in folder.fold()])
        speeds.append(total / (time.process_time() - cpu))
        nodes = await connection.fetchval("SELECT count(*) FROM identity_resolution_rebuild.nodes")
        await connection.execute("DROP SCHEMA identity_resolution_rebuild CASCADE")
        await connection.close()
        if (taken, nodes > CUSTOMERS) != (total, make is GRAPH.replay):
            raise AssertionError("the rebuild lost events or identifiers")
    return speeds[0], speeds[1]


async def _nobody(connection: Any) -> _Nobody:
    return _Nobody()


async def _fill_graph(dsn: str) -> None:
    """Customers with a few names each and some baskets, as the service would have stored them."""
    chance = random.Random(1)
    async with open_pool(dsn, "identity_resolution") as pool:
        store = PostgresEventStore(pool)
        resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), 100_000)
        await resolver.forget({})
        for start in range(0, CUSTOMERS * 20, 1_000):
            work = UnitOfWork()
            await resolver.resolve(
                [_seen(number, chance.randrange(CUSTOMERS)) for number in range(start, start + 1_000)], work
            )
            await store.commit(work)
            resolver.committed()


def _seen(number: int, customer: int) -> Event:
    names = [
        Identifier("user_id", f"u{customer}"),
        Identifier("email", f"e{customer}"),
        Identifier("anonymous_id", f"a{number % 3}-{customer}"),
    ]
    data = {"amount": 12.34, "currency": "USD", "items": 7, "store_id": "330"}
    return Event(
        id=stable_id("seen", number),
        tenant="default",
        type="basket.purchased",
        event_time=number * SECOND,
        as_of=number * SECOND,
        source="bench",
        identifiers=tuple(names[number % 3 :]) or (names[0],),
        data=data,
    )


async def _fill(dsn: str) -> None:
    """Customers with a stream of baskets each, as the engine would have stored it."""
    made = domain([("default", PROGRAMME.version, PROGRAMME.bundle())])
    async with open_pool(dsn, "journey_state") as pool:
        store = PostgresEventStore(pool)
        for start in range(0, CUSTOMERS, 100):
            work = UnitOfWork()
            for number in range(start, start + 100):
                profile = stable_id("profile", number)
                state, version = made.initial("default", profile), 0
                for basket in range(BASKETS):
                    facts, state = made.handle(state, _basket(profile, basket))
                    for fact in facts:
                        version += 1
                        work.appends.append(NewEvent(partition_of("default", profile), profile, version, fact))
            await store.commit(work)


def _basket(profile: str, number: int) -> Event:
    at = number * DAY
    return Event(
        id=stable_id("basket", profile, number),
        tenant="default",
        type="basket.purchased",
        event_time=at,
        as_of=at,
        source="bench",
        profile_id=profile,
        data={"amount": 12.34, "currency": "USD", "items": 7, "store_id": "330"},
    )
