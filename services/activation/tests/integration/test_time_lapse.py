"""In a time-lapse a step ends when everything in it is known, once, and gives the same whatever was disturbed."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.js.errors import NotFoundError

from cairn_connector import wire
from cairn_journey import Programme
from cairn_kernel.event import Event
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY, HOUR, parse_instant
from cairn_testkit.waiting import eventually

from .world import World, decisions, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Decide = Callable[..., Event]
START = parse_instant("2017-03-01T00:00:00Z")
PEOPLE = [f"p{number}" for number in range(25)]


@pytest.fixture
async def here(postgres_dsn: str, nats_url: str, tmp_path: Path, programme: Programme) -> AsyncIterator[World]:
    async with world(postgres_dsn, nats_url, tmp_path, programme) as made:
        yield made


async def begin(here: World, *, process: bool = False, **environment: str) -> None:
    await (here.start(**environment) if process else here.begin())
    await here.apply()
    await here.decisions.mark(0, START)
    await here.until_step(0)


async def tell_day(here: World, decide: Decide, day: int, people: list[str] = PEOPLE) -> None:
    """Decisions of one day, some of them in the evening, and its end."""
    begun = START + (day - 1) * DAY
    for number, person in enumerate(people):
        hour = 12 if number % 3 else 22
        await here.decisions.append(*decisions(decide, [person], number=day, at=begun + hour * HOUR))
    await here.decisions.mark(day, begun + DAY)


async def test_a_step_does_not_end_before_each_of_its_messages_has_its_receipt(here: World, decide: Decide) -> None:
    await begin(here)
    await tell_day(here, decide, 1)
    await eventually(here.counts, lambda found: found.get("dispatched", 0) == 5)
    assert (await here.markers()).get(1, 0) < PARTITIONS
    await here.connect()
    await here.until_step(1)
    await here.until(sent=16, planned=9)  # the evening's wait for the morning after


async def test_what_waited_for_the_morning_goes_out_in_the_step_of_that_morning(here: World, decide: Decide) -> None:
    await begin(here)
    await here.connect()
    await tell_day(here, decide, 1)
    await tell_day(here, decide, 2, [])
    await here.until_step(2)
    await here.until(sent=25)
    [delivery] = await here.of("p0")
    sent = next(fact for fact in delivery.facts if fact.type == "delivery.sent")
    assert sent.time.ToMicroseconds() == parse_instant("2017-03-02T08:00:00Z")


async def test_doubt_holds_the_step_until_it_is_resolved(here: World, decide: Decide) -> None:
    await begin(here)
    here.channel.unreachable = False
    await here.connect()
    here.channel.fault_after = ConnectionResetError()
    here.channel.answers = True
    await tell_day(here, decide, 1, ["p1", "p2"])
    await here.until_step(1)
    assert len(set(here.channel.sent)) == len(here.channel.sent)


async def test_killed_in_each_step_it_ends_each_step_once_and_with_the_same_hash(
    postgres_server_dsn: str, nats_url: str, tmp_path: Path, programme: Programme, decide: Decide
) -> None:
    async with another_world(postgres_server_dsn, nats_url, tmp_path / "calm", programme) as calm:
        await begin(calm)
        await calm.connect()
        for day in range(1, 3):
            await tell_day(calm, decide, day)
        await tell_day(calm, decide, 3, [])
        await calm.until_step(3)
        expected = await calm.hash()
    async with another_world(postgres_server_dsn, nats_url, tmp_path / "rough", programme) as rough:
        await begin(rough, process=True, CAIRN_BATCH_MAX_EVENTS="7")
        await rough.connect()
        for day in range(1, 3):
            await tell_day(rough, decide, day)
            await rough.stop()
            await rough.start(CAIRN_BATCH_MAX_EVENTS="11")
            await rough.until_step(day)
        await tell_day(rough, decide, 3, [])
        await rough.until_step(3)
        assert await rough.markers() == dict.fromkeys(range(4), PARTITIONS)
        assert len(rough.channel.sent) == len(set(rough.channel.sent)) == 50
        assert await rough.hash() == expected
        first = "(SELECT min(delivery_id::text)::uuid FROM activation.deliveries)"
        await rough.query(f"UPDATE activation.deliveries SET reason = 'X' WHERE delivery_id = {first}")
        assert await rough.hash() != expected


@asynccontextmanager
async def another_world(server_dsn: str, nats_url: str, folder: Path, programme: Programme) -> AsyncIterator[World]:
    """A world with a database of its own and empty streams."""
    name = f"world_{folder.name}"
    connection = await asyncpg.connect(server_dsn)
    client = await nats.connect(nats_url)
    try:
        for stream in (wire.DISPATCH_STREAM, wire.RECEIPT_STREAM):
            with suppress(NotFoundError):
                await client.jetstream().delete_stream(stream)
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        async with world(f"{server_dsn.rpartition('/')[0]}/{name}", nats_url, folder, programme) as made:
            yield made
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
        await client.close()
