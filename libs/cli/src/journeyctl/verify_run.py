"""One verification of whole logs: in parallel, with progress, resumable by position."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cairn_eventstore import chain
from cairn_eventstore.verification import End, Finding, Verified, verify_partition
from journeyctl.stored_logs import log_reader

Tell = Callable[[int, int], None]
"""Told positions done and in all."""


class _Piece(NamedTuple):
    """What one process is to look at next: a partition of a log after a position whose link is known."""

    log: str
    partition: int
    end: End
    after: int
    before: bytes


class VerifyRun:
    """Looks at logs as they stood when it began, piece by piece; a checkpoint file holds how far it came."""

    def __init__(self, dsn: str, logs: Collection[str], *, checkpoint: Path, jobs: int) -> None:
        self._dsn = dsn
        self._checkpoint = checkpoint
        self._jobs = jobs
        self.ends: Mapping[str, Mapping[int, End]] = asyncio.run(_ends(dsn, logs))
        self._reached = self._resume()
        self.events = 0
        self.found = 0

    def look(self, tell: Tell) -> Iterator[tuple[str, Finding]]:
        """Look at everything; findings come as they are made. What was looked at before an interruption is skipped."""
        waiting = deque(self._pieces())
        running: dict[Future[Verified], _Piece] = {}
        with ProcessPoolExecutor(self._jobs, mp_context=get_context("spawn")) as pool:
            while waiting or running:
                while waiting and len(running) < 2 * self._jobs:
                    piece = waiting.popleft()
                    running[pool.submit(look_at, self._dsn, piece)] = piece
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    piece, seen = running.pop(future), future.result()
                    yield from ((piece.log, finding) for finding in seen.findings)
                    self._note(piece, seen)
                    if seen.position < piece.end.position:
                        waiting.appendleft(piece._replace(after=seen.position, before=seen.link))
                tell(self._done(), self._all())
        self._checkpoint.unlink(missing_ok=True)

    @contextmanager
    def progress(self, console: Console) -> Iterator[Tell]:
        """A bar of positions with the time that is left."""
        columns = (TextColumn("verify"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("verify", total=self._all(), completed=self._done())
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def _pieces(self) -> Iterator[_Piece]:
        for log, ends in self.ends.items():
            for partition, end in ends.items():
                after, before = self._reached.get((log, partition), (0, chain.GENESIS))
                if after < end.position or not end.position:
                    yield _Piece(log, partition, end, after, before)

    def _note(self, piece: _Piece, seen: Verified) -> None:
        self.events += seen.events
        self.found += len(seen.findings)
        self._reached[piece.log, piece.partition] = (seen.position, seen.link)
        if self.found:
            self._checkpoint.unlink(missing_ok=True)  # a rerun has to find it again
        elif self._checkpoint.parent.is_dir():
            rows = [[log, part, at, link.hex()] for (log, part), (at, link) in self._reached.items()]
            draft = self._checkpoint.with_suffix(".new")
            draft.write_text(json.dumps(rows))
            draft.replace(self._checkpoint)

    def _resume(self) -> dict[tuple[str, int], tuple[int, bytes]]:
        try:
            rows = json.loads(self._checkpoint.read_text())
        except (OSError, ValueError):
            return {}
        return {(log, part): (at, bytes.fromhex(link)) for log, part, at, link in rows if log in self.ends}

    def _done(self) -> int:
        return sum(at for at, _ in self._reached.values())

    def _all(self) -> int:
        return sum(end.position for ends in self.ends.values() for end in ends.values())


def look_at(dsn: str, piece: _Piece) -> Verified:
    """Look at one piece; runs in a process of its own."""
    return asyncio.run(_look_at(dsn, piece))


async def _look_at(dsn: str, piece: _Piece) -> Verified:
    async with log_reader(dsn, piece.log) as log:
        if log is None:
            raise LookupError(piece.log)
        return await verify_partition(log, piece.partition, piece.end, after=piece.after, before=piece.before)


async def _ends(dsn: str, logs: Collection[str]) -> dict[str, Mapping[int, End]]:
    found = {}
    for name in logs:
        async with log_reader(dsn, name) as log:
            if log is not None:
                found[name] = await log.ends()
    return found
