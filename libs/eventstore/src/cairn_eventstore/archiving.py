"""Moving the old part of a partition into an archive: write, sign, read again and compare, and only then delete."""

import asyncio
from pathlib import Path
from typing import Any, Final

from cairn_eventstore import chain
from cairn_eventstore.archive import Archived, ArchivedEvent, open_archive, write
from cairn_eventstore.signing import Signer
from cairn_eventstore.verification import LogReader
from cairn_kernel.errors import Refused
from cairn_kernel.event import from_canonical_json

MOST: Final = 200_000
"""Events of one archive, about."""

FIRST = "SELECT min(position), max(position) FROM events WHERE partition = $1"
STATE = "SELECT state FROM events WHERE partition = $1 AND position = $2"
BORDER = "SELECT max(last) FROM chain WHERE partition = $1 AND last < $2"
ROWS = """
SELECT position, originator_id::text, originator_version, topic, state FROM events
WHERE partition = $1 AND position BETWEEN $2 AND $3 ORDER BY position
"""
INSERT = "INSERT INTO archives (partition, first, last, name) VALUES ($1, $2, $3, $4)"
INSERT_STREAMS = """
INSERT INTO archived_streams SELECT originator_id, partition, max(originator_version) FROM events
WHERE partition = $1 AND position BETWEEN $2 AND $3 GROUP BY originator_id, partition
ON CONFLICT (stream) DO UPDATE SET version = excluded.version
"""
DELETE = "DELETE FROM events WHERE partition = $1 AND position BETWEEN $2 AND $3"


async def archive_next(
    connection: Any, schema: str, log: str, partition: int, before: int, folder: Path, signer: Signer
) -> Archived | None:
    """Archive about MOST events of a partition that came in before an instant (µs); None if there are none.

    `connection` is the owner's, with the schema in its search_path. What was killed half-way is done again: until the
    last step the events are in PostgreSQL. Raises Refused (LOG_CHANGED) if they are not what was committed.
    """
    first, last = await _range(connection, partition, before)
    if last < first:
        return None
    place = Archived(partition, first, last, f"{log}/{partition:02}/{first:012}-{last:012}")
    events = [ArchivedEvent(*row) for row in await connection.fetch(ROWS, partition, first, last, timeout=600)]
    reader = LogReader(connection, schema)
    link = await _check(reader, place, events)
    await asyncio.to_thread(write, folder, log, place, events, link, signer)
    again = await asyncio.to_thread(lambda: open_archive(folder, place).read(first, last))
    await _check(reader, place, again)
    async with connection.transaction():
        await connection.execute(INSERT, *place)
        await connection.execute(INSERT_STREAMS, partition, first, last)
        gone = await connection.execute(DELETE, partition, first, last)
        if gone != f"DELETE {len(again)}":
            raise Refused(
                f"partition {partition} of {log} changed meanwhile; nothing was deleted", reason="LOG_CHANGED"
            )
    return place


async def _range(connection: Any, partition: int, before: int) -> tuple[int, int]:
    """The first position that is stored, and the end of the last link with events of before the instant only."""
    first, last = await connection.fetchrow(FIRST, partition)
    if first is None:
        return 1, 0
    low, high = first, min(last, first + MOST) + 1  # the first position not to be archived lies in this range
    while low < high:
        middle = (low + high) // 2
        state = await connection.fetchval(STATE, partition, middle)
        if state is not None and from_canonical_json(state).as_of < before:
            low = middle + 1
        else:
            high = middle
    return first, await connection.fetchval(BORDER, partition, low) or 0


async def _check(reader: LogReader, place: Archived, events: list[ArchivedEvent]) -> bytes:
    """The last link over the events. Raises Refused if they are not those of the chain."""
    before = await reader.link_at(place.partition, place.first - 1)
    by_position = {event.position: event.row for event in events}
    for link in await reader.links(place.partition, place.first - 1, place.last):
        rows = [by_position[at] for at in range(link.first, link.last + 1) if at in by_position]
        made = chain.link(before or b"", place.partition, link.first, link.last, chain.content(rows))
        if made != link.link:
            raise Refused(
                f"positions {link.first} to {link.last} of partition {place.partition} are not what was committed; "
                "journeyctl verify names the event",
                reason="LOG_CHANGED",
            )
        before = link.link
    return before or b""
