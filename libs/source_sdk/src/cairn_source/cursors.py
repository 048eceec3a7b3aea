"""How far each stream is in Cairn, kept in one SQLite file: a write returns when it is on disk."""

import fcntl
import sqlite3
from pathlib import Path
from typing import Final, Self

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS cursors (stream TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID"
_SAVE: Final = "INSERT OR REPLACE INTO cursors (stream, cursor) VALUES (?, ?)"


class Cursors:
    """One process per file: a second one is refused (BlockingIOError)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise BlockingIOError("another process uses the cursors of this source") from error
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(_SCHEMA)

    def all(self) -> dict[str, str]:
        """Stream to cursor."""
        return dict(self._db.execute("SELECT stream, cursor FROM cursors").fetchall())

    def save(self, stream: str, cursor: str) -> None:
        """Keep a cursor; blocks until it is on disk."""
        self._db.execute(_SAVE, (stream, cursor))

    def close(self) -> None:
        """Release the file."""
        self._db.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
