"""Relations over a real database: the same whatever is in memory, in batches of any size, over restarts and faults."""

import random
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_journey import load_text
from cairn_journey.subjects.intervals import Interval
from cairn_journey.subjects.told import Says, Told, subject_id
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.event import RELATION_CHANGED, Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.application.find_relations import RelationFinder
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.ports import Pending
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.commands import Command, Relate

pytestmark = [pytest.mark.needs_postgres]

TENANT = "default"


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, "identity_resolution") as pool:
        yield pool


def kinds() -> KindsInForce:
    known = KindsInForce()
    programme = load_text("{kind: SubjectKind, name: account, member_of: {group: company, ends: [group.left]}}")
    known.install(TENANT, programme.version, programme.bundle())
    return known


def seen(n: int, *names: str, type: str = "basket.purchased", **data: str) -> Event:
    identifiers = tuple(Identifier(*name.split(":")) for name in names)
    id = stable_id("test", n, type, *names)
    return Event(id=id, tenant=TENANT, type=type, event_time=n, as_of=n, identifiers=identifiers, data=dict(data))


def joined(n: int, group: str, *names: str, role: str = "") -> Event:
    return seen(n, *names, type="group.joined", group_id=group, **({"role": role} if role else {}))


def lives(seed: int) -> list[Event]:
    chance = random.Random(seed)
    made = []
    for n in range(1, 120):
        person = chance.randrange(5)
        names: tuple[str, ...] = chance.choice([(f"user_id:{person}",), (f"anonymous_id:{person}",)])
        if chance.random() < 0.1:
            names = (f"user_id:{person}", f"anonymous_id:{person}")
        group = f"g{chance.randrange(3)}"
        type = chance.choice(["joined", "left", "basket", "basket", "basket"])
        if type == "basket":
            made.append(seen(n, *names))
        elif type == "joined":
            made.append(joined(n, group, *names, role=chance.choice(["", "admin"])))
        else:
            made.append(seen(n, *names, type="group.left", group_id=group))
    return made


async def take_in(pool: asyncpg.Pool, events: Sequence[Event], *, cache: int, batch: int, faults: bool) -> list[Event]:
    """What the log holds afterwards; with `faults` every other commit fails once and all is begun again."""
    store, told = PostgresIdentityStore(pool), list[Event]()
    resolver = EventResolver(store, Rulebook(), cache, kinds=kinds())
    await resolver.forget({})
    for start in range(0, len(events), batch):
        work = UnitOfWork()
        await resolver.resolve(events[start : start + batch], work)
        if faults and start // batch % 2:
            resolver = EventResolver(store, Rulebook(), cache, kinds=kinds())
            await resolver.forget({})
            work = UnitOfWork()
            await resolver.resolve(events[start : start + batch], work)
        work.inbox.clear()
        told += [new.event for new in work.appends]
        work.appends.clear()
        await PostgresEventStore(pool).commit(work)
        resolver.committed()
    return told


async def empty(pool: asyncpg.Pool) -> None:
    for table in ("nodes", "links", "evidence", "memberships", "generic", "logins", "relations", "subject_members"):
        await pool.execute(f"DELETE FROM {table}")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
async def test_neither_batches_nor_memory_nor_faults_change_what_accounts_are_told(
    pool: asyncpg.Pool, seed: int
) -> None:
    events = lives(seed)
    expected = await take_in(pool, events, cache=1_000, batch=200, faults=False)
    assert sum(event.subject == "account" and event.type == "basket.purchased" for event in expected) > 20
    assert len({event.id for event in expected}) == len(expected)
    for batch, cache in ((7, 3), (1, 0)):
        await empty(pool)
        found = await take_in(pool, events, cache=cache, batch=batch, faults=True)
        assert [(one.id, one.profile_id, one.data) for one in found] == [
            (one.id, one.profile_id, one.data) for one in expected
        ]


async def test_members_are_told_by_page_each_person_once(pool: asyncpg.Pool) -> None:
    people = [f"user_id:{n}" for n in range(6)]
    events = [joined(n, "acme", name, role="admin") for n, name in enumerate(people, 1)]
    events += [joined(10, "acme", "anonymous_id:x"), seen(11, "user_id:3", "anonymous_id:x")]
    events += [seen(12, "user_id:1", type="group.left", group_id="acme")]
    await take_in(pool, events, cache=100, batch=4, faults=False)
    finder = RelationFinder(PostgresIdentityStore(pool), kinds())
    everybody, more = await finder.of_subject(TENANT, "account", "acme")
    assert more == ""
    paged, after = [], ""
    while True:
        page, after = await finder.of_subject(TENANT, "account", "acme", after, 2)
        paged += page
        if not after:
            break
    assert sorted(paged) == sorted(everybody)
    assert len({one.profile_id for one in everybody}) == 6
    assert len([one for one in everybody if one.interval.holds(12)]) == 5
    assert len([one for one in everybody if one.interval.holds(5)]) == 5
    assert len([one for one in everybody if one.interval.holds(3)]) == 3
    with pytest.raises(Invalid, match="there are: account"):
        await finder.of_subject(TENANT, "household", "H1")
    with pytest.raises(NotFound):
        await finder.of_profile(TENANT, stable_id("nobody"))


async def test_what_is_said_by_hand_is_told_with_author_and_reason(pool: asyncpg.Pool) -> None:
    await take_in(pool, [seen(1, "user_id:a")], cache=100, batch=1, faults=False)
    store = PostgresIdentityStore(pool)
    resolver = EventResolver(store, Rulebook(), 100, kinds=kinds())
    await resolver.forget({})
    told = Told(says=Says.ALSO, kind="account", keys=("acme",), roles=("payer",), author="kim", reason="pays", until=90)
    relate = Relate(id=stable_id("said"), member=Identifier("user_id", "a"), told=told)
    work = UnitOfWork()
    await resolver.obey(Pending(1, TENANT, Command(relate=relate), 50), 50, work)
    await PostgresEventStore(pool).commit(work)
    (fact,) = [new.event for new in work.appends]
    assert (fact.type, fact.profile_id) == (RELATION_CHANGED, subject_id(TENANT, "account", "acme"))
    assert (fact.data["author"], fact.data["reason"], fact.data["roles"]) == ("kim", "pays", ["payer"])
    found, said = await RelationFinder(store, kinds()).of_profile(TENANT, fact.member_id)
    assert [one.interval for one in found] == [Interval("acme", "payer", 50, 90)]
    assert [(one.told.author, one.told.reason) for one in said] == [("kim", "pays")]
