"""Each version of each file once, row by row, when it has stopped changing."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from cairn_source import Mapping as RowMapping
from cairn_source import Row, Slice
from cairn_source.rows import CannotRead, columns_of, format_of, rows_of
from source_files.places import Found, Place, place
from source_files.settings import FilesSettings

log: Final = structlog.get_logger()

ROWS: Final = 500
"""Rows of a slice."""


class At(NamedTuple):
    """How far a file is read: a cursor."""

    version: str
    row: int = 0
    whole: bool = False

    def text(self) -> str:
        return json.dumps(self)


class FilesSource:
    """A Source. Each file has a cursor: which version of it, and how many rows."""

    def __init__(
        self,
        place: Place,
        mappings: Sequence[RowMapping],
        settle_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._mappings = mappings
        self._settle_s = settle_s
        self._clock = clock
        self._seen: dict[Found, float] = {}
        """Files that may still be growing, and since when they look as they do."""
        self._refused: set[Found] = set()

    async def check(self) -> None:
        await self._place.listed()

    async def read(self, cursors: Mapping[str, str]) -> AsyncGenerator[Slice]:
        for file in await self._settled():
            at = _at(cursors, file)
            mapping = self._mapping(file)
            if at.whole or mapping is None:
                continue
            async with self._place.opened(file) as path:
                if path is None:
                    continue
                async with aclosing(self._rows(file, path, mapping, at)) as slices:
                    async for told in slices:
                        yield told

    async def acknowledged(self, stream: str, cursor: str) -> None:
        """Files stay where they are."""

    async def _settled(self) -> list[Found]:
        listed = await self._place.listed()
        now = self._clock()
        self._seen = {file: self._seen.get(file, now) for file in listed}
        return [file for file, since in self._seen.items() if now - since >= self._settle_s]

    def _mapping(self, file: Found) -> RowMapping | None:
        return next((mapping for mapping in self._mappings if mapping.applies(file.name, "insert")), None)

    async def _rows(self, file: Found, path: Path, mapping: RowMapping, at: At) -> AsyncGenerator[Slice]:
        why = await asyncio.to_thread(_unfit, path, mapping)
        if why:
            self._refuse(file, why)
            return
        rows = rows_of(path, _format(path, mapping), delimiter=mapping.delimiter, encoding=mapping.encoding)
        rest = islice(rows, at.row, None)
        mark = sha256(file.version.encode()).hexdigest()[:8]
        read = at.row
        while True:
            try:
                some = await asyncio.to_thread(lambda: list(islice(rest, ROWS)))
            except (CannotRead, OSError, ValueError):
                self._refuse(file, f"it cannot be read after row {read}")
                return
            if not await self._place.unchanged(file):
                return
            if not some:
                break
            read = some[-1][0]
            told = [Row(file.name, f"{number}@{mark}", fields) for number, _, fields in some]
            yield Slice(file.name, At(file.version, read).text(), told)
        yield Slice(file.name, At(file.version, read, whole=True).text())
        log.info("file.read", file=file.name, rows=read)

    def _refuse(self, file: Found, why: str) -> None:
        """Leave a file where it is, and say so once."""
        if file not in self._refused:
            self._refused.add(file)
            log.warning("file.refused", file=file.name, why=why)


@asynccontextmanager
async def open_source(settings: FilesSettings, mappings: Sequence[RowMapping]) -> AsyncIterator[FilesSource]:
    """The source that the settings name."""
    yield FilesSource(place(settings), mappings, settings.files_settle_s)


def _at(cursors: Mapping[str, str], file: Found) -> At:
    """Where to begin: another version of a file is another file."""
    kept = At(*json.loads(cursors[file.name])) if file.name in cursors else At(file.version)
    return kept if kept.version == file.version else At(file.version)


def _format(path: Path, mapping: RowMapping) -> str:
    return format_of(path, mapping.format)


def _unfit(path: Path, mapping: RowMapping) -> str:
    """Why a file is not what the mapping is for; empty if it is."""
    try:
        there = columns_of(path, _format(path, mapping), delimiter=mapping.delimiter, encoding=mapping.encoding)
    except CannotRead:
        return "it cannot be read in its format"
    missing = sorted(mapping.columns() - there) if there is not None else []
    return f"it has no column {', '.join(missing)}" if missing else ""
