"""The shadow tables of a rebuild: how they are made, compared with the live ones, and put in their place."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from cairn_kernel.errors import Refused
from cairn_runtime.fencing import FENCE

LOG_TABLES: Final = ("timers", "snapshots", "settled_snapshots")
"""Tables of the log's schema that follow from the log where there is one stream per profile."""
LOCK_TIMEOUT: Final = "20s"
"""How long the swap waits for whoever reads the live tables."""

NAMED: Final = 5
"""Most rows of a table that are named."""

LOCK = "SELECT pg_try_advisory_lock(hashtext('rebuild'), hashtext($1))"
DISARM_PARKED = "DELETE FROM timers WHERE stream IN (SELECT stream FROM parked)"
TIMERS_DIFFER = """
SELECT (SELECT count(*) FROM {live}.timers l FULL JOIN {shadow}.timers s USING (stream, timer_id)
        WHERE l.due IS NULL OR s.due IS NULL OR l.due > s.due OR l.partition <> s.partition)
"""
TOTAL = "SELECT sum(position)::bigint FROM goal"
SET_GOAL = "DELETE FROM goal; INSERT INTO goal SELECT partition, position FROM heads"
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2"
KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = $1::text::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)
"""
OPTIONS = "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = $1::regclass"


class Compared(NamedTuple):
    """What a comparison found, by table."""

    rows: dict[str, int]
    differing: dict[str, int]
    """Rows that one side had and the other had not."""
    named: dict[str, list[str]]
    """Some of those, by what is shown of their key."""


async def prepare(connection: Any, service: str, tables: Sequence[str], *, from_start: bool = False) -> int:
    """Make the shadow tables, or keep those of a rebuild that did not end; return the events there are to fold.

    `base` is how far the shadow tables have come once all pieces are done, or now, if all is taken `from_start`.
    """
    shadow = f"{service}_rebuild"
    numbers = "SELECT max(number) FROM schema_versions WHERE component = $1"
    migrated = f"{await connection.fetchval(numbers, service)}"
    begun = await connection.fetchval("SELECT to_regclass($1)", f"{shadow}.pieces")
    if begun and await connection.fetchval(f"SELECT migrated FROM {shadow}.origin") == migrated:
        return int(await connection.fetchval(TOTAL))
    async with connection.transaction():
        await connection.execute(f"DROP SCHEMA IF EXISTS {shadow} CASCADE; CREATE SCHEMA {shadow}")
        for table in tables:
            await connection.execute(f"CREATE TABLE {shadow}.{table} (LIKE {service}.{table} INCLUDING ALL)")
            if options := await connection.fetchval(OPTIONS, f"{service}.{table}"):
                await connection.execute(f"ALTER TABLE {shadow}.{table} SET ({options})")
        await connection.execute(f"""
            CREATE TABLE {shadow}.origin AS SELECT '{migrated}'::text AS migrated;
            CREATE TABLE {shadow}.goal AS SELECT partition, position FROM {service}.heads;
            CREATE TABLE {shadow}.base AS SELECT partition, {"0::bigint AS " * from_start}position FROM {service}.heads;
            CREATE TABLE {shadow}.pieces (number int PRIMARY KEY, first uuid NOT NULL, last uuid NOT NULL,
                                          done boolean NOT NULL DEFAULT false);
        """)
        await connection.execute("ANALYZE base; ANALYZE goal")
    return int(await connection.fetchval(TOTAL))


async def cut(connection: Any, total: int, piece_events: int, jobs: int, most: int) -> None:
    """Cut the space of stream ids into pieces, unless a rebuild that did not end has done it."""
    count = min(most, max(2 * jobs, total // piece_events)) if total > piece_events else 1
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pieces)"):
        await connection.executemany("INSERT INTO pieces VALUES ($1, $2, $3)", _pieces(count))


def _pieces(count: int) -> list[tuple[int, UUID, UUID]]:
    """The space of stream ids in `count` equal pieces."""
    borders = [number * 2**128 // count for number in range(count + 1)]
    return [(number, UUID(int=borders[number]), UUID(int=borders[number + 1] - 1)) for number in range(count)]


async def swap(
    connection: Any,
    service: str,
    tables: Mapping[str, str],
    log_tables: Sequence[str],
    *,
    keep: str,
    catch_up: Callable[[], Awaitable[int]],
    check_only: bool,
) -> Compared:
    """Stop the service's commits, take in the rest, compare, and put the shadow tables in place, all in one
    transaction.
    """
    shadow = f"{service}_rebuild"
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(FENCE)
        await catch_up()
        if keep:
            await connection.execute(keep.format(live=service, shadow=shadow))
        found = await _compare(connection, service, shadow, tables)
        if "timers" in log_tables:
            await connection.execute(DISARM_PARKED)
            found.rows["timers"] = await connection.fetchval(f"SELECT count(*) FROM {shadow}.timers", timeout=600)
            found.differing["timers"] = await connection.fetchval(
                TIMERS_DIFFER.format(live=service, shadow=shadow), timeout=600
            )
        if not check_only:
            for table in (*tables, *log_tables):
                await _replace(connection, service, shadow, table)
        await connection.execute(f"DROP SCHEMA {shadow} CASCADE")
    return found


async def _compare(connection: Any, live: str, shadow: str, tables: Mapping[str, str]) -> Compared:
    found = Compared({}, {}, {})
    for table, query in tables.items():
        mine, other = (query.format(table=f"{schema}.{table}") for schema in (live, shadow))
        apart = f"(({mine}) EXCEPT ALL ({other})) UNION ALL (({other}) EXCEPT ALL ({mine}))"
        found.rows[table] = await connection.fetchval(f"SELECT count(*) FROM {shadow}.{table}", timeout=600)
        found.differing[table] = await connection.fetchval(f"SELECT count(*) FROM ({apart}) AS apart", timeout=600)
        if found.differing[table]:
            found.named[table] = await _named(connection, f"{live}.{table}", mine, apart)
    return found


async def _named(connection: Any, table: str, shown: str, apart: str) -> list[str]:
    """Some of the rows that differ, by as much of the table's key as is shown."""
    columns = [column.name for column in (await connection.prepare(shown)).get_attributes()]
    key = [row["attname"] for row in await connection.fetch(KEY, table) if row["attname"] in columns] or columns[:1]
    names = ", ".join(key)
    found = f"SELECT DISTINCT {names} FROM ({apart}) AS apart ORDER BY {names} LIMIT {NAMED}"
    rows = await connection.fetch(found, timeout=600)
    return [", ".join(f"{name} {value}" for name, value in row.items()) for row in rows]


async def _replace(connection: Any, service: str, shadow: str, table: str) -> None:
    """Put a shadow table in the place of the live one, under the same names of indexes and with the same rights."""
    names = {_shape(row["indexdef"]): row["indexname"] for row in await connection.fetch(INDEXES, service, table)}
    made = {_shape(row["indexdef"]): row["indexname"] for row in await connection.fetch(INDEXES, shadow, table)}
    if names.keys() != made.keys():
        raise Refused(f"the indexes of {table} were changed meanwhile; run the rebuild again", reason="REBUILD_STALE")
    await connection.execute(f"DROP TABLE {service}.{table}")
    for shape, name in names.items():
        if made[shape] != name:
            await connection.execute(f"ALTER INDEX {shadow}.{made[shape]} RENAME TO {name}")
    await connection.execute(f"ALTER TABLE {shadow}.{table} SET SCHEMA {service}")
    await connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {service}.{table} TO cairn_{service}")


def _shape(definition: str) -> str:
    """What an index is, without its name and schema."""
    return re.sub(r"INDEX \S+ ON \S+\.", "INDEX ON ", definition)
