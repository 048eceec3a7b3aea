"""Identity resolution: how fast, how flat, and how right where people share identifiers.

Speeds are events per second of CPU time of one process: nothing here waits.
"""

import asyncio
import gc
import random
import time
from collections.abc import Hashable, Mapping, Sequence
from statistics import mean
from typing import Final

from msgspec.structs import replace
from tests.bench import linking_rivals as rivals
from tests.bench import probabilistic
from tests.bench.figures import Figure
from tests.bench.shared_identifiers import Happened, Quality, agreement, happened, in_sessions, quality

from cairn_eventstore import UnitOfWork
from cairn_journey import load_text
from cairn_kernel.event import Event, Identifier, from_msgpack, to_canonical_json, to_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import SECOND
from cairn_runtime.database import open_pool
from cairn_testkit.servers import postgres_server
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.outputs import outputs
from identity_resolution.domain.rules import Rules

SEEDS: Final = range(5)
BATCH: Final = 1_000
WARM_CUSTOMERS: Final = 10_000
WARM_EVENTS: Final = 200_000
FLAT: Final = (10_000, 2_000_000)
"""Profiles in memory: the cost of an event at the second is compared to that at the first."""
FLAT_EVENTS: Final = 100_000


def measure() -> list[Figure]:
    """Speed of known customers, its flatness, and quality and order agreement over five seeds."""
    gc.set_threshold(50_000, 20, 100)  # as every service does
    with postgres_server() as dsn:
        warm, members = asyncio.run(_warm(dsn)), asyncio.run(_members(dsn))
    with postgres_server() as dsn:
        matched = asyncio.run(probabilistic.measure(dsn))
    small, large = (_look_ups(profiles) for profiles in FLAT)
    return [
        Figure("identity.deterministic", warm, "events/s", 50_000),
        Figure("identity.members", members, "events/s"),
        *matched,
        Figure("identity.flatness", small / large, "times the cost", 1.3),
        *_shared(),
        *_sessions(),
    ]


async def _warm(dsn: str) -> float:
    """Events/s of one core from the bytes of the bus to the unit of work; nothing has to be looked up."""
    return await _known(dsn, KindsInForce(), [])


async def _members(dsn: str) -> float:
    """The same where each customer belongs to a company of a hundred, and it is told of each event."""
    kinds, programme = KindsInForce(), load_text("{kind: SubjectKind, name: account, member_of: {group: company}}")
    kinds.install("default", programme.version, programme.bundle())
    joined = [
        replace(event, type="group.joined", data={"group_id": f"company {number % (WARM_CUSTOMERS // 100)}"})
        for number, event in enumerate(_baskets(WARM_CUSTOMERS, WARM_CUSTOMERS, 0))
    ]
    return await _known(dsn, kinds, joined)


async def _known(dsn: str, kinds: KindsInForce, joined: Sequence[Event]) -> float:
    async with open_pool(dsn, "identity_resolution") as pool:
        resolver = EventResolver(PostgresIdentityStore(pool), Rulebook(), WARM_CUSTOMERS * 4, kinds=kinds)
        await resolver.forget({})
        for batch in _batches([*_baskets(WARM_CUSTOMERS, WARM_CUSTOMERS, 0), *joined]):
            await resolver.resolve([from_msgpack(body) for body in batch], UnitOfWork())
        batches = _batches(_baskets(WARM_CUSTOMERS, WARM_EVENTS, 1))
        started = time.process_time()
        for batch in batches:
            await resolver.resolve([from_msgpack(body) for body in batch], UnitOfWork())
            resolver.committed()
        return WARM_EVENTS / (time.process_time() - started)


def _baskets(customers: int, count: int, seed: int) -> list[Event]:
    """Purchases of customers who are logged in on a device of theirs; the first `customers` are all different."""
    chance = random.Random(seed)
    events = []
    for number in range(count):
        customer = number if number < customers and seed == 0 else chance.randrange(customers)
        at = (seed * 10_000_000 + number) * SECOND
        events.append(
            Event(
                id=stable_id("bench", seed, number),
                tenant="default",
                type="basket.purchased",
                event_time=at,
                as_of=at,
                source="bench",
                identifiers=_names(customer),
                data={"amount": 12.34, "currency": "USD", "items": 7, "store_id": "330"},
            )
        )
    return events


def _names(customer: int) -> tuple[Identifier, ...]:
    return (Identifier("user_id", f"{customer:032x}"), Identifier("anonymous_id", f"{customer:032x}"))


