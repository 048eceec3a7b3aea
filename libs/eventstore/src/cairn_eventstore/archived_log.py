"""The archived part of a log, found through PostgreSQL and read from files: for reading by position and by stream."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from cairn_eventstore.archive import Archived, ArchivedEvent, open_archive

COVERING = """
SELECT partition, first, last, name FROM {schema}archives
WHERE partition = $1 AND last >= $2 AND first <= $3 ORDER BY first
"""
OF_PARTITIONS = """
SELECT partition, first, last, name FROM {schema}archives
WHERE partition = ANY($1::smallint[]) ORDER BY partition, first
"""
DEFAULT_FOLDER: Final = Path(".cairn/archive")


class ArchivedLog:
    """Reads what `archives` says is in files. `source` is a pool or a connection; `schema` is `name.` or empty."""

    def __init__(self, source: Any, folder: Path = DEFAULT_FOLDER, schema: str = "") -> None:
        self._source = source
        self._folder = folder
        self._schema = schema

    async def read(self, partition: int, first: int, last: int) -> list[ArchivedEvent]:
        """The archived events of a range of positions; none if the range is not archived."""
        rows = await self._source.fetch(COVERING.format(schema=self._schema), partition, first, last)
        places = [Archived(*row) for row in rows]
        return await asyncio.to_thread(self._read, places, first, last) if places else []

    async def streams(self, wanted: Mapping[str, int]) -> dict[str, list[ArchivedEvent]]:
        """The archived events of streams (id to partition), each in order of version."""
        rows = await self._source.fetch(OF_PARTITIONS.format(schema=self._schema), sorted(set(wanted.values())))
        places = [Archived(*row) for row in rows]
        return await asyncio.to_thread(self._streams, places, wanted)

    def _read(self, places: Collection[Archived], first: int, last: int) -> list[ArchivedEvent]:
        return [event for place in places for event in open_archive(self._folder, place).read(first, last)]

    def _streams(self, places: Collection[Archived], wanted: Mapping[str, int]) -> dict[str, list[ArchivedEvent]]:
        found: dict[str, list[ArchivedEvent]] = defaultdict(list)
        for place in places:
            own = {stream for stream, partition in wanted.items() if partition == place.partition}
            for stream, events in open_archive(self._folder, place).streams(own).items():
                found[stream] += events
        return found
