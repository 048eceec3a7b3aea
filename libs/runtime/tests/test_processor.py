"""A processor over real PostgreSQL, NATS and gRPC: what it promises under disturbance."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from msgspec.structs import replace

from cairn.log.v1.parking_pb2 import ListParkedRequest, RedriveRequest
from cairn_eventstore import Committed, Fenced, InboxAdvance, NewEvent, UnitOfWork
from cairn_kernel.event import MARKER, MERGED, SPLIT, Event, derived
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.stored_types import StoredTypes
from cairn_runtime import Chassis, ProfileProcessor, Settings, Snapshots, metrics, open_chassis
from cairn_runtime.parking import ParkingApi
from cairn_runtime.snapshots import EVERY
from cairn_testkit.upstream import UpstreamLog, serving, upstream_log
from cairn_testkit.waiting import eventually
from journeyctl.ports import free_port

T0 = 1_700_000_000_000_000
REMIND_AFTER = 1_000


class Tally(NamedTuple):
    """How many pings a profile had, and when it is to be reminded."""

    pings: int = 0
    remind_at: int = 0
    from_others: int = 0


class Counting:
    """Counts pings; reminds a while after the last one; refuses poison until there is an antidote."""

    def __init__(self) -> None:
        self.antidote = False
        self.toil_s = 0.0
        """CPU time that each event takes."""

    def handles(self, type: str) -> bool:
        return type in ("ping", "poison")

    def initial(self, tenant: str, profile_id: str) -> Tally:
        return Tally()

    def evolve(self, state: Tally, event: Event) -> Tally:
        if event.type == "counted":
            return state._replace(pings=event.data["n"], remind_at=event.as_of + REMIND_AFTER)
        if event.type == "reminded":
            return state._replace(remind_at=0)
        if event.type == "united":
            return state._replace(from_others=event.data["pings"])
        if event.type == MERGED and event.data["from"] == event.profile_id:
            return state._replace(remind_at=0)
        return state

    def fold(self, state: Tally, events: Iterable[Event]) -> Tally:
        return reduce(self.evolve, events, state)

    def handle(self, state: Tally, event: Event) -> tuple[list[Event], Tally]:
        if event.type == "poison" and not self.antidote:
            raise ValueError("cannot digest this")
        until = time.thread_time() + self.toil_s
        while time.thread_time() < until:
            pass
        facts, state = self.tick(state, event.as_of)
        fact = self._fact(event, "counted", {"n": state.pings + 1})
        return [*facts, fact], self.evolve(state, fact)

    def tick(self, state: Tally, upto: int) -> tuple[list[Event], Tally]:
        if not state.remind_at or state.remind_at > upto:
            return [], state
        cause = Event(id=stable_id("x"), tenant="default", type="timer", event_time=0, as_of=state.remind_at)
        fact = self._fact(cause, "reminded", {"pings": state.pings})
        return [fact], self.evolve(state, fact)

    def timers(self, state: Tally) -> Mapping[str, int]:
        return {"remind": state.remind_at} if state.remind_at else {}

    def unite(
        self, state: Tally, merged: Event, history: Sequence[Event], loser_history: Sequence[Event]
    ) -> tuple[list[Event], Tally]:
        pings = sum(event.type == "counted" for event in loser_history)
        facts = [self._fact(merged, "united", {"pings": pings}), merged]
        return facts, self.evolve(state, facts[0])

    def close(self, state: Tally, merged: Event) -> tuple[list[Event], Tally]:
        return [merged], self.evolve(state, merged)

    def give(self, state: Tally, split: Event, history: Sequence[Event]) -> tuple[list[Event], Tally]:
        return [split], state

    def receive(
        self, state: Tally, split: Event, history: Sequence[Event], giver: Sequence[Event]
    ) -> tuple[list[Event], Tally]:
        return [self._fact(split, "received", {"facts": len(giver)}), split], state

    @staticmethod
    def _fact(cause: Event, type: str, data: dict[str, Any]) -> Event:
        return derived(cause, id=stable_id(type, cause.id, cause.as_of), type=type, data=data, source="counting")


class House:
    """An upstream, and processors that count over it."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.domain = Counting()
        self.stored = StoredTypes.first(["ping"])
        self._stack = stack

    async def upstream(self) -> UpstreamLog:
        return await self._stack.enter_async_context(upstream_log(self.settings, "ingestion", "events"))

    async def counter(self, stack: AsyncExitStack | None = None) -> Chassis:
        stack = stack or self._stack
        chassis = await stack.enter_async_context(open_chassis(self.settings, "counting", "journeys"))
        processor = ProfileProcessor(
            log_name="journeys",
            domain=self.domain,
            store=chassis.store,
            pool=chassis.pool,
            cache_profiles=100,
            stored=self.stored,
            snapshots=Snapshots(Tally, meaning=1),
        )
        chassis.add_runner("events", processor)
        await stack.enter_async_context(serving(chassis))
        return chassis


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
        yield House(settings, stack)


