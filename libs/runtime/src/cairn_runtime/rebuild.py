"""Rebuilding what a service keeps beside its log: folded anew into shadow tables, caught up, compared, swapped over.

The service runs on meanwhile. Work is done in pieces of the space of stream ids; a piece is one transaction, so a
rebuild that was killed goes on where it was. Its tables are in the schema `<service>_rebuild` until they take over.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import asyncpg

from cairn_eventstore import UnitOfWork
from cairn_eventstore.archived_log import DEFAULT_FOLDER, ArchivedLog
from cairn_eventstore.postgres import execute_rows, set_snapshots
from cairn_kernel.errors import Refused
from cairn_kernel.event import Event, from_canonical_json, from_canonical_json_lines
from cairn_kernel.stored_types import StoredTypes
from cairn_runtime import rebuild_swap as swap
from cairn_runtime.definitions import ALL as DEFINITIONS
from cairn_runtime.logs import configure_logs
from cairn_runtime.rebuild_in_order import InOrder, OrderedReadModel, collecting_later

C = TypeVar("C")

PIECE_EVENTS: Final = 20_000
"""Events aimed at in one piece."""
TAIL: Final = 2_000
"""So many events may be left for the swap, during which the service waits."""
ROUNDS: Final = 20
"""Times the tail is caught up with before the swap is tried whatever is left."""
MOST_PIECES: Final = 65_536
WORK_MEM: Final = "64MB"
"""Enough to sort a piece in memory."""

STREAMS = r"""
SELECT coalesce(n.stream, a.stream)::text, coalesce(n.lines, ''), a.partition
FROM (SELECT e.originator_id AS stream, string_agg(e.state, '\x0a'::bytea ORDER BY e.originator_version) AS lines
      FROM events e WHERE e.originator_id >= $1 AND e.originator_id <= $2
      AND e.position <= (ARRAY(SELECT position FROM base ORDER BY partition))[e.partition + 1]  -- a join reads far more
      GROUP BY e.originator_id) AS n
FULL JOIN (SELECT * FROM archived_streams WHERE stream >= $1 AND stream <= $2) AS a USING (stream)
"""
TAILS = r"""
SELECT e.originator_id::text, string_agg(e.state, '\x0a'::bytea ORDER BY e.originator_version), a.partition, t.fresh
FROM (SELECT e.originator_id, count(*) AS fresh
      FROM events e JOIN base b USING (partition) JOIN goal g USING (partition)
      WHERE e.position > b.position AND e.position <= g.position GROUP BY e.originator_id) AS t
JOIN events e USING (originator_id) JOIN goal g USING (partition)
LEFT JOIN archived_streams a ON a.stream = e.originator_id
WHERE e.position <= g.position GROUP BY e.originator_id, a.partition, t.fresh
"""
LEFT = "SELECT coalesce(sum(h.position - b.position), 0)::bigint FROM heads h JOIN base b USING (partition)"
REACH_GOAL = "UPDATE base b SET position = g.position FROM goal g WHERE g.partition = b.partition"
NEXT_PIECES = "SELECT number, first, last FROM pieces WHERE NOT done ORDER BY number"
TAKEN = "SELECT sum(position)::bigint FROM base"
DONE = "UPDATE pieces SET done = true WHERE number = $1 AND NOT done RETURNING number"


class Folding(Protocol[C]):
    """How a service's streams become what it keeps beside them."""

    def change(self, stream: str, events: list[Event], known: int) -> C | None:
        """What a stream's events after the first `known` changed; None if they leave nothing beside the log."""
        ...

    def write(self, work: UnitOfWork, changes: Sequence[C]) -> None:
        """Add timers, snapshots and rows of read models to the unit of work."""
        ...


@dataclass(frozen=True)
class ReadModel(Generic[C]):
    """What a service keeps beside its log, and how it follows from the log."""

    service: str
    folding: Callable[[Sequence[tuple[str, str, bytes]]], Folding[C]]
    """Given (tenant, version, bundle) of all programmes, oldest first."""
    tables: Mapping[str, str]
    """The tables that `folding` fills, each with the query that shows all that must be equal."""
    stored: StoredTypes
    log_tables: Sequence[str] = swap.LOG_TABLES
    """Tables of the log's own that `folding` fills too."""
    keep: str = ""
    """A statement that brings from {live} tables to {shadow} tables what no event tells."""


