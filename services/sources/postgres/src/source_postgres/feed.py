"""The change feed of a PostgreSQL database: what was there, then what changes, each once and in order of commit."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NoReturn

import asyncpg
import structlog

from cairn_source import Mapping as RowMapping
from cairn_source import Row, Slice, Unreachable
from source_postgres import pgoutput
from source_postgres.copying import CHANGE, COMMITTED_AT, COPY, ROWS, Copied, copy_tables
from source_postgres.settings import PostgresSettings

log: Final = structlog.get_logger()

CHANGES: Final = "changes"
_SLOT: Final = "SELECT plugin, database, wal_status, invalidation_reason FROM pg_replication_slots WHERE slot_name = $1"
_PUBLICATION: Final = "SELECT true FROM pg_publication WHERE pubname = $1"
_CREATE: Final = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')"
_PEEK: Final = """
SELECT data FROM pg_logical_slot_peek_binary_changes(
    $1, NULL, $2, 'proto_version', '1', 'publication_names', $3, 'messages', 'true'
)
"""
_HEARTBEAT: Final = "SELECT pg_logical_emit_message(true, 'cairn', '')"
HEARTBEAT_BYTES: Final = 16 * 2**20
"""So much log of other tables, and a message of our own is written, behind which the server may forget."""
_ADVANCE: Final = "SELECT pg_replication_slot_advance($1, $2)"
_LOG_END: Final = "SELECT pg_current_wal_flush_lsn()"
_SETTINGS: Final = {
    "application_name": "cairn",
    "datestyle": "ISO",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "synchronize_seqscans": "off",  # a copy that begins again reads in the same order
}
_WORDS: Final[Mapping[type[Exception], str]] = MappingProxyType(
    {
        asyncpg.InvalidPasswordError: "LOGIN",
        asyncpg.InvalidAuthorizationSpecificationError: "LOGIN",
        asyncpg.InsufficientPrivilegeError: "MAY_NOT_READ",
        asyncpg.ObjectInUseError: "SLOT_IN_USE",
    }
)
_FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class PostgresSource:
    """A Source over one replication slot, which keeps the log from the last acknowledged commit on."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._slot = f"cairn_{settings.source_name.replace('-', '_')}"
        self._publication = settings.postgres_publication
        self._reading: Any = None
        self._telling: Any = None

    async def check(self) -> None:
        connection = await self._open()
        try:
            if not await connection.fetchval(_PUBLICATION, self._publication):
                raise Unreachable("NO_PUBLICATION")
            slot = await connection.fetchrow(_SLOT, self._slot)
            if slot is None:
                await connection.execute(_CREATE, self._slot)
                log.info("slot.created", slot=self._slot)
            elif slot["wal_status"] == "lost" or slot["invalidation_reason"]:
                raise Unreachable("SLOT_LOST")
        except asyncpg.ObjectNotInPrerequisiteStateError as fault:
            raise Unreachable("WAL_LEVEL_NOT_LOGICAL") from fault
        except asyncpg.InsufficientPrivilegeError as fault:
            raise Unreachable("MAY_NOT_REPLICATE") from fault
        except _FAULTS as fault:
            await self._lose(fault)

    async def read(self, cursors: Mapping[str, str]) -> AsyncGenerator[Slice]:
        """First, once, what the tables held; then the changes since, those excepted that the copy holds."""
        try:
            copy = Copied.of(cursors.get(COPY, ""))
            if copy is None and self._settings.postgres_copy:
                async with aclosing(copy_tables(await self._open(), self._publication)) as copied:
                    async for told in copied:
                        yield told
                        copy = Copied.of(told.cursor)
            async with aclosing(self._changes(int(cursors.get(CHANGES, "0")), copy)) as changes:
                async for told in changes:
                    yield told
        except _FAULTS as fault:
            await self._lose(fault)

    async def acknowledged(self, stream: str, cursor: str) -> None:
        """The server may drop its log up to there."""
        if stream != CHANGES:
            return
        try:
            if self._telling is None or self._telling.is_closed():
                self._telling = await self._connect()
            await self._telling.execute(_ADVANCE, self._slot, int(cursor))
        except _FAULTS as fault:
            await self._lose(fault)

    async def close(self) -> None:
        for connection in (self._reading, self._telling):
            if connection is not None:
                connection.terminate()

    async def _changes(self, after: int, copy: Copied | None) -> AsyncGenerator[Slice]:
        connection = await self._open()
        log_end = int(await connection.fetchval(_LOG_END))  # maybe in the middle of a record: never a cursor
        changes = Changes(after, copy)
        async with connection.transaction():
            asked = (self._slot, self._settings.postgres_changes, self._publication)
            count = 0
            async for record in connection.cursor(_PEEK, *asked, prefetch=ROWS):
                count += 1
                if changes.take(record["data"]):
                    yield changes.slice()
        if changes.rows or changes.reached > after:
            yield changes.slice()
        elif not count and log_end - after > HEARTBEAT_BYTES:
            await connection.execute(_HEARTBEAT)

    async def _open(self) -> Any:
        if self._reading is None or self._reading.is_closed():
            self._reading = await self._connect()
        return self._reading

    async def _connect(self) -> Any:
        return await asyncpg.connect(self._settings.postgres_dsn, server_settings=_SETTINGS, timeout=10.0)

    async def _lose(self, fault: Exception) -> NoReturn:
        """Begin again with new connections; a fault's text may hold values, its class never does."""
        await self.close()
        raise Unreachable(_WORDS.get(type(fault), "DATABASE")) from fault


class Changes:
    """Messages of the log, gathered into slices."""

    def __init__(self, after: int, copy: Copied | None) -> None:
        self.reached = after
        """End of the last whole transaction."""
        self.rows: list[Row] = []
        self._after = after
        self._copy = copy
        self._tables: dict[int, pgoutput.Relation] = {}
        self._begun = pgoutput.Begun(0, 0, 0)
        self._number = 0
        self._wanted = False

    def take(self, message: bytes) -> bool:
        """Take a message in; whether there is enough for a slice."""
        match message[:1]:
            case b"B":
                self._begun, self._number = pgoutput.begun(message), 0
                known = self._copy is not None and self._copy.holds(self._begun)
                self._wanted = self._begun.commit_lsn >= self._after and not known
            case b"C":
                self.reached = max(self.reached, pgoutput.committed(message))
            case b"R":
                relation_id, table = pgoutput.relation(message)
                self._tables[relation_id] = table
            case b"I" | b"U" | b"D" if self._wanted:
                self._number += 1
                self.rows.append(self._row(pgoutput.changed(message)))
            case _:
                pass  # types, origins, messages of others; TRUNCATE is no fact about a customer
        return len(self.rows) >= ROWS

    def slice(self) -> Slice:
        """What was gathered since the last one."""
        rows, self.rows = self.rows, []
        return Slice(CHANGES, str(self.reached), rows)

    def _row(self, told: pgoutput.Changed) -> Row:
        table = self._tables[told.relation_id]
        at = datetime.fromtimestamp(self._begun.at_us / 1_000_000, UTC).isoformat()
        fields = pgoutput.fields_of(table.columns, told.values, told.known)
        place = f"{self._begun.commit_lsn:X}.{self._number}"
        return Row(table.name, place, {**fields, COMMITTED_AT: at, CHANGE: told.change}, told.change)


@asynccontextmanager
async def open_source(settings: PostgresSettings, mappings: Sequence[RowMapping]) -> AsyncIterator[PostgresSource]:
    """The source that the settings name."""
    source = PostgresSource(settings)
    try:
        yield source
    finally:
        await source.close()
