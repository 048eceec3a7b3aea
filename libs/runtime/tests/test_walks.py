"""Walks over real PostgreSQL, NATS and gRPC: everyone is visited once, in the partition's order, whatever is killed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from cairn.log.v1.parking_pb2 import RedriveRequest
from cairn_eventstore import UnitOfWork
from cairn_eventstore.postgres import commit_on
from cairn_kernel.event import BROADCAST, MARKER, Event, derived
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_runtime import Chassis, ProfileProcessor, Settings, open_chassis
from cairn_runtime.fencing import FENCE, LOCK
from cairn_runtime.parking import ParkingApi
from cairn_runtime.walks import Command, Walk, Walks, begin_walk
from cairn_testkit.upstream import UpstreamLog, serving, upstream_log
from cairn_testkit.waiting import eventually
from journeyctl.ports import free_port

T0 = 1_700_000_000_000_000


class Seen(NamedTuple):
    """What a profile has seen, in order."""

    what: tuple[str, ...] = ()


class Diary:
    """Writes down what it is told; one profile may be unable to hear of walks."""

    deaf = ""

    def handles(self, type: str) -> bool:
        return type == "ping"

    def initial(self, tenant: str, profile_id: str) -> Seen:
        return Seen()

    def evolve(self, state: Seen, event: Event) -> Seen:
        return Seen((*state.what, str(event.data["what"])))

    def fold(self, state: Seen, events: Iterable[Event]) -> Seen:
        return reduce(self.evolve, events, state)

    def handle(self, state: Seen, event: Event) -> tuple[list[Event], Seen]:
        return self._note(state, event, event.profile_id, str(event.data["n"]))

    def walk(self, state: Seen, event: Event) -> tuple[list[Event], Seen]:
        """Only those who were heard of an even number of times have something to note."""
        if self.deaf and self.deaf in state.what:
            raise ValueError("cannot hear this")
        return ([], state) if len(state.what) % 2 else self._note(state, event, "", str(event.data["type"]))

    def tick(self, state: Seen, upto: int) -> tuple[list[Event], Seen]:
        return [], state

    def timers(self, state: Seen) -> dict[str, int]:
        return {}

    def unite(
        self, state: Seen, merged: Event, history: Sequence[Event], loser_history: Sequence[Event]
    ) -> tuple[list[Event], Seen]:
        return [], state

    def close(self, state: Seen, merged: Event) -> tuple[list[Event], Seen]:
        return [], state

    def give(self, state: Seen, split: Event, history: Sequence[Event]) -> tuple[list[Event], Seen]:
        return [split], state

    def receive(
        self, state: Seen, split: Event, history: Sequence[Event], giver: Sequence[Event]
    ) -> tuple[list[Event], Seen]:
        return [split], state

    def _note(self, state: Seen, cause: Event, profile: str, what: str) -> tuple[list[Event], Seen]:
        fact = derived(
            cause,
            id=stable_id("noted", cause.id, *state.what),
            type="noted",
            data={"what": what},
            source="diary",
            profile_id=profile,
        )
        return [fact], self.evolve(state, fact)


class Streams:
    """Everyone with a stream in the log."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.pages = 0

    async def page(self, walk: Walk, limit: int) -> Sequence[str]:
        self.pages += 1
        rows = await self._pool.fetch(
            """SELECT DISTINCT originator_id::text AS id FROM events
               WHERE partition = $1 AND topic = 'noted' AND originator_id > $2 ORDER BY id LIMIT 3""",
            walk.partition,
            walk.cursor,
        )
        return [row["id"] for row in rows]


class House(NamedTuple):
    settings: Settings
    upstream: UpstreamLog
    diary: Diary

    @asynccontextmanager
    async def keeper(self) -> AsyncIterator[Chassis]:
        """A replica of the service that keeps the diary."""
        async with open_chassis(self.settings, "diary", "journeys") as chassis:
            processor = ProfileProcessor(
                log_name="journeys",
                domain=self.diary,
                store=chassis.store,
                pool=chassis.pool,
                cache_profiles=100,
                walk=self.diary.walk,
            )
            walks = Walks(chassis.pool, Streams(chassis.pool))
            chassis.add_runner("events", processor, walking=(walks, processor))
            async with serving(chassis):
                yield chassis