class Progress(NamedTuple):
    """How far a rebuild is."""

    events: int
    of: int
    """Events in the log when it began."""
    phase: str
    """fold, catch-up, swap or done."""


class Outcome(NamedTuple):
    """What a rebuild found: per table how many rows there are, and how many of either side the other had not."""

    rows: Mapping[str, int]
    differing: Mapping[str, int]
    events: int
    named: Mapping[str, Sequence[str]]
    """Some of the rows that differ, by their keys."""


Tell = Callable[[Progress], None]


class Rebuilder(Generic[C]):
    """Folds streams of one service into its shadow tables, over a connection of the owner."""

    def __init__(self, connection: Any, model: ReadModel[C], folding: Folding[C]) -> None:
        self.connection = connection
        self._stored = model.stored
        self._folding = folding
        self._archived = _archived(connection)

    async def piece(self, number: int, first: str, last: str) -> int:
        """Fold the streams of one piece as one transaction; return how many events they had."""
        with collecting_later():
            return await self._piece(number, first, last)

    async def _piece(self, number: int, first: str, last: str) -> int:
        changes, events = await self._changes(await self.connection.fetch(STREAMS, first, last, timeout=600))
        async with self.connection.transaction():
            if await self.connection.fetchval(DONE, number) is not None:  # else a process of a killed run has done it
                await self._write(changes)
        return events

    async def pieces(self, pieces: Iterable[tuple[int, str, str]]) -> AsyncIterator[int]:
        """Fold piece after piece; yields how many events each had."""
        for piece in pieces:
            yield await self.piece(*piece)

    async def catch_up(self) -> int:
        """Take in what was appended since, in the open transaction; return how many facts."""
        await self.connection.execute(swap.SET_GOAL)
        changes, events = await self._changes(await self.connection.fetch(TAILS, timeout=600))
        await self._write(changes)
        await self.connection.execute(REACH_GOAL)
        return events

    async def _changes(self, rows: Sequence[Any]) -> tuple[list[C], int]:
        """What became of streams, and of how many events, given (stream, events, partition if some are archived, and
        how many are fresh if not all).
        """
        archived = {row[0]: row[2] for row in rows if row[2] is not None}
        older = await self._archived.streams(archived) if archived else {}
        changes, count = [], 0
        for stream, lines, _, *fresh in rows:
            events = from_canonical_json_lines(lines)
            if stream in older:
                events = [from_canonical_json(one.state) for one in older[stream]] + events
            known = len(events) - fresh[0] if fresh else 0
            count += len(events) - known
            change = self._folding.change(stream, self._stored.all_newest(events), known)
            if change is not None:
                changes.append(change)
        return changes, count

    async def _write(self, changes: Sequence[C]) -> None:
        work = UnitOfWork()
        if changes:
            self._folding.write(work, changes)
        await execute_rows(self.connection, work)
        await set_snapshots(self.connection, work.snapshots)


class Pieces(Generic[C]):
    """Folds all pieces that are not done, in as many processes as are wanted."""

    def __init__(self, rebuilder: Rebuilder[C], dsn: str, where: str, jobs: int) -> None:
        self._rebuilder = rebuilder
        self._connection = rebuilder.connection
        self._dsn = dsn
        self._where = where
        self._jobs = jobs
        self.catch_up = rebuilder.catch_up

    async def fold(self) -> AsyncIterator[int]:
        """Yields how many events each piece had."""
        pieces = [(row[0], str(row[1]), str(row[2])) for row in await self._connection.fetch(NEXT_PIECES)]
        alone = self._jobs == 1
        folding = self._rebuilder.pieces(pieces) if alone else _in_processes(self._dsn, self._where, pieces, self._jobs)
        async for folded in folding:
            yield folded


