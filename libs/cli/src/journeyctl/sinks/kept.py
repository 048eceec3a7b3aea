"""What arrived, in one SQLite file: a message is answered for only when it is on disk."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS arrivals (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    received_at REAL NOT NULL,
    body        BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS arrivals_by_id ON arrivals (id);
"""
_INSERT: Final = "INSERT INTO arrivals (id, recipient, received_at, body) VALUES (?, ?, ?, ?)"
_BY_ID: Final = "SELECT number, id, recipient, received_at, body FROM arrivals WHERE id = ? ORDER BY number"
_PAGE: Final = "SELECT number, id, recipient, received_at, body FROM arrivals WHERE number > ? ORDER BY number LIMIT ?"
_COUNTS: Final = "SELECT count(*), count(DISTINCT id) FROM arrivals"


class Arrival(NamedTuple):
    """One message as it came; the same id twice is two arrivals."""

    number: int
    id: str
    recipient: str
    received_at: float
    body: bytes


class Kept:
    """The file of arrivals. Those that wait at the same time share one commit."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kept")
        self._waiting: list[tuple[str, str, float, bytes]] = []
        self._turn = asyncio.Lock()
        self._written = 0
        self._asked = 0

    async def keep(self, id: str, recipient: str, received_at: float, body: bytes) -> None:
        """Return when the message is on disk."""
        self._waiting.append((id, recipient, received_at, body))
        self._asked += 1
        mine = self._asked
        async with self._turn:
            if self._written < mine:  # else whoever had the turn before wrote it along with its own
                batch, self._waiting = self._waiting, []
                try:
                    await asyncio.shield(self._run(self._write, batch))
                except sqlite3.Error:
                    self._waiting = batch + self._waiting
                    raise
                self._written += len(batch)

    async def by_id(self, id: str) -> list[Arrival]:
        """All arrivals of an id, oldest first."""
        return [Arrival(*row) for row in await self._run(self._read, _BY_ID, (id,))]

    async def page(self, after: int, limit: int) -> list[Arrival]:
        """At most `limit` arrivals after a number, oldest first."""
        return [Arrival(*row) for row in await self._run(self._read, _PAGE, (after, limit))]

    async def counts(self) -> tuple[int, int]:
        """How many messages arrived, and how many different ids they had."""
        [(messages, ids)] = await self._run(self._read, _COUNTS, ())
        return messages, ids

    def close(self) -> None:
        """Finish the waiting writes and release the file."""
        self._thread.shutdown(wait=True)
        self._db.close()

    def _run(self, work: Any, *arguments: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _write(self, batch: Sequence[tuple[str, str, float, bytes]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_INSERT, batch)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _read(self, sql: str, row: Sequence[Any]) -> list[Any]:
        return self._db.execute(sql, row).fetchall()