@pytest.fixture
async def house(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[House]:
    address = f"127.0.0.1:{free_port()}"
    settings = Settings(
        database_dsn=postgres_dsn,
        nats_url=nats_url,
        keys_dir=tmp_path / "keys",
        ingestion_address=address,
        grpc_address=address,
        lease_ttl_s=1.0,
        log_level="error",
    )
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(upstream_log(settings, "ingestion", "events"))
        yield House(settings.model_copy(update={"grpc_address": "127.0.0.1:0"}), upstream, Diary())


def ping(profile: str, n: int, at: int = T0) -> Event:
    return Event(
        id=stable_id(profile, n),
        tenant="default",
        type="ping",
        event_time=at,
        as_of=at,
        profile_id=profile,
        data={"n": n},
    )


async def tell_all(chassis: Chassis, what: str) -> None:
    command = Command("default", BROADCAST, {"type": what})
    async with chassis.pool.acquire() as connection, connection.transaction():
        await connection.execute(LOCK)
        await connection.execute(FENCE)
        _, controls = await begin_walk(connection, "journeys", command)
        await commit_on(connection, UnitOfWork(appends=controls))


async def noted(chassis: Chassis, expected: int) -> dict[str, list[str]]:
    """Wait until so many notes were taken; those of each profile in order."""

    async def notes() -> list[tuple[str, Event]]:
        pages = [await chassis.store.read(partition, 0, 10_000) for partition in range(PARTITIONS)]
        return [("", item.event) for page in pages for item in page if item.event.type == "noted"]

    await eventually(notes, lambda found: len(found) >= expected)
    streams = await chassis.pool.fetch("SELECT DISTINCT originator_id::text AS id FROM events WHERE topic = 'noted'")
    loaded = await chassis.store.load([row["id"] for row in streams])
    return {stream: [str(event.data["what"]) for event in events] for stream, events in loaded.items()}


PROFILES = [stable_id("p", n) for n in range(60)]


async def done(chassis: Chassis) -> Any:
    return await eventually(
        lambda: chassis.pool.fetchrow("SELECT bool_and(done) AS done, sum(visited) AS visited FROM walks"),
        lambda row: row["done"],
    )


async def test_a_walk_visits_everyone_once_and_leaves_no_trace_where_nothing_follows(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(*[ping(profile, 1) for profile in PROFILES])
        await house.upstream.append(*[ping(profile, 2) for profile in PROFILES[:40]])
        await noted(keeper, 100)
        await tell_all(keeper, "closed")
        assert (await done(keeper))["visited"] == 60
        notes = await noted(keeper, 140)
    assert sorted(map(tuple, notes.values())) == [("1",)] * 20 + [("1", "2", "closed")] * 40


async def test_what_was_told_before_is_taken_before_and_what_comes_later_after(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(ping(PROFILES[0], 1), ping(PROFILES[0], 2))
        await noted(keeper, 2)
        house.upstream.complete = T0 + 5
        await tell_all(keeper, "closed")
        await done(keeper)
        await house.upstream.append(ping(PROFILES[0], 3, T0 + 9))
        await noted(keeper, 4)
        stream = (await keeper.store.load([PROFILES[0]]))[PROFILES[0]]
    assert [(event.data["what"], event.as_of - T0) for event in stream] == [("1", 0), ("2", 0), ("closed", 5), ("3", 9)]


async def test_a_service_killed_in_the_middle_goes_on_where_the_last_page_was_committed(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(*[ping(profile, n) for profile in PROFILES for n in (1, 2)])
        await noted(keeper, 120)
    async with house.keeper() as keeper:  # between the two nobody works
        pass
    async with open_chassis(house.settings, "diary", "journeys") as by_hand:
        await tell_all(by_hand, "closed")
        await by_hand.pool.execute(  # a page of each partition was committed before the kill
            "UPDATE walks w SET as_of = $1, after = 0, visited = 0, cursor = coalesce((SELECT max(originator_id::text)"
            " FROM events e WHERE e.partition = w.partition AND topic = 'noted'), w.cursor::text)::uuid"
            " WHERE partition % 2 = 0",
            T0,
        )
    async with house.keeper() as keeper:
        await done(keeper)
        notes = await noted(keeper, 120)
    for profile, found in notes.items():
        expected = ["1", "2"] if partition_of("default", profile) % 2 == 0 else ["1", "2", "closed"]
        assert found == expected


async def test_markers_wait_for_a_walk(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(*[ping(profile, n) for profile in PROFILES for n in (1, 2)])
        await noted(keeper, 120)
    async with open_chassis(house.settings, "diary", "journeys") as by_hand:
        await tell_all(by_hand, "closed")
        await by_hand.pool.execute(  # its turn had come before the step ended
            "UPDATE walks w SET as_of = $1, after = coalesce("
            "(SELECT position FROM inbox i WHERE i.partition = w.partition), 0)",
            T0,
        )
        await house.upstream.mark(1, T0 + 7)
    async with house.keeper() as keeper:
        await noted(keeper, 180)
        for partition in range(PARTITIONS):
            events = await eventually(
                lambda partition=partition: keeper.store.read(partition, 0, 1_000),  # type: ignore[misc]
                lambda found: found and found[-1].event.type == MARKER,
            )
            told = [item.event.data.get("what") for item in events]
            assert told.count("closed") == sum(partition_of("default", profile) == partition for profile in PROFILES)


async def test_completeness_is_not_told_before_a_walk_is_over(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(*[ping(profile, n) for profile in PROFILES for n in (1, 2)])
        await noted(keeper, 120)
        house.upstream.complete = T0 + 5
        assert len(await keeper.complete_to()) == PARTITIONS
        await keeper.pool.execute("UPDATE leases SET until = now() + interval '1 hour', owner = 'nobody'")
        await tell_all(keeper, "closed")
        assert await keeper.complete_to() == {}


async def test_one_who_cannot_be_told_is_parked_with_the_walk_and_told_by_a_redrive(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(*[ping(profile, n) for profile in PROFILES[:2] for n in (1, 2)])
        await house.upstream.append(*[ping(PROFILES[2], n) for n in (7, 8)])
        await noted(keeper, 6)
        house.diary.deaf = "7"
        await tell_all(keeper, "closed")
        await done(keeper)
        await house.upstream.append(ping(PROFILES[2], 9))
        await eventually(lambda: keeper.pool.fetchval("SELECT count(*) FROM deferred"), lambda waiting: waiting == 2)
        house.diary.deaf = ""
        await ParkingApi(keeper.pool).Redrive(RedriveRequest(), None)
        notes = await noted(keeper, 10)
    assert notes[PROFILES[2]] == ["7", "8", "closed", "9"]
    assert notes[PROFILES[0]] == ["1", "2", "closed"]


async def test_a_walk_goes_on_while_processes_die_again_and_again(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(*[ping(profile, n) for profile in PROFILES for n in (1, 2)])
        await noted(keeper, 120)
        await tell_all(keeper, "closed")
    for patience_s in (0.3, 0.6, 0.9):
        async with house.keeper():
            await asyncio.sleep(patience_s)
    async with house.keeper() as keeper:
        assert (await done(keeper))["visited"] == 60
        notes = await noted(keeper, 180)
    assert set(map(tuple, notes.values())) == {("1", "2", "closed")}


async def test_where_nothing_ever_came_a_walk_is_over_at_once(house: House) -> None:
    house.upstream.silent = True
    async with house.keeper() as keeper:
        await tell_all(keeper, "closed")
        assert (await done(keeper))["visited"] == 0
        house.upstream.silent = False
        await house.upstream.append(ping(PROFILES[0], 1))
        assert (await noted(keeper, 1))[PROFILES[0]] == ["1"]


async def test_a_walk_that_begins_while_a_service_starts_for_the_first_time_is_seen(house: House) -> None:
    async with open_chassis(house.settings, "diary", "journeys") as by_hand, by_hand.pool.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await connection.execute(LOCK)
        await connection.execute(FENCE)
        async with house.keeper() as keeper:
            await asyncio.sleep(1)  # it would have found out what is unfinished by now
            _, controls = await begin_walk(connection, "journeys", Command("default", BROADCAST, {"type": "closed"}))
            await commit_on(connection, UnitOfWork(appends=controls))
            await change.commit()
            assert (await done(keeper))["visited"] == 0


async def test_a_walk_waits_while_the_upstream_does_not_say_how_complete_it_is(house: House) -> None:
    async with house.keeper() as keeper:
        await house.upstream.append(ping(PROFILES[0], 1), ping(PROFILES[0], 2))
        await noted(keeper, 2)
        house.upstream.silent = True
        await tell_all(keeper, "closed")
        await asyncio.sleep(1)
        assert await keeper.pool.fetchval("SELECT count(*) FROM walks WHERE NOT done") == PARTITIONS
        house.upstream.silent = False
        assert (await done(keeper))["visited"] == 1