async def rebuild(dsn: str, where: str, *, jobs: int, tell: Tell, check_only: bool = False) -> Outcome:
    """Rebuild what `where` (module:name of a ReadModel or OrderedReadModel) describes; with `check_only` compare and
    swap nothing. What is taken in order is taken by one process, whatever `jobs` says.

    Raises Refused (REBUILD_RUNS) if another rebuild of the service runs, NewerVersion if the log holds such events.
    """
    model: ReadModel[Any] | OrderedReadModel = _model(where)
    async with _owner(dsn, model.service) as connection:
        if not await connection.fetchval(swap.LOCK, model.service):
            raise Refused(f"another rebuild of {model.service} runs", reason="REBUILD_RUNS")
        tables = [*model.tables, *model.log_tables]
        folder: InOrder | Pieces[Any]
        if isinstance(model, OrderedReadModel):
            total = await swap.prepare(connection, model.service, tables, from_start=True)
            done = await connection.fetchval(TAKEN)
            folder = InOrder(connection, _archived(connection), await model.replay(connection))
        else:
            total, done = await swap.prepare(connection, model.service, tables), 0
            await swap.cut(connection, total, PIECE_EVENTS, jobs, MOST_PIECES)
            folder = Pieces(Rebuilder(connection, model, await _folding(connection, model)), dsn, where, jobs)
        async for folded in folder.fold():
            done += folded
            tell(Progress(done, total, "fold"))
        for _ in range(ROUNDS):
            tell(Progress(done, total, "catch-up"))
            if await connection.fetchval(LEFT) <= TAIL:
                break
            async with connection.transaction():
                done += await folder.catch_up()
        tell(Progress(done, total, "swap"))
        found = await swap.swap(
            connection,
            model.service,
            model.tables,
            model.log_tables,
            keep=model.keep,
            catch_up=folder.catch_up,
            check_only=check_only,
        )
        tell(Progress(done, total, "done"))
        return Outcome(found.rows, found.differing, done, found.named)


async def _in_processes(dsn: str, where: str, pieces: Sequence[tuple[int, str, str]], jobs: int) -> AsyncIterator[int]:
    """Fold pieces in `jobs` processes; yields how many events each had."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(dsn, where)) as pool:
        try:
            for folded in asyncio.as_completed([loop.run_in_executor(pool, _fold_piece, piece) for piece in pieces]):
                yield await folded
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Worker:
    """What one process of a rebuild keeps between pieces: its event loop, connection and domain."""

    def __init__(self, dsn: str, where: str) -> None:
        self.runner = asyncio.Runner()
        self.rebuilder = self.runner.run(self._open(dsn, _model(where)))

    async def _open(self, dsn: str, model: ReadModel[Any]) -> Rebuilder[Any]:
        connection = await connect(dsn, model.service)
        return Rebuilder(connection, model, await _folding(connection, model))


_workers: Final[list[_Worker]] = []
"""One in a process of a rebuild, none anywhere else."""


def _begin(dsn: str, where: str) -> None:
    configure_logs("rebuild", "error")
    _workers.append(_Worker(dsn, where))


def _fold_piece(piece: tuple[int, str, str]) -> int:
    worker = _workers[0]
    return worker.runner.run(worker.rebuilder.piece(*piece))


def _model(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


def _archived(connection: Any) -> ArchivedLog:
    return ArchivedLog(connection, Path(os.environ.get("CAIRN_ARCHIVE_DIR", DEFAULT_FOLDER)))


async def _folding(connection: Any, model: ReadModel[C]) -> Folding[C]:
    rows = await connection.fetch(DEFINITIONS)
    return model.folding([(row["tenant"], row["version"], row["bundle"]) for row in rows])


async def connect(dsn: str, service: str) -> Any:
    """A connection that sees the shadow tables before the live ones."""
    settings = {"search_path": f"{service}_rebuild, {service}", "jit": "off", "work_mem": WORK_MEM}
    return await asyncpg.connect(dsn, timeout=10, server_settings=settings)


@asynccontextmanager
async def _owner(dsn: str, service: str) -> AsyncIterator[Any]:
    connection = await connect(dsn, service)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)
