"""What the tables of a publication hold, as one snapshot, and which changes of the log are in it already."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cairn_source import Row, Slice
from source_postgres.pgoutput import Begun, Column, fields_of

COPY: Final = "copy"
COMMITTED_AT: Final = "_committed_at"
CHANGE: Final = "_change"
ROWS: Final = 500
_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text AS snapshot, pg_current_wal_insert_lsn() AS lsn, now() AS at"
_TABLES: Final = """
SELECT format('%I.%I', schemaname, tablename)::regclass::oid AS id, schemaname || '.' || tablename AS name,
       format('%I.%I', schemaname, tablename) AS quoted, attnames::text[] AS columns, rowfilter
FROM pg_publication_tables WHERE pubname = $1 ORDER BY schemaname, tablename
"""
_COLUMNS: Final = """
SELECT attname::text AS name, quote_ident(attname) AS quoted, atttypid AS type_oid,
       COALESCE(attnum = ANY (indkey), false) AS key
FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
WHERE attrelid = $1 AND attname = ANY ($2) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""
_WRAP: Final = 2**32


class Copied(NamedTuple):
    """The snapshot that a finished copy was taken from."""

    lsn: int
    """Whatever commits behind it is not in the copy."""
    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def of(cls, cursor: str) -> "Copied | None":
        """None if no copy was finished."""
        if not cursor:
            return None
        lsn, snapshot = json.loads(cursor)
        xmin, xmax, running = snapshot.split(":")
        return cls(lsn, int(xmin), int(xmax), frozenset(map(int, filter(None, running.split(",")))))

    def holds(self, transaction: Begun) -> bool:
        """Whether the copy shows what a transaction did (its id has 32 bits, those of the snapshot 64)."""
        if transaction.commit_lsn >= self.lsn:
            return False
        distance = (transaction.xid - self.xmax) % _WRAP
        xid = self.xmax + (distance - _WRAP if distance >= _WRAP // 2 else distance)
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)


async def copy_tables(connection: Any, publication: str) -> AsyncGenerator[Slice]:
    """All rows that are there now; only the last slice has a cursor, so a copy that was broken off begins again."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        taken = await connection.fetchrow(_SNAPSHOT)
        rows: list[Row] = []
        for table in await connection.fetch(_TABLES, publication):
            async with aclosing(_rows(connection, table, taken["at"].astimezone(UTC))) as found:
                async for row in found:
                    rows.append(row)
                    if len(rows) == ROWS:
                        yield Slice(COPY, "", rows, past=True)
                        rows = []
    yield Slice(COPY, json.dumps([int(taken["lsn"]), taken["snapshot"]]), rows, past=True)


async def _rows(connection: Any, table: Any, at: datetime) -> AsyncGenerator[Row]:
    told = await connection.fetch(_COLUMNS, table["id"], table["columns"])
    columns = [Column(column["name"], column["type_oid"], column["key"]) for column in told]
    listed = ", ".join(f"{column['quoted']}::text" for column in told)
    where = f" WHERE {table['rowfilter']}" if table["rowfilter"] else ""
    statement = f"SELECT ctid::text, {listed} FROM {table['quoted']}{where}"  # noqa: S608 - quoted by the server
    known = [True] * len(columns)
    keyed = any(column.key for column in columns)
    async for record in connection.cursor(statement, prefetch=ROWS):
        place, *values = record
        fields = fields_of(columns, values, known)
        cause = json.dumps([*([] if keyed else [place]), *values])
        yield Row(
            table["name"],
            f"copy.{sha256(cause.encode()).hexdigest()[:24]}",
            {**fields, COMMITTED_AT: at.isoformat(), CHANGE: "insert"},
        )