def ping(profile: str, number: int, *, at: int = T0, type: str = "ping") -> Event:
    return Event(
        id=stable_id(profile, type, number),
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        profile_id=profile,
    )


async def counted(chassis: Chassis, expected: int) -> list[Event]:
    """Wait until the log holds that many facts, and return them all."""

    async def facts() -> list[Event]:
        pages = [await chassis.store.read(partition, 0, 10_000) for partition in range(PARTITIONS)]
        return [stored.event for page in pages for stored in page]

    return await eventually(facts, lambda found: len(found) >= expected)


A, B = stable_id("a"), stable_id("b")


async def start(house: House) -> tuple[UpstreamLog, Chassis]:
    upstream = await house.upstream()
    house.settings = house.settings.model_copy(update={"grpc_address": "127.0.0.1:0"})
    chassis = await house.counter()
    return upstream, chassis


async def test_each_event_is_counted_once_whether_it_came_by_bus_or_by_log(house: House) -> None:
    upstream, chassis = await start(house)
    await upstream.append(*[ping(A, n) for n in range(5)], publish=False)
    await upstream.append(*[ping(A, n) for n in range(5, 10)])
    facts = await counted(chassis, 10)
    assert [fact.data["n"] for fact in facts] == list(range(1, 11))


async def test_after_a_batch_that_took_long_the_next_are_smaller(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream, chassis = await start(house)
    sizes: list[int] = []
    commit = chassis.store.commit

    async def noting(work: UnitOfWork) -> list[Committed]:
        sizes.append(len(work.appends))
        return await commit(work)

    monkeypatch.setattr(chassis.store, "commit", noting)
    house.domain.toil_s = 0.01
    await upstream.append(*[ping(A, n) for n in range(100)])
    await counted(chassis, 100)
    first = len(sizes)
    await upstream.append(*[ping(A, n) for n in range(100, 200)])
    await counted(chassis, 200)
    assert sum(sizes) == 200
    assert max(sizes[first:]) <= 50


async def test_two_replicas_share_the_partitions_and_count_each_event_once(house: House) -> None:
    upstream, chassis = await start(house)
    await house.counter()
    profiles = [stable_id("p", n) for n in range(50)]
    for round in range(4):
        await upstream.append(*[ping(profile, round) for profile in profiles])
        await asyncio.sleep(0.4)  # the second replica takes its share meanwhile
    facts = await counted(chassis, 200)
    assert sorted(fact.data["n"] for fact in facts if fact.profile_id == profiles[7]) == [1, 2, 3, 4]
    assert len(facts) == 200


async def test_a_stale_epoch_writes_nothing(house: House) -> None:
    upstream, chassis = await start(house)
    await upstream.append(ping(A, 1))
    await counted(chassis, 1)
    row = (await chassis.store.inbox("events"))[3]
    stale = InboxAdvance("events", 3, row.last, row.last, row.epoch - 1)
    with pytest.raises(Fenced):
        await chassis.store.commit(UnitOfWork(inbox=[stale], appends=[NewEvent(3, B, 1, ping(B, 1))]))
    assert (await chassis.store.load([B])) == {B: []}


async def test_timers_fire_before_the_event_that_is_later_and_at_the_marker(house: House) -> None:
    upstream, chassis = await start(house)
    await upstream.append(ping(A, 1, at=T0), ping(A, 2, at=T0 + 500), ping(A, 3, at=T0 + 5_000))
    await upstream.mark(0, T0 + 100_000)
    facts = [fact for fact in await counted(chassis, 5 + PARTITIONS) if fact.type != MARKER]
    assert [(fact.type, fact.as_of - T0) for fact in facts] == [
        ("counted", 0),
        ("counted", 500),
        ("reminded", 1_500),
        ("counted", 5_000),
        ("reminded", 6_000),
    ]


async def test_a_timer_fires_when_the_upstream_is_complete_to_its_time_and_not_before(house: House) -> None:
    upstream, chassis = await start(house)
    await upstream.append(ping(A, 1, at=T0))
    await counted(chassis, 1)
    await asyncio.sleep(0.7)
    assert len(await counted(chassis, 1)) == 1
    upstream.complete = T0 + REMIND_AFTER
    assert [fact.type for fact in await counted(chassis, 2)] == ["counted", "reminded"]


async def test_a_faulty_profile_is_parked_and_the_others_go_on(house: House) -> None:
    upstream, chassis = await start(house)
    await upstream.append(ping(A, 1), ping(A, 2, type="poison"), ping(A, 3), ping(B, 1), ping(B, 2))
    facts = await counted(chassis, 3)
    assert sorted((fact.profile_id == A, fact.data["n"]) for fact in facts) == [(False, 1), (False, 2), (True, 1)]
    assert await chassis.pool.fetchval("SELECT count(*) FROM deferred") == 2
    assert await chassis.pool.fetchval("SELECT reason FROM parked WHERE stream = $1", A) == "ValueError"


async def test_a_redrive_takes_up_what_waited_in_order_and_with_its_times(house: House) -> None:
    upstream, chassis = await start(house)
    await upstream.append(ping(A, 1), ping(A, 2, type="poison", at=T0 + 1), ping(A, 3, at=T0 + 2), ping(B, 1))
    await counted(chassis, 2)
    parking = ParkingApi(chassis.pool)
    await eventually(lambda: chassis.pool.fetchval("SELECT count(*) FROM deferred"), lambda waiting: waiting == 2)
    await parking.Redrive(RedriveRequest(profile_id=A), None)
    await eventually(lambda: chassis.pool.fetchval("SELECT count(*) FROM parked WHERE NOT redrive"))
    (listed,) = (await parking.ListParked(ListParkedRequest(), None)).profiles
    assert (listed.profile_id, listed.reason, listed.waiting) == (A, "ValueError", 2)
    house.domain.antidote = True
    assert (await parking.Redrive(RedriveRequest(), None)).profiles == 1
    await upstream.append(ping(A, 4, at=T0 + 3))
    facts = [fact for fact in await counted(chassis, 5) if fact.profile_id == A]
    assert [(fact.data["n"], fact.as_of - T0) for fact in facts] == [(1, 0), (2, 1), (3, 2), (4, 3)]
    assert not (await parking.ListParked(ListParkedRequest(), None)).profiles


async def test_a_merge_waits_for_the_other_side_and_takes_it_in_whole(house: House) -> None:
    upstream, chassis = await start(house)
    merged = {
        side: Event(
            id=stable_id("merged", side),
            tenant="default",
            type=MERGED,
            event_time=T0,
            as_of=T0,
            profile_id=side,
            data={"from": B, "to": A},
        )
        for side in (A, B)
    }
    await upstream.append(ping(A, 1), merged[A], ping(A, 2))
    await upstream.append(ping(B, 1), ping(B, 2))
    await asyncio.sleep(0.2)
    await upstream.append(merged[B])
    await counted(chassis, 7)
    stream = (await chassis.store.load([A]))[A]
    assert [event.type for event in stream] == ["counted", "united", MERGED, "counted"]
    assert stream[1].data == {"pings": 2}


def split_of(giver: str, receiver: str) -> dict[str, Event]:
    """The two copies by profile."""
    return {
        side: Event(
            id=stable_id("split", side),
            tenant="default",
            type=SPLIT,
            event_time=T0,
            as_of=T0,
            profile_id=side,
            data={"from": giver, "to": receiver, "moved": []},
        )
        for side in (giver, receiver)
    }


async def test_of_a_split_the_receiver_waits_until_the_giver_has_given(house: House) -> None:
    upstream, chassis = await start(house)
    split = split_of(A, B)
    await upstream.append(split[B], ping(B, 1))
    await asyncio.sleep(0.2)
    assert (await chassis.store.load([B]))[B] == []
    await upstream.append(ping(A, 1), ping(A, 2), split[A], ping(A, 3))
    await counted(chassis, 7)
    assert [event.type for event in (await chassis.store.load([B]))[B]] == ["received", SPLIT, "counted"]


async def test_a_receiver_that_waits_goes_on_with_another_owner(house: House) -> None:
    upstream = await house.upstream()
    house.settings = house.settings.model_copy(update={"grpc_address": "127.0.0.1:0"})
    split = split_of(A, B)
    async with AsyncExitStack() as first:
        await house.counter(first)
        await upstream.append(split[B], ping(B, 1))
        await asyncio.sleep(0.2)
    await upstream.append(ping(A, 1), split[A])
    survivor = await house.counter()
    await counted(survivor, 5)
    assert [event.type for event in (await survivor.store.load([B]))[B]] == ["received", SPLIT, "counted"]


async def test_a_receiver_whose_giver_never_gives_is_parked_and_goes_on_after_a_redrive(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cairn_runtime.parking.MERGE_WAIT_S", 0.2)
    upstream, chassis = await start(house)
    split = split_of(A, B)
    await upstream.append(split[B])
    reason = "SELECT reason FROM parked WHERE stream = $1"
    await eventually(lambda: chassis.pool.fetchval(reason, B), lambda found: found == "SPLIT_OTHER_SIDE_MISSING")
    await upstream.append(split[A])
    await counted(chassis, 1)
    await ParkingApi(chassis.pool).Redrive(RedriveRequest(), None)
    await counted(chassis, 3)
    assert [event.type for event in (await chassis.store.load([B]))[B]] == ["received", SPLIT]


async def test_the_runtime_role_cannot_rewrite_history(house: House) -> None:
    upstream = await house.upstream()
    await upstream.append(ping(A, 1))
    for statement in ("UPDATE events SET topic = 'x'", "DELETE FROM events", "TRUNCATE events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await upstream.chassis.pool.execute(statement)


async def test_an_event_of_a_newer_version_parks_its_profile_until_the_upgrade(house: House) -> None:
    upstream = await house.upstream()
    house.settings = house.settings.model_copy(update={"grpc_address": "127.0.0.1:0"})
    newer = replace(ping(A, 2, at=T0 + 1), version=2, data={"loud": True})
    crowd = [stable_id("crowd", n) for n in range(30)]  # so many at once, and yet the partitions do not stop
    alarms = metrics.UNKNOWN_VERSIONS.labels("ping")._value
    before = alarms.get()
    async with AsyncExitStack() as first:
        chassis = await house.counter(first)
        await upstream.append(ping(A, 1), newer, ping(A, 3, at=T0 + 2), ping(B, 1))
        await upstream.append(*[replace(ping(profile, 1), version=2) for profile in crowd])
        await counted(chassis, 2)
        await eventually(lambda: chassis.pool.fetchval("SELECT count(*) FROM parked"), lambda parked: parked == 31)
        listed = (await ParkingApi(chassis.pool).ListParked(ListParkedRequest(), None)).profiles
    assert ({profile.reason for profile in listed}, alarms.get() - before) == ({"UNKNOWN_VERSION"}, 31)
    house.stored = StoredTypes({"ping": 2}, {("ping", 1): lambda data: {**data, "loud": False}})
    upgraded = await house.counter()
    await ParkingApi(upgraded.pool).Redrive(RedriveRequest(), None)
    facts = [fact for fact in await counted(upgraded, 34) if fact.profile_id == A]
    assert [fact.data["n"] for fact in facts] == [1, 2, 3]
    assert await upgraded.pool.fetchval("SELECT count(*) FROM parked") == 0


async def test_a_stream_written_by_a_newer_version_is_left_alone(house: House) -> None:
    house.stored = StoredTypes.first(["counted"])
    upstream, chassis = await start(house)
    await upstream.append(ping(A, 1), ping(B, 1))
    fact = next(fact for fact in await counted(chassis, 2) if fact.profile_id == A)
    newer = NewEvent(partition_of("default", A), A, 2, replace(fact, id=stable_id("newer"), version=2))
    await chassis.store.commit(UnitOfWork(appends=[newer]))
    await upstream.append(ping(A, 2), ping(B, 2))
    reason = "SELECT reason FROM parked WHERE stream = $1"
    assert await eventually(lambda: chassis.pool.fetchval(reason, A)) == "UNKNOWN_VERSION"
    facts = await counted(chassis, 4)
    assert [fact.data["n"] for fact in facts if fact.profile_id == B] == [1, 2]


async def test_a_timer_that_is_put_off_again_and_again_is_stored_once_and_rings_when_due(house: House) -> None:
    upstream, chassis = await start(house)
    for number in range(10):
        await upstream.append(ping(A, number, at=T0 + number * 100))
        await counted(chassis, number + 1)
    assert await chassis.pool.fetchval("SELECT due FROM timers") == T0 + REMIND_AFTER
    upstream.complete = T0 + REMIND_AFTER
    await eventually(
        lambda: chassis.pool.fetchval("SELECT due FROM timers"), lambda due: due == T0 + 900 + REMIND_AFTER
    )
    assert len(await counted(chassis, 10)) == 10
    upstream.complete = T0 + 900 + REMIND_AFTER
    assert [fact.as_of - T0 for fact in await counted(chassis, 11)][-1] == 900 + REMIND_AFTER
    await eventually(lambda: chassis.pool.fetchval("SELECT count(*) FROM timers"), lambda timers: timers == 0)


async def test_a_long_stream_is_loaded_from_its_snapshot(house: House) -> None:
    upstream = await house.upstream()
    house.settings = house.settings.model_copy(update={"grpc_address": "127.0.0.1:0"})
    async with AsyncExitStack() as first:
        chassis = await house.counter(first)
        await upstream.append(*[ping(A, number) for number in range(EVERY + 10)])
        await counted(chassis, EVERY + 10)
        assert await chassis.pool.fetchval("SELECT version FROM snapshots WHERE stream = $1", A) >= EVERY
    chassis = await house.counter()
    read = metrics.SNAPSHOTS.labels("read")._value
    before = read.get()
    await upstream.append(ping(A, 1_000), ping(B, 1))
    facts = await counted(chassis, EVERY + 12)
    assert [fact.data["n"] for fact in facts if fact.profile_id == A][-1] == EVERY + 11
    assert read.get() == before + 1


async def test_timers_fire_once_each_over_a_restart_and_a_change_of_owner(house: House) -> None:
    upstream = await house.upstream()
    house.settings = house.settings.model_copy(update={"grpc_address": "127.0.0.1:0"})
    profiles = [stable_id("sleeper", number) for number in range(300)]
    async with AsyncExitStack() as first:
        chassis = await house.counter(first)
        await house.counter(first)
        await upstream.append(*[ping(profile, 1, at=T0 + number) for number, profile in enumerate(profiles)])
        await counted(chassis, 300)
        upstream.complete = T0 + 100 + REMIND_AFTER  # a third of them are due while both owners leave
    await upstream.append(ping(A, 1, at=T0 + 400))
    survivor = await house.counter()
    upstream.complete = T0 + 400 + REMIND_AFTER
    await counted(survivor, 602)
    reminded = await survivor.pool.fetch("SELECT originator_id::text FROM events WHERE topic = 'reminded'")
    assert sorted(row[0] for row in reminded) == sorted([*profiles, A])
