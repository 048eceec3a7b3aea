"""Rebuilding what a service keeps beside its log: folded anew into shadow tables, caught up, compared, swapped over.

The service runs on meanwhile. Work is done in pieces of the space of stream ids; a piece is one transaction, so a
rebuild that was killed goes on where it was. Its tables are in the schema `<service>_rebuild` until they take over.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import asyncpg

from cairn_eventstore import Timer, UnitOfWork
from cairn_eventstore.archived_log import DEFAULT_FOLDER, ArchivedLog
from cairn_eventstore.postgres import execute_rows
from cairn_kernel.errors import Refused
from cairn_kernel.event import Event, from_canonical_json, from_canonical_json_lines
from cairn_kernel.partitions import partition_of
from cairn_kernel.stored_types import StoredTypes
from cairn_runtime import rebuild_swap as swap
from cairn_runtime.definitions import ALL as DEFINITIONS
from cairn_runtime.logs import configure_logs
from cairn_runtime.profiles import Change, ProfileDomain, Project
from cairn_runtime.snapshots import EVERY, Snapshots

S = TypeVar("S")

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
SET_GOAL = "DELETE FROM goal; INSERT INTO goal SELECT partition, position FROM heads"
REACH_GOAL = "UPDATE base b SET position = g.position FROM goal g WHERE g.partition = b.partition"
NEXT_PIECES = "SELECT number, first, last FROM pieces WHERE NOT done ORDER BY number"
DONE = "UPDATE pieces SET done = true WHERE number = $1 AND NOT done RETURNING number"


@dataclass(frozen=True)
class ReadModel(Generic[S]):
    """What a service with one stream per profile keeps beside its log, and how it follows from the log."""

    service: str
    domain: Callable[[Sequence[tuple[str, str, bytes]]], ProfileDomain[S]]
    """Makes the domain, given (tenant, version, bundle) of all programmes, oldest first."""
    project: Project[S]
    tables: Mapping[str, str]
    """The tables that `project` fills, each with the query that shows all that must be equal."""
    stored: StoredTypes
    snapshots: Snapshots[S] | None = None
    facts: bool = True
    """Whether `project` looks at facts. If it looks at states alone, none is kept longer than it takes to fold it."""


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


Tell = Callable[[Progress], None]


class Rebuilder(Generic[S]):
    """Folds streams of one service into its shadow tables, over a connection of the owner."""

    def __init__(self, connection: Any, model: ReadModel[S], domain: ProfileDomain[S]) -> None:
        self._connection = connection
        self._model = model
        self._domain = domain
        self._archived = ArchivedLog(connection, Path(os.environ.get("CAIRN_ARCHIVE_DIR", DEFAULT_FOLDER)))

    async def piece(self, number: int, first: str, last: str) -> int:
        """Fold the streams of one piece as one transaction; return how many events they had."""
        with _collecting_later():
            return await self._piece(number, first, last)

    async def _piece(self, number: int, first: str, last: str) -> int:
        changes = await self._changes(await self._connection.fetch(STREAMS, first, last, timeout=600))
        async with self._connection.transaction():
            if await self._connection.fetchval(DONE, number) is not None:  # else a process of a killed run has done it
                await self._write(changes)
        return sum(change.version for change in changes)

    async def pieces(self, pieces: Iterable[tuple[int, str, str]]) -> AsyncIterator[int]:
        """Fold piece after piece; yields how many events each had."""
        for piece in pieces:
            yield await self.piece(*piece)

    async def catch_up(self) -> int:
        """Take in what was appended since, in the open transaction; return how many facts."""
        await self._connection.execute(SET_GOAL)
        rows = await self._connection.fetch(TAILS, timeout=600)
        changes = await self._changes(rows)
        await self._write(changes)
        await self._connection.execute(REACH_GOAL)
        return sum(change.version - change.known for change in changes)

    async def _changes(self, rows: Sequence[Any]) -> list[Change[S]]:
        """What became of streams, given (stream, events, partition if some are archived, number of fresh ones)."""
        archived = {row[0]: row[2] for row in rows if row[2] is not None}
        older = await self._archived.streams(archived) if archived else {}
        changes = []
        for stream, lines, _, *fresh in rows:
            events = from_canonical_json_lines(lines)
            if stream in older:
                events = [from_canonical_json(one.state) for one in older[stream]] + events
            if (change := self._change(stream, events, *fresh)) is not None:
                changes.append(change)
        return changes

    def _change(self, stream: str, events: list[Event], fresh: int = 0) -> Change[S] | None:
        """What the last `fresh` events of a stream (0: all) changed; None if it is not a profile's."""
        tenant = events[0].tenant
        if events[0].profile_id != stream:
            return None  # markers and controls have streams of their own
        events = self._model.stored.all_newest(events)
        known = len(events) - fresh if fresh else 0
        before = self._domain.initial(tenant, stream)
        if known:
            before = self._domain.fold(before, events[:known])
        facts = events[known:]
        state = self._domain.fold(before, facts)
        shown = facts if self._model.facts else []
        return Change(partition_of(tenant, stream), tenant, stream, known, len(events), before, state, shown)

    async def _write(self, changes: Sequence[Change[S]]) -> None:
        work = UnitOfWork()
        for change in changes:
            where = (change.partition, change.profile_id)
            armed, was = self._domain.timers(change.state), self._domain.timers(change.before)
            work.timers_set += [Timer(*where, key, due) for key, due in armed.items() if was.get(key) != due]
            work.timers_cancelled += [Timer(*where, key, was[key]) for key in was.keys() - armed.keys()]
            if self._model.snapshots is not None and change.version >= EVERY:
                made = self._model.snapshots.make(change.profile_id, change.version, change.tenant, change.state)
                work.snapshots.append(made)
        if changes:
            self._model.project(work, changes)
        await execute_rows(self._connection, work)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Without the cycle collector: a piece has no cycles, and looking at its events again and again costs a third."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def rebuild(dsn: str, where: str, *, jobs: int, tell: Tell, check_only: bool = False) -> Outcome:
    """Rebuild what `where` (module:name of a ReadModel) describes; with `check_only` compare and swap nothing.

    Raises Refused (REBUILD_RUNS) if another rebuild of the service runs, NewerVersion if the log holds such events.
    """
    model = _model(where)
    async with _owner(dsn, model.service) as connection:
        if not await connection.fetchval(swap.LOCK, model.service):
            raise Refused(f"another rebuild of {model.service} runs", reason="REBUILD_RUNS")
        total = await swap.prepare(connection, model.service, model.tables, PIECE_EVENTS, jobs, MOST_PIECES)
        rebuilder = Rebuilder(connection, model, await _domain(connection, model))
        pieces = [(row["number"], str(row["first"]), str(row["last"])) for row in await connection.fetch(NEXT_PIECES)]
        done = 0
        async for folded in _in_processes(dsn, where, pieces, jobs) if jobs > 1 else rebuilder.pieces(pieces):
            done += folded
            tell(Progress(done, total, "fold"))
        for _ in range(ROUNDS):
            tell(Progress(done, total, "catch-up"))
            if await connection.fetchval(LEFT) <= TAIL:
                break
            async with connection.transaction():
                done += await rebuilder.catch_up()
        tell(Progress(done, total, "swap"))
        rows, differing = await swap.swap(
            connection, model.service, model.tables, catch_up=rebuilder.catch_up, check_only=check_only
        )
        tell(Progress(done, total, "done"))
        return Outcome(rows, differing, done)


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
        return Rebuilder(connection, model, await _domain(connection, model))


_workers: Final[list[_Worker]] = []
"""One in a process of a rebuild, none anywhere else."""


def _begin(dsn: str, where: str) -> None:
    configure_logs("rebuild", "error")
    _workers.append(_Worker(dsn, where))


def _fold_piece(piece: tuple[int, str, str]) -> int:
    worker = _workers[0]
    return worker.runner.run(worker.rebuilder.piece(*piece))


def _model(where: str) -> ReadModel[Any]:
    module, _, name = where.partition(":")
    return cast(ReadModel[Any], getattr(import_module(module), name))


async def _domain(connection: Any, model: ReadModel[S]) -> ProfileDomain[S]:
    rows = await connection.fetch(DEFINITIONS)
    return model.domain([(row["tenant"], row["version"], row["bundle"]) for row in rows])


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
