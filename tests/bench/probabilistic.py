"""How fast events are resolved where records of people are compared: events per second of CPU time of one process.

The mix: nine events of ten are purchases of known customers; of the others, which tell who somebody is, half tell what
is known already and half a new record. Beside it the dearest case, where each event brings a new record. From the bytes
of the bus to the unit of work, tables in PostgreSQL; the time of PostgreSQL itself is not in it.
"""

import json
import random
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from tests.bench.figures import Figure

from cairn_eventstore import PostgresEventStore, UnitOfWork, seal_field
from cairn_kernel.event import Event, Identifier, from_msgpack, to_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.time import SECOND
from cairn_matching import Model, guess, read_rows, train
from cairn_runtime.database import open_pool
from cairn_testkit.people import Census, World
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.open_records import Opener
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.matching import Matching
from identity_resolution.domain.rules import Rules

BATCH: Final = 1_000
PEOPLE: Final = 4_000
"""Each with one to four records, some 10,000 in all."""
EVENTS: Final = 40_000
TELLING: Final = 0.1
NEW: Final = 0.5
KEY: Final = b"k" * 32
CLEAR: Final = frozenset({"sex", "city", "postcode", "street_number"})

Row = Mapping[str, str]


class OneKey:
    """Every customer has the same key; how keys are asked for is not measured."""

    async def unwrap(self, key_ids: Collection[str]) -> Mapping[str, bytes]:
        return dict.fromkeys(key_ids, KEY)


async def measure(dsn: str) -> list[Figure]:
    """Events per second of the mix, and of new records alone."""
    rows = [
        {name: value for name, value in one.row.items() if name not in ("id", "person")}
        for one in Census(World(people=PEOPLE)).records()
    ]
    known, news = rows[: len(rows) * 3 // 4], rows[len(rows) * 3 // 4 :]
    matching = Matching(_model(), {column: column for column in rows[0]})
    async with open_pool(dsn, "identity_resolution") as pool:
        matchers = Matchers(PostgresRecordStore(pool), Opener(OneKey()), lambda tenant, purpose: purpose.encode())
        rulebook = Rulebook(default=Rules(matching=matching))
        resolver = EventResolver(PostgresIdentityStore(pool), rulebook, 200_000, matchers)
        await resolver.forget({})
        log = PostgresEventStore(pool)
        told = [_identified(number, row) for number, row in enumerate(known)]
        all_new = await _speed(resolver, log, told)
        mix = await _speed(resolver, log, _mix(told, news))
    return [
        Figure("identity.probabilistic", mix, "events/s", 10_000),
        Figure("identity.probabilistic.all_new", all_new, "events/s"),
    ]


def _model() -> Model:
    records = Census(World(people=1_000, seed=1)).records()
    rules = guess([column for column in records[0].row if column != "person"])
    return train(rules, read_rows(rules, [one.row for one in records]))


async def _speed(resolver: EventResolver, log: PostgresEventStore, events: Sequence[Event]) -> float:
    bodies = [to_msgpack(event) for event in events]
    spent = 0.0
    for start in range(0, len(bodies), BATCH):
        work = UnitOfWork()
        started = time.process_time()
        await resolver.resolve([from_msgpack(body) for body in bodies[start : start + BATCH]], work)
        spent += time.process_time() - started
        await log.commit(work)
        resolver.committed()
    return len(bodies) / spent


def _mix(told: Sequence[Event], news: Sequence[Row]) -> list[Event]:
    chance, fresh = random.Random(1), iter(enumerate(news, start=len(told)))
    events = []
    for number in range(EVENTS):
        again = told[chance.randrange(len(told))]
        if chance.random() >= TELLING:
            events.append(_basket(number, again.identifiers))
        elif chance.random() < NEW and (pair := next(fresh, None)) is not None:
            events.append(_identified(*pair))
        else:
            events.append(_again(number, again))
    return events


def _basket(number: int, identifiers: tuple[Identifier, ...]) -> Event:
    at = (100_000 + number) * SECOND
    return Event(
        id=stable_id("bench basket", number),
        tenant="default",
        type="basket.purchased",
        event_time=at,
        as_of=at,
        source="bench",
        identifiers=identifiers,
        data={"amount": 12.34, "currency": "USD", "items": 7, "store_id": "330"},
    )


def _again(number: int, event: Event) -> Event:
    at = (100_000 + number) * SECOND
    return Event(
        id=stable_id("bench again", number),
        tenant="default",
        type=event.type,
        event_time=at,
        as_of=at,
        source="bench",
        identifiers=event.identifiers,
        data=event.data,
        sealed=event.sealed,
        key_id=event.key_id,
    )


def _identified(number: int, row: Row) -> Event:
    key_id = stable_id("bench key", number)
    return Event(
        id=stable_id("bench identified", number),
        tenant="default",
        type="profile.identified",
        event_time=number * SECOND,
        as_of=number * SECOND,
        source="bench",
        identifiers=(Identifier("card", f"{number:032x}"),),
        data={name: row[name] for name in sorted(CLEAR) if row[name]},
        sealed={
            name: seal_field(KEY, tenant="default", key_id=key_id, field=name, value=json.dumps(value).encode())
            for name, value in sorted(row.items())
            if value and name not in CLEAR
        },
        key_id=key_id,
    )
