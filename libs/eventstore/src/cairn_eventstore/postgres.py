"""The store on PostgreSQL: one transaction per unit of work, a handful of statements whatever its size."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import asyncpg

from cairn_eventstore import chain
from cairn_eventstore.archived_log import DEFAULT_FOLDER, ArchivedLog
from cairn_eventstore.ports import (
    Committed,
    Fenced,
    Head,
    InboxAdvance,
    Loaded,
    NewEvent,
    Snapshot,
    Stored,
    StreamConflict,
    Timer,
    UnitOfWork,
    columns,
)
from cairn_kernel.errors import Unavailable
from cairn_kernel.event import Event, from_canonical_json, from_canonical_json_lines, to_canonical_json

ACQUIRE_S: Final = 10.0
"""Longest wait for a connection."""
ATTEMPTS: Final = 3
"""Tries of a transaction that PostgreSQL ended for a deadlock or a serialization failure."""

IN_DOUBT: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that was cut in mid-operation
)
OVERBURDENED: Final = (
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.LockNotAvailableError,
)

ADVANCE_INBOX = """
WITH moves AS (
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS m(log, partition, before, last, epoch)
), locked AS (
    SELECT i.log, i.partition FROM inbox i JOIN moves m USING (log, partition)
    WHERE i.position = m.before AND i.epoch = m.epoch
    ORDER BY i.log, i.partition FOR UPDATE OF i
)
UPDATE inbox i SET position = m.last FROM moves m JOIN locked l USING (log, partition)
WHERE i.log = m.log AND i.partition = m.partition AND i.position = m.before AND i.epoch = m.epoch
RETURNING i.partition
"""
CANCEL_TIMERS = """
DELETE FROM timers t USING unnest($1::uuid[], $2::text[]) AS c(stream, timer_id)
WHERE t.stream = c.stream AND t.timer_id = c.timer_id
"""
SET_TIMERS = """
INSERT INTO timers (stream, timer_id, partition, due)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::bigint[])
ON CONFLICT (stream, timer_id) DO UPDATE SET partition = excluded.partition, due = excluded.due
"""
APPEND = """
WITH locked AS (
    SELECT partition FROM heads WHERE partition = ANY($1::smallint[]) ORDER BY partition FOR UPDATE
), moved AS (
    UPDATE heads h SET position = h.position + n.count, as_of = greatest(h.as_of, n.as_of), link = sha256(
        h.link || int2send(h.partition) || int8send(h.position + 1) || int8send(h.position + n.count) || n.content)
    FROM unnest($1::smallint[], $2::int[], $3::int[], $4::bigint[], $5::bytea[], $6::bytea[])
        AS n(partition, before, count, as_of, content, sums) JOIN locked USING (partition)
    WHERE h.partition = n.partition
    RETURNING h.partition, h.position - n.count AS base, h.position AS last, h.link, n.sums, n.before, n.count
), linked AS (
    INSERT INTO chain (partition, last, first, link, sums) SELECT partition, last, base + 1, link, sums FROM moved
), appended AS (
    INSERT INTO events (partition, position, originator_id, originator_version, topic, state)
    SELECT moved.partition, moved.base + e.place, e.stream, e.version, e.topic, e.state
    FROM moved CROSS JOIN LATERAL unnest(
        ($7::uuid[])[before + 1 : before + count], ($8::bigint[])[before + 1 : before + count],
        ($9::text[])[before + 1 : before + count], ($10::bytea[])[before + 1 : before + count]
    ) WITH ORDINALITY AS e(stream, version, topic, state, place)
)
SELECT partition, base FROM moved ORDER BY partition
"""
SET_SNAPSHOTS = """
INSERT INTO {table} (stream, version, format, state, told_from)
SELECT stream, version, format, state, coalesce(told_from, (SELECT max(as_of) + 1 FROM heads))
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[])
    AS s(stream, version, format, state, told_from)
ON CONFLICT (stream) DO UPDATE SET version = excluded.version, format = excluded.format, state = excluded.state,
    told_from = excluded.told_from
"""
LOAD = r"""
SELECT w.stream::text, s.version, s.state, s.told_from, tail.lines,
    CASE WHEN a.version > coalesce(s.version, 0) THEN a.partition END
