"""The connector's own record of what it began and what became of it, written before and after sending."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cairn_connector.delivery import Dispatch, Outcome, Status

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journal (
    delivery_id TEXT PRIMARY KEY,
    tenant      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    begun_at    REAL NOT NULL,
    status      TEXT,
    provider_id TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT '',
    occurred_at REAL NOT NULL DEFAULT 0,
    by_query    INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_BEGIN: Final = "INSERT OR REPLACE INTO journal (delivery_id, tenant, attempt, begun_at) VALUES (?, ?, ?, ?)"
_FINISH: Final = """
INSERT INTO journal (delivery_id, tenant, attempt, begun_at, status, provider_id, reason, occurred_at, by_query)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (delivery_id) DO UPDATE SET status = excluded.status, provider_id = excluded.provider_id,
    reason = excluded.reason, occurred_at = excluded.occurred_at, by_query = excluded.by_query
"""
_FORGET: Final = "DELETE FROM journal WHERE delivery_id = ? AND status IS NULL"
_PRUNE: Final = "DELETE FROM journal WHERE status IS NOT NULL AND begun_at < ?"
_FIND: Final = "SELECT * FROM journal WHERE delivery_id = ?"
_UNFINISHED: Final = "SELECT * FROM journal WHERE status IS NULL ORDER BY begun_at, delivery_id"


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery in the journal; begun and not finished as long as `outcome` is None."""

    delivery_id: str
    tenant: str
    attempt: int
    begun_at: float
    outcome: Outcome | None = None
    by_query: bool = False
    """True if the outcome was found out by asking the channel."""


class Journal:
    """A durable journal in one SQLite file; a write returns when it is on disk.

    Writes that wait at the same time share one commit. One process per file: a second one is refused
    (BlockingIOError), since two journals would not know of each other.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise BlockingIOError("another process uses this connector's journal") from error
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(_SCHEMA)
        self._reader = sqlite3.connect(path, isolation_level=None)  # looks up by key, never waits for the writer
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: list[tuple[str, Sequence[Any], asyncio.Future[None]]] = []
        self._turn = asyncio.Lock()

    async def begin(self, dispatch: Dispatch, at: float) -> None:
        """Record that sending is about to start; nothing may be sent before this returns."""
        await self._write(_BEGIN, (dispatch.delivery_id, dispatch.tenant, dispatch.attempt, at))

    async def finish(self, entry: Entry) -> None:
        """Record what became of it."""
        outcome = entry.outcome
        assert outcome is not None, "an entry is finished with an outcome"  # noqa: S101 - a programming error
        await self._write(
            _FINISH,
            (
                entry.delivery_id,
                entry.tenant,
                entry.attempt,
                entry.begun_at,
                outcome.status.value,
                outcome.provider_id,
                outcome.reason,
                outcome.occurred_at,
                int(entry.by_query),
            ),
        )

    async def forget(self, delivery_id: str) -> None:
        """Take a beginning back: it is certain that nothing was sent."""
        await self._write(_FORGET, (delivery_id,))

    async def prune(self, before: float) -> None:
        """Drop finished entries begun before an instant (seconds since 1970)."""
        await self._write(_PRUNE, (before,))

    async def find(self, delivery_id: str) -> Entry | None:
        """What is known of a delivery."""
        row = self._reader.execute(_FIND, (delivery_id,)).fetchone()
        return None if row is None else _entry(row)

    async def unfinished(self) -> list[Entry]:
        """Begun and not finished, oldest first."""
        return [_entry(row) for row in self._reader.execute(_UNFINISHED)]

    async def close(self) -> None:
        """Finish the waiting writes and release the file."""
        async with self._turn:
            self._writer.shutdown(wait=True)
            self._reader.close()
            self._db.close()
            self._lock.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _write(self, sql: str, row: Sequence[Any]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sql, row, done))
        async with self._turn:
            if not done.done():  # else whoever had the turn before wrote it along with its own
                batch, self._waiting = self._waiting, []
                written = asyncio.get_running_loop().run_in_executor(self._writer, self._commit, batch)
                written.add_done_callback(lambda result: _settle(batch, result.exception()))
                await asyncio.shield(written)
        await done

    def _commit(self, batch: Sequence[tuple[str, Sequence[Any], object]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for sql, row, _ in batch:
                self._db.execute(sql, row)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise


def _settle(batch: Sequence[tuple[str, Sequence[Any], asyncio.Future[None]]], fault: BaseException | None) -> None:
    for _, _, done in batch:
        if done.done():
            continue
        if fault is None:
            done.set_result(None)
        else:
            done.set_exception(fault)


def _entry(row: Sequence[Any]) -> Entry:
    delivery_id, tenant, attempt, begun_at, status, provider_id, reason, occurred_at, by_query = row
    outcome = None if status is None else Outcome(Status(status), provider_id, reason, occurred_at)
    return Entry(delivery_id, tenant, attempt, begun_at, outcome, bool(by_query))
