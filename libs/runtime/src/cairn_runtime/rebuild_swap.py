"""The shadow tables of a rebuild: how they are made, compared with the live ones, and put in their place."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from cairn_kernel.errors import Refused
from cairn_runtime.fencing import FENCE

LOG_TABLES: Final = ("timers", "snapshots")
"""Tables of the log's schema that follow from the log where there is one stream per profile."""
LOCK_TIMEOUT: Final = "20s"
"""How long the swap waits for whoever reads the live tables."""

LOCK = "SELECT pg_try_advisory_lock(hashtext('rebuild'), hashtext($1))"
DISARM_PARKED = "DELETE FROM timers WHERE stream IN (SELECT stream FROM parked)"
TIMERS_DIFFER = """
SELECT (SELECT count(*) FROM {live}.timers l FULL JOIN {shadow}.timers s USING (stream, timer_id)
        WHERE l.due IS NULL OR s.due IS NULL OR l.due > s.due OR l.partition <> s.partition)
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2"
OPTIONS = "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = $1::regclass"


async def prepare(connection: Any, service: str, tables: Sequence[str], piece_events: int, jobs: int, most: int) -> int:
    """Make the shadow tables, or keep those of a rebuild that did not end; return the events there are to fold."""
    shadow = f"{service}_rebuild"
    numbers = "SELECT max(number) FROM schema_versions WHERE component = $1"
    migrated = f"{await connection.fetchval(numbers, service)}"
    if await connection.fetchval("SELECT to_regclass($1)", f"{shadow}.pieces"):
        if await connection.fetchval(f"SELECT migrated FROM {shadow}.origin") == migrated:
            return int(await connection.fetchval("SELECT sum(position)::bigint FROM base"))
    async with connection.transaction():
        await connection.execute(f"DROP SCHEMA IF EXISTS {shadow} CASCADE; CREATE SCHEMA {shadow}")
        for table in tables:
            await connection.execute(f"CREATE TABLE {shadow}.{table} (LIKE {service}.{table} INCLUDING ALL)")
            if options := await connection.fetchval(OPTIONS, f"{service}.{table}"):
                await connection.execute(f"ALTER TABLE {shadow}.{table} SET ({options})")
        await connection.execute(f"""
            CREATE TABLE {shadow}.origin AS SELECT '{migrated}'::text AS migrated;
            CREATE TABLE {shadow}.base AS SELECT partition, position FROM {service}.heads;
            CREATE TABLE {shadow}.goal AS SELECT partition, position FROM {service}.heads;
            CREATE TABLE {shadow}.pieces (number int PRIMARY KEY, first uuid NOT NULL, last uuid NOT NULL,
                                          done boolean NOT NULL DEFAULT false);
        """)
        total = int(await connection.fetchval("SELECT sum(position)::bigint FROM base"))
        count = min(most, max(2 * jobs, total // piece_events)) if total > piece_events else 1
        await connection.executemany("INSERT INTO pieces VALUES ($1, $2, $3)", _pieces(count))
        await connection.execute("ANALYZE base; ANALYZE goal")
    return total


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
) -> tuple[dict[str, int], dict[str, int]]:
    """Stop the service's commits, take in the rest, compare, and put the shadow tables in place, all in one
    transaction. Returns rows per table, and rows that one side had and the other had not.
    """
    shadow = f"{service}_rebuild"
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(FENCE)
        await catch_up()
        if keep:
            await connection.execute(keep.format(live=service, shadow=shadow))
        rows, differing = await _compare(connection, service, shadow, tables)
        if "timers" in log_tables:
            await connection.execute(DISARM_PARKED)
            rows["timers"] = await connection.fetchval(f"SELECT count(*) FROM {shadow}.timers", timeout=600)
            differing["timers"] = await connection.fetchval(
                TIMERS_DIFFER.format(live=service, shadow=shadow), timeout=600
            )
        if not check_only:
            for table in (*tables, *log_tables):
                await _replace(connection, service, shadow, table)
        await connection.execute(f"DROP SCHEMA {shadow} CASCADE")
    return rows, differing


async def _compare(
    connection: Any, live: str, shadow: str, tables: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, int]]:
    rows, differing = {}, {}
    for table, query in tables.items():
        mine, other = (query.format(table=f"{schema}.{table}") for schema in (live, shadow))
        rows[table] = await connection.fetchval(f"SELECT count(*) FROM {shadow}.{table}", timeout=600)
        differing[table] = await connection.fetchval(
            f"SELECT (SELECT count(*) FROM (({mine}) EXCEPT ALL ({other})) AS gone)"
            f" + (SELECT count(*) FROM (({other}) EXCEPT ALL ({mine})) AS come)",
            timeout=600,
        )
    return rows, differing


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