FROM unnest($1::uuid[]{more}) AS w(stream{names})
LEFT JOIN {snapshots} ON s.stream = w.stream AND s.format = $2
LEFT JOIN archived_streams a ON a.stream = w.stream
CROSS JOIN LATERAL (
    SELECT string_agg(e.state, '\x0a'::bytea ORDER BY e.originator_version) AS lines FROM events e
    WHERE e.originator_id = w.stream AND e.originator_version > coalesce(s.version, 0)
) AS tail
"""
LOAD_SINCE_SNAPSHOT = LOAD.format(more="", names="", snapshots="snapshots s")
LOAD_TO_TELL = LOAD.format(
    more=", $3::bigint[]",
    names=", effect",
    snapshots="""LATERAL (
    SELECT * FROM snapshots n WHERE n.stream = w.stream AND n.format = $2 AND n.told_from <= w.effect
    UNION ALL
    SELECT * FROM settled_snapshots k WHERE k.stream = w.stream AND k.format = $2 AND k.told_from <= w.effect
    ORDER BY version DESC LIMIT 1
) AS s""",
)
NO_FORMAT: Final = ""
"""No snapshot is of this format."""
READ = "SELECT position, state FROM events WHERE partition = $1 AND position > $2 ORDER BY position LIMIT $3"
HEADS = "SELECT partition, position, as_of FROM heads"
INBOX = "SELECT partition, position, epoch FROM inbox WHERE log = $1"
DUE_TIMERS = """
SELECT u.partition, t.stream, t.timer_id, t.due
FROM unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS u(partition, upto, place) CROSS JOIN LATERAL (
    SELECT stream::text, timer_id, due FROM timers WHERE partition = u.partition AND due <= u.upto
    ORDER BY due, timer_id LIMIT $3
) AS t ORDER BY u.place, t.due, t.timer_id
"""
NEXT_DUE = """
SELECT p.partition, t.due FROM unnest($1::smallint[]) AS p(partition)
CROSS JOIN LATERAL (SELECT due FROM timers t WHERE t.partition = p.partition ORDER BY due LIMIT 1) AS t
"""


class PostgresEventStore:
    """An EventStore over an asyncpg pool whose search_path is the service's schema."""

    def __init__(self, pool: asyncpg.Pool, archive_folder: Path = DEFAULT_FOLDER) -> None:
        self._pool = pool
        self._archived = ArchivedLog(pool, archive_folder)

    async def commit(self, work: UnitOfWork) -> list[Committed]:
        """See EventStore.commit."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._pool.acquire(timeout=ACQUIRE_S) as connection, connection.transaction():
                    return await commit_on(connection, work)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
                if attempt == ATTEMPTS:
                    raise Unavailable("the database is too busy") from error
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name == "one_event_per_version":
                    raise StreamConflict("a stream already has that version") from error
                raise
            except IN_DOUBT as error:
                raise Unavailable("the outcome of a commit is unknown", reason="COMMIT_IN_DOUBT") from error
            except OVERBURDENED as error:
                raise Unavailable("the database cannot do it now", reason="DATABASE_OVERBURDENED") from error
        raise AssertionError("unreachable")

    async def load(self, streams: Collection[str]) -> dict[str, list[Event]]:
        """See EventStore.load."""
        return {
            stream: loaded.events for stream, loaded in (await self.load_since_snapshot(streams, NO_FORMAT)).items()
        }

    async def load_since_snapshot(self, streams: Collection[str], format: str) -> dict[str, Loaded]:
        """See EventStore.load_since_snapshot."""
        return await self._loaded(LOAD_SINCE_SNAPSHOT, format, list(streams))

    async def load_to_tell(self, effects: Mapping[str, int], format: str) -> dict[str, Loaded]:
        """See EventStore.load_to_tell."""
        return await self._loaded(LOAD_TO_TELL, format, list(effects), list(effects.values()))

    async def _loaded(self, query: str, format: str, streams: list[str], *instants: list[int]) -> dict[str, Loaded]:
        rows = await self._pool.fetch(query, streams, format, *instants, timeout=60)
        archived = {stream: partition for stream, *_, partition in rows if partition is not None}
        older = await self._archived.streams(archived) if archived else {}
        found = {}
        for stream, version, state, told_from, lines, _ in rows:
            events = from_canonical_json_lines(lines) if lines is not None else []
            if stream in older:
                past = [from_canonical_json(one.state) for one in older[stream] if one.version > (version or 0)]
                events = past + events
            snapshot = Snapshot(stream, version, format, state, told_from) if state is not None else None
            found[stream] = Loaded(snapshot, events)
        return found

    async def read(self, partition: int, after: int, limit: int) -> list[Stored]:
        """See EventStore.read."""
        rows = await self._pool.fetch(READ, partition, after, limit, timeout=60)
        stored = [Stored(position, from_canonical_json(state)) for position, state in rows]
        if stored and stored[0].position == after + 1:
            return stored
        older = await self._archived.read(partition, after + 1, stored[0].position - 1 if stored else after + limit)
        return ([Stored(one.position, from_canonical_json(one.state)) for one in older] + stored)[:limit]

    async def heads(self) -> dict[int, Head]:
        """See EventStore.heads."""
        return {partition: Head(position, as_of) for partition, position, as_of in await self._pool.fetch(HEADS)}

    async def inbox(self, log: str) -> dict[int, InboxAdvance]:
        """See EventStore.inbox."""
        rows = await self._pool.fetch(INBOX, log)
        return {partition: InboxAdvance(log, partition, at, at, epoch) for partition, at, epoch in rows}

    async def due_timers(self, upto: Mapping[int, int], limit: int) -> list[Timer]:
        """See EventStore.due_timers."""
        partitions = sorted(upto)
        rows = await self._pool.fetch(DUE_TIMERS, partitions, [upto[number] for number in partitions], limit)
        return [Timer(*row) for row in rows]

    async def next_due(self, partitions: Collection[int]) -> Mapping[int, int]:
        """See EventStore.next_due."""
        return dict(await self._pool.fetch(NEXT_DUE, list(partitions)))


async def commit_on(connection: Any, work: UnitOfWork) -> list[Committed]:
    """Do `work` in the transaction that is open on an asyncpg connection. Raises as EventStore.commit does."""
    if work.inbox:
        moved = await connection.fetch(ADVANCE_INBOX, *columns(work.inbox))
        if len(moved) != len(work.inbox):
            raise Fenced("another owner has processed this batch")
    if work.prepare is not None:
        await work.prepare(connection)
    await execute_rows(connection, work)
    appended = await _append(connection, work.appends) if work.appends else []
    await set_snapshots(connection, work.snapshots)
    return appended


async def execute_rows(connection: Any, work: UnitOfWork) -> None:
    """Set and cancel the timers and write read-model rows of `work` in the open transaction."""
    if work.timers_cancelled:
        await connection.execute(
            CANCEL_TIMERS,
            [timer.stream for timer in work.timers_cancelled],
            [timer.timer_id for timer in work.timers_cancelled],
        )
    if work.timers_set:
        last = {(timer.stream, timer.timer_id): timer for timer in work.timers_set}
        timers = [last[key] for key in sorted(last)]
        await connection.execute(
            SET_TIMERS,
            [timer.stream for timer in timers],
            [timer.timer_id for timer in timers],
            [timer.partition for timer in timers],
            [timer.due for timer in timers],
        )
    for statement, rows in work.rows:
        await connection.executemany(statement, rows)


async def set_snapshots(connection: Any, snapshots: Sequence[Snapshot]) -> None:
    """Write snapshots in the open transaction, in which all that is in them has been appended."""
    newest = {one.stream: one for one in snapshots if one.told_from is None}
    settled = {one.stream: one for one in snapshots if one.told_from is not None}
    for table, written in (("snapshots", newest), ("settled_snapshots", settled)):
        if written:
            await connection.execute(
                SET_SNAPSHOTS.format(table=table), *columns([written[stream] for stream in sorted(written)])
            )


async def _append(connection: Any, appends: Sequence[NewEvent]) -> list[Committed]:
    events: defaultdict[int, list[Event]] = defaultdict(list)
    rows: defaultdict[int, list[chain.Row]] = defaultdict(list)
    for new in appends:
        event = new.event
        events[new.partition].append(event)
        rows[new.partition].append((new.stream, new.version, event.type, to_canonical_json(event)))
    latest = {partition: max([event.as_of for event in run]) for partition, run in events.items()}
    bases = await append_rows(connection, rows, latest)
    return [Committed(partition, base + 1, events[partition]) for partition, base in bases]


async def append_rows(
    connection: Any, rows: Mapping[int, Sequence[chain.Row]], latest: Mapping[int, int]
) -> list[tuple[int, int]]:
    """Append rows to partitions in the open transaction; `latest` is the greatest as_of of each partition's rows.

    Returns (partition, position before the first new one), by ascending partition. Raises
    asyncpg.UniqueViolationError if a stream already has one of the versions.
    """
    touched = sorted(rows)
    runs = [rows[partition] for partition in touched]
    counts = [len(run) for run in runs]
    bases = await connection.fetch(
        APPEND,
        touched,
        list(accumulate(counts[:-1], initial=0)),
        counts,
        [latest[partition] for partition in touched],
        [chain.content(run) for run in runs],
        [chain.sums(run) for run in runs],
        *columns([row for run in runs for row in run]),
    )
    if len(bases) != len(touched):
        raise AssertionError("a partition has no head row")
    return [(partition, base) for partition, base in bases]
