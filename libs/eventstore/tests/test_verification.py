"""What somebody with the owner's rights does behind the log's back is found and named."""

from collections.abc import AsyncIterator
from importlib.resources import files

import asyncpg
import pytest

from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_eventstore.verification import Finding, LogReader, verify_partition, verify_stream
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from cairn_testkit.eventstore_contract import an_event

PARTITION = 5
STREAMS = 7
SCHEMA = "journey_state"


def stream(number: int) -> str:
    return stable_id("stream", number)


@pytest.fixture
async def owner(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A log of 70 events in 10 commits, and the connection of the owner of its tables."""
    async with open_pool(postgres_dsn, SCHEMA) as pool:
        store = PostgresEventStore(pool)
        for version in range(1, 11):
            events = [an_event(f"{number} {version}", n=number) for number in range(STREAMS)]
            await store.commit(
                UnitOfWork(appends=[NewEvent(PARTITION, stream(n), version, e) for n, e in enumerate(events)])
            )
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


async def findings(owner: asyncpg.Connection) -> list[Finding]:
    log = LogReader(owner, SCHEMA)
    ends = await log.ends()
    return list((await verify_partition(log, PARTITION, ends[PARTITION])).findings)


async def test_an_untouched_log_is_sound_in_one_go_and_in_pieces(owner: asyncpg.Connection) -> None:
    log = LogReader(owner, SCHEMA)
    end = (await log.ends())[PARTITION]
    whole = await verify_partition(log, PARTITION, end)
    assert (whole.position, whole.link, whole.events, list(whole.findings)) == (70, end.link, 70, [])
    first = await verify_partition(log, PARTITION, end._replace(position=28), most=1)
    rest = await verify_partition(log, PARTITION, end, after=28, before=(await log.link_at(PARTITION, 28)) or b"")
    assert first.events + rest.events == 70
    assert list(rest.findings) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE events SET state = set_byte(state, 40, get_byte(state, 40) # 1) WHERE position = 30",
        "UPDATE events SET originator_version = 99 WHERE position = 30",
        f"UPDATE events SET originator_id = '{stable_id('another')}' WHERE position = 30",
    ],
)
async def test_a_changed_event_is_named(owner: asyncpg.Connection, tampering: str) -> None:
    await owner.execute(f"SET search_path = {SCHEMA}")
    await owner.execute(tampering)
    (found,) = await findings(owner)
    assert (found.partition, found.first, found.last) == (PARTITION, 30, 30)
    assert found.stream == str(await owner.fetchval("SELECT originator_id FROM events WHERE position = 30"))


async def test_a_flipped_bit_is_found_wherever_it_is(owner: asyncpg.Connection) -> None:
    await owner.execute(f"SET search_path = {SCHEMA}")
    length = await owner.fetchval("SELECT length(state) FROM events WHERE position = 44")
    for place in range(0, length, 7):
        flip = f"UPDATE events SET state = set_bit(state, {place * 8}, 1 - get_bit(state, {place * 8}))"
        await owner.execute(f"{flip} WHERE position = 44")
        assert [(found.first, found.stream) for found in await findings(owner)] == [(44, stream(1))]
        await owner.execute(f"{flip} WHERE position = 44")
    assert await findings(owner) == []


async def test_a_changed_topic_is_named_by_what_the_event_says_of_itself(owner: asyncpg.Connection) -> None:
    await owner.execute(f"UPDATE {SCHEMA}.events SET topic = 'x' WHERE position = 30")
    (found,) = await findings(owner)
    assert (found.first, found.last, found.stream) == (30, 30, stream(1))


async def test_a_deleted_event_is_named(owner: asyncpg.Connection) -> None:
    await owner.execute(f"DELETE FROM {SCHEMA}.events WHERE position = 12")
    (found,) = await findings(owner)
    assert (found.first, found.last, found.what) == (12, 12, "the event is missing")


async def test_two_events_that_changed_places_are_named(owner: asyncpg.Connection) -> None:
    for before, after in ((12, 1_000), (40, 12), (1_000, 40)):
        await owner.execute(f"UPDATE {SCHEMA}.events SET position = {after} WHERE position = {before}")
    assert sorted(found.first for found in await findings(owner)) == [12, 40]


async def test_an_end_that_was_cut_off_is_found(owner: asyncpg.Connection) -> None:
    await owner.execute(f"SET search_path = {SCHEMA}")
    await owner.execute("DELETE FROM events WHERE position > 63")
    assert sorted(found.first for found in await findings(owner)) == list(range(64, 71))
    await owner.execute("DELETE FROM chain WHERE last > 63")
    assert {found.what for found in await findings(owner)} == {
        "the chain ends too early",
        "the last link is not that of the head row",
    }
    await owner.execute("UPDATE heads SET position = 63 WHERE partition = 5")
    assert [found.what for found in await findings(owner)] == ["the last link is not that of the head row"]


async def test_events_behind_the_end_and_a_rewritten_link_are_found(owner: asyncpg.Connection) -> None:
    await owner.execute(f"SET search_path = {SCHEMA}")
    await owner.execute("UPDATE chain SET link = sha256(link) WHERE last = 35")
    assert {(found.first, found.last) for found in await findings(owner)} == {(29, 35), (36, 42)}
    await owner.execute(f"INSERT INTO events VALUES (5, 71, '{stable_id('late')}', 1, 'x', '')")
    assert [found.what for found in await findings(owner)][-1] == "events lie behind the end of the log"


async def test_one_stream_is_verified_alone(owner: asyncpg.Connection) -> None:
    log = LogReader(owner, SCHEMA)
    assert await verify_stream(log, stream(3)) == (10, [])
    await owner.execute(f"DELETE FROM {SCHEMA}.events WHERE originator_id = $1 AND originator_version = 4", stream(3))
    count, found = await verify_stream(log, stream(3))
    assert (count, [(finding.stream, finding.what) for finding in found]) == (
        9,
        [(stream(3), "versions 4 to 4 are missing")],
    )
    assert await verify_stream(log, stream(2)) != (10, [])  # its fourth event was committed beside the deleted one


async def test_what_was_stored_before_there_was_a_chain_is_chained_by_the_migration(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(f"CREATE SCHEMA {SCHEMA}; SET search_path = {SCHEMA}")
    await connection.execute((files("cairn_eventstore") / "schema" / "0001_log.sql").read_text())
    await connection.execute(
        "CREATE TABLE schema_versions (component text, number int, PRIMARY KEY (component, number));"
        "INSERT INTO schema_versions VALUES ('cairn_eventstore', 1);"
        "INSERT INTO events SELECT 5, n, gen_random_uuid(), 1, 'grüße.sent', convert_to('{\"ü\":' || n || '}', 'UTF8')"
        " FROM generate_series(1, 250) AS n;"
        "UPDATE heads SET position = 250 WHERE partition = 5"
    )
    async with open_pool(postgres_dsn, SCHEMA) as pool:
        await PostgresEventStore(pool).commit(UnitOfWork(appends=[NewEvent(5, stream(1), 1, an_event("new"))]))
    assert await findings(connection) == []
    await connection.execute("UPDATE events SET state = '{}' WHERE position = 120")
    (found,) = await findings(connection)
    assert (found.first, found.last) == (101, 200)
    await connection.close()
