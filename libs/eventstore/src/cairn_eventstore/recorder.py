"""The same log behind the eventsourcing library's recorder interface, for its tools and its test cases."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from eventsourcing.persistence import AggregateRecorder, IntegrityError, OperationalError, StoredEvent

from cairn_eventstore.chain import Row
from cairn_eventstore.postgres import ACQUIRE_S, append_rows
from cairn_kernel.partitions import partition_of

SELECT = """
SELECT originator_id, originator_version, topic, state FROM events
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
ORDER BY originator_version {order} LIMIT $4
"""
MAX_VERSION = 2**62


class PostgresRecorder(AggregateRecorder):
    """A synchronous AggregateRecorder over the tables of PostgresEventStore.

    Use it as a context manager: it owns a thread with the connection's event loop. `state` is kept as given.
    """

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "PostgresRecorder":
        """Connect."""
        self._thread.start()
        self._pool = self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._run(self._pool.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append all or none. Raises IntegrityError if a stream already has one of the versions."""
        if stored_events:
            self._run(self._insert(stored_events))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream with version in (gt, lte], ascending unless `desc`."""
        query = SELECT.format(order="DESC" if desc else "ASC")
        bounds = (-1 if gt is None else gt, MAX_VERSION if lte is None else lte, limit)
        rows = self._run(self._pool.fetch(query, originator_id, *bounds))
        return [StoredEvent(UUID(str(stream)), version, topic, bytes(state)) for stream, version, topic, state in rows]

    async def _open(self) -> Any:
        return await asyncpg.create_pool(self._dsn, server_settings={"search_path": self._schema}, min_size=1)

    async def _insert(self, stored_events: Sequence[StoredEvent]) -> None:
        rows: defaultdict[int, list[Row]] = defaultdict(list)
        for event in stored_events:
            row = (event.originator_id, event.originator_version, event.topic, event.state)
            rows[partition_of("", str(event.originator_id))].append(row)
        try:
            async with self._pool.acquire(timeout=ACQUIRE_S) as connection, connection.transaction():
                await append_rows(connection, rows, dict.fromkeys(rows, 0))
        except asyncpg.UniqueViolationError as error:
            raise IntegrityError("a stream already has that version") from error
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise OperationalError("the database did not take the events") from error

    def _run(self, job: Any) -> Any:
        async def wait() -> Any:
            return await job

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(timeout=60)
