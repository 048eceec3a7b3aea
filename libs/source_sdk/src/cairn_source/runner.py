"""Reads a source again and again, and keeps a cursor only when Cairn has what is before it."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Final, Protocol

import structlog

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_source import metrics
from cairn_source.cursors import Cursors
from cairn_source.mapping import Mapping
from cairn_source.sending import Done
from cairn_source.settings import SourceSettings
from cairn_source.source import Source, Unreachable
from cairn_source.telling import Batch, batches

log: Final = structlog.get_logger()

AGAIN_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses after faults, the last one for ever."""
TOLD_AT_MOST: Final = 20
"""Rows of one batch that are named in the log when they are kept aside."""
OUTCOMES: Final = {
    pb.IngestResult.OUTCOME_ACCEPTED: "accepted",
    pb.IngestResult.OUTCOME_DUPLICATE: "duplicate",
    pb.IngestResult.OUTCOME_QUARANTINED: "quarantined",
}


class Door(Protocol):
    """Where batches go."""

    async def send(self, batches: AsyncGenerator[Batch], done: Done) -> None:
        """Send all, and call `done` with each when it and all before it are taken in. Raises Unreachable."""
        ...


class Runner:
    """One source worker."""

    def __init__(
        self, source: Source, mappings: Sequence[Mapping], settings: SourceSettings, door: Door, cursors: Cursors
    ) -> None:
        self._source = source
        self._mappings = mappings
        self._settings = settings
        self._door = door
        self._cursors = cursors
        self._stopping = asyncio.Event()
        self._rows_read = 0
        self._kept: dict[str, str] = {}

    def stop(self) -> None:
        """End after what is under way; what is not acknowledged is read again next time."""
        self._stopping.set()

    async def run(self) -> None:
        """Read until told to stop; a fault of the legacy system or of the front door is waited out."""
        faults = 0
        while not self._stopping.is_set():
            try:
                await self._source.check()
                more = await self.read_once()
                faults, pause_s = 0, 0.0 if more else self._settings.poll_s
            except Unreachable as fault:
                pause_s = AGAIN_S[min(faults, len(AGAIN_S) - 1)]
                faults += 1
                metrics.FAULTS.labels(fault.reason).inc()
                log.warning("source.unreachable", source=self._settings.source_name, reason=fault.reason)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def read_once(self) -> bool:
        """Bring in what there is; whether there was anything. Raises Unreachable."""
        self._rows_read = 0
        await self._door.send(self._batches(), self._done)
        if not self._rows_read and not self._stopping.is_set():
            metrics.PASSES.inc()
            metrics.COMPLETE.set_to_current_time()
        return bool(self._rows_read)

    async def _batches(self) -> AsyncGenerator[Batch]:
        async with aclosing(self._source.read(self._cursors.all())) as slices:
            async for told in slices:
                if self._stopping.is_set():
                    return
                self._rows_read += len(told.rows)
                for batch in batches(told, self._mappings, self._settings.batch_events):
                    yield batch

    async def _done(self, batch: Batch, results: Sequence[pb.IngestResult]) -> None:
        for outcome, count in Counter(OUTCOMES[result.outcome] for result in results).items():
            metrics.ROWS.labels(outcome).inc(count)
        metrics.ROWS.labels("ignored").inc(batch.ignored)
        aside = [index for index, result in enumerate(results) if result.outcome == pb.IngestResult.OUTCOME_QUARANTINED]
        for index in aside[:TOLD_AT_MOST]:
            log.warning("row.kept_aside", place=batch.places[index], reason=results[index].reason)
        if batch.done is not None:
            stream, cursor = batch.done.stream, batch.done.cursor
            if self._kept.get(stream) == cursor:
                return
            self._kept[stream] = cursor
            await asyncio.to_thread(self._cursors.save, stream, cursor)
            await self._source.acknowledged(stream, cursor)


async def run_until_signal(runner: Runner) -> None:
    """Run until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runner.stop)
    await runner.run()