def _batches(events: Sequence[Event]) -> list[list[bytes]]:
    return [[to_msgpack(event) for event in events[at : at + BATCH]] for at in range(0, len(events), BATCH)]


def _look_ups(profiles: int) -> float:
    """Events/s with so many profiles in memory, from the bytes of the bus to stored bytes and their partition.

    The events are of known customers, drawn from all profiles alike, so that with two millions of them next to nothing
    an event touches was touched lately. All was learned from bytes, as in the service.
    """
    graph = IdentityGraph("default", Rules())
    for customer in range(profiles):
        graph.resolve(from_msgpack(to_msgpack(_seen(customer, customer))))
        if customer % BATCH == 0:
            graph.take_changes()
    graph.take_changes()
    chance = random.Random(1)
    bodies = [to_msgpack(_seen(chance.randrange(profiles), profiles + number)) for number in range(FLAT_EVENTS)]
    started = time.process_time()
    for number, body in enumerate(bodies):
        event = from_msgpack(body)
        resolution = graph.resolve(event, batch=number // BATCH)
        for output in outputs(event, resolution):
            if resolution.partition is None:
                partition_of(output.tenant, output.profile_id)
            to_canonical_json(output)
    return FLAT_EVENTS / (time.process_time() - started)


def _seen(customer: int, second: int) -> Event:
    return Event(
        id=stable_id("bench", customer, second),
        tenant="default",
        type="basket.purchased",
        event_time=second * SECOND,
        as_of=second * SECOND,
        source="bench",
        identifiers=(Identifier("user_id", f"{customer:032x}"),),
        data={"amount": 12.34, "currency": "USD", "items": 7, "store_id": "330"},
    )


def _shared() -> list[Figure]:
    """Quality where people share identifiers, beside the best possible, no care at all, and limits as events arrive."""
    own: list[Quality] = []
    others: dict[str, list[Quality]] = {"oracle": [], "naive": [], "flat_limits": []}
    agreed: dict[str, list[float]] = {"canonical": [], "flat_limits": []}
    for seed in SEEDS:
        events = happened(seed)
        orders = [events, *(_shuffled(events, order) for order in (1, 2))]
        found = [_canonical(order) for order in orders]
        flat = [rivals.flat_limits(order) for order in orders]
        own.append(quality(found[0], events))
        others["oracle"].append(quality(rivals.oracle(events), events))
        others["naive"].append(quality(rivals.naive(events), events))
        others["flat_limits"].append(quality(flat[0], events))
        agreed["canonical"].append(min(agreement(found[0], other) for other in found[1:]))
        agreed["flat_limits"].append(min(agreement(flat[0], other) for other in flat[1:]))
    precision, recall = mean(one.precision for one in own), mean(one.recall for one in own)
    best = mean(one.recall for one in others["oracle"])
    return [
        Figure("identity.order_agreement", min(agreed["canonical"]), "share", 1.0),
        Figure("identity.order_agreement.flat_limits", min(agreed["flat_limits"]), "share"),
        Figure("identity.shared.precision", precision, "share", 0.9958),
        *(
            Figure(f"identity.shared.precision.{name}", mean(one.precision for one in seeds), "share")
            for name, seeds in others.items()
        ),
        Figure("identity.shared.recall_lost", best - recall, "share lost", 0.004),
        Figure("identity.shared.largest", max(one.largest for one in own), "people", 2),
        *(
            Figure(f"identity.shared.largest.{name}", max(one.largest for one in seeds), "people")
            for name, seeds in others.items()
        ),
    ]


def _sessions() -> list[Figure]:
    """The same where people come in sessions."""
    events = [in_sessions(seed) for seed in SEEDS[:3]]
    own = [quality(_canonical(some), some) for some in events]
    best = mean(quality(rivals.oracle(some), some).recall for some in events)
    return [
        Figure("identity.sessions.precision", mean(one.precision for one in own), "share"),
        Figure("identity.sessions.recall_lost", best - mean(one.recall for one in own), "share lost"),
    ]


def _canonical(events: Sequence[Happened]) -> Mapping[str, Hashable]:
    """Whose each event is once all are known."""
    graph = IdentityGraph("default", Rules())
    for one in events:
        graph.resolve(one.event)
    return {one.event.id: graph.look_up(one.event).profile_id for one in events}


def _shuffled(events: Sequence[Happened], seed: int) -> list[Happened]:
    return random.Random(seed).sample(events, len(events))
