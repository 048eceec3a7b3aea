"""Finding what was changed in a log behind its back: the chain computed again from the events as they are stored."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from cairn_eventstore import chain
from cairn_eventstore.archived_log import DEFAULT_FOLDER, ArchivedLog
from cairn_kernel.event import from_canonical_json

PAGE: Final = 10_000
"""Positions read at a time."""

HEADS = """
SELECT partition, position, link, (SELECT coalesce(max(e.position), 0) FROM {schema}.events e
                                   WHERE e.partition = h.partition) AS stored
FROM {schema}.heads h ORDER BY partition
"""
LINKS = """
SELECT first, last, link, sums FROM {schema}.chain WHERE partition = $1 AND last > $2 AND first <= $3 ORDER BY last
"""
EVENTS = """
SELECT position, originator_id, originator_version, topic, state FROM {schema}.events
WHERE partition = $1 AND position BETWEEN $2 AND $3 ORDER BY position
"""
LINK_BEFORE = "SELECT link FROM {schema}.chain WHERE partition = $1 AND last = $2"
STREAM = """
SELECT partition, position, originator_version FROM {schema}.events WHERE originator_id = $1 ORDER BY originator_version
"""
ARCHIVED_STREAM = "SELECT partition FROM {schema}.archived_streams WHERE stream = $1"


class End(NamedTuple):
    """Where a partition ends: the position and link of its head row, and the last position there is an event for."""

    position: int
    link: bytes
    stored: int


class Finding(NamedTuple):
    """Something that is not as it was committed. `stream` is empty where nothing tells whose event it was."""

    partition: int
    first: int
    last: int
    stream: str
    what: str


class Verified(NamedTuple):
    """How far a partition was looked at: `link` is the one stored at `position`, from which to go on."""

    position: int
    link: bytes
    events: int
    findings: Sequence[Finding]


class LogReader:
    """Reads a log as it is stored, for `schema`'s tables, over an asyncpg connection that may read them."""

    def __init__(self, connection: Any, schema: str, archive_folder: Path = DEFAULT_FOLDER) -> None:
        self._connection = connection
        self._schema = schema
        self._archived = ArchivedLog(connection, archive_folder, f"{schema}.")

    async def ends(self) -> Mapping[int, End]:
        """Where each partition ends, all as of one instant."""
        rows = await self._fetch(HEADS)
        return {row["partition"]: End(row["position"], row["link"], row["stored"]) for row in rows}

    async def links(self, partition: int, after: int, upto: int) -> list[chain.Link]:
        """The links that cover positions after one, up to another."""
        return [chain.Link(*row) for row in await self._fetch(LINKS, partition, after, upto)]

    async def rows(self, partition: int, first: int, last: int) -> dict[int, chain.Row]:
        """The events of a range of positions."""
        found = await self._fetch(EVENTS, partition, first, last)
        rows: dict[int, chain.Row] = {row[0]: (row[1], row[2], row[3], row[4]) for row in found}
        if len(rows) <= last - first:
            older = await self._archived.read(partition, first, last)
            rows = {event.position: event.row for event in older} | rows
        return rows

    async def link_at(self, partition: int, position: int) -> bytes | None:
        """The link that ends at a position; None if none does."""
        if position == 0:
            return chain.GENESIS
        found = await self._fetch(LINK_BEFORE, partition, position)
        return bytes(found[0][0]) if found else None

    async def places(self, stream: str) -> list[tuple[int, int, int]]:
        """Partition, position and version of each event of a stream, by version."""
        stored = [(row[0], row[1], row[2]) for row in await self._fetch(STREAM, stream)]
        older = await self._fetch(ARCHIVED_STREAM, stream)
        if not older:
            return stored
        partition = older[0]["partition"]
        events = (await self._archived.streams({stream: partition})).get(stream, [])
        return [(partition, event.position, event.version) for event in events] + stored

    async def _fetch(self, query: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = await self._connection.fetch(query.format(schema=self._schema), *arguments, timeout=120)
        return rows


async def verify_partition(
    log: LogReader, partition: int, end: End, *, after: int = 0, before: bytes = chain.GENESIS, most: int = 200_000
) -> Verified:
    """Look at about `most` events of a partition after a position whose link is known; call again to go on."""
    findings: list[Finding] = []
    position, events = after, 0
    while position < end.position and events < most:
        links = await log.links(partition, position, min(position + PAGE, end.position))
        upto = links[-1].last if links else end.position
        rows = await log.rows(partition, position + 1, upto)
        events += len(rows)
        for link in links:
            if link.first > position + 1:
                findings.append(Finding(partition, position + 1, link.first - 1, "", "the chain has a gap"))
            findings += _check(partition, link, before, rows)
            position, before = link.last, link.link
        if not links:
            findings.append(Finding(partition, position + 1, upto, "", "the chain ends too early"))
            position = upto
    if position >= end.position:
        findings += _check_end(partition, position, before, end)
    return Verified(position, before, events, findings)


async def verify_stream(log: LogReader, stream: str) -> tuple[int, list[Finding]]:
    """Look at one stream alone, through the links its events are in; return how many events, and what was found."""
    places = await log.places(stream)
    findings = [
        Finding(before[0], before[1], after[1], stream, f"versions {before[2] + 1} to {after[2] - 1} are missing")
        for before, after in pairwise(places)
        if after[2] != before[2] + 1
    ]
    if places and places[0][2] > 1:
        findings.append(
            Finding(*places[0][:2], places[0][1], stream, f"the versions before {places[0][2]} are missing")
        )
    seen: set[tuple[int, int]] = set()
    for partition, position, _ in places:
        covering = await log.links(partition, position - 1, position)
        if not covering:
            findings.append(Finding(partition, position, position, stream, "no link of the chain covers it"))
        elif (partition, covering[0].last) not in seen:
            seen.add((partition, covering[0].last))
            findings += await _check_one(log, partition, covering[0])
    return len(places), findings


async def _check_one(log: LogReader, partition: int, link: chain.Link) -> list[Finding]:
    before = await log.link_at(partition, link.first - 1)
    if before is None:
        return [Finding(partition, link.first, link.last, "", "the link before is missing")]
    return _check(partition, link, before, await log.rows(partition, link.first, link.last))


def _check(partition: int, link: chain.Link, before: bytes, rows: Mapping[int, chain.Row]) -> list[Finding]:
    places = range(link.first, link.last + 1)
    missing = [place for place in places if place not in rows]
    present = [rows[place] for place in places if place in rows]
    if not missing:
        made = chain.link(before, partition, link.first, link.last, chain.content(present))
        if made == link.link:
            return []
    found = [Finding(partition, place, place, "", "the event is missing") for place in missing]
    for index, place in enumerate(places if link.sums else ()):
        kept = link.sums[index * chain.SUM_BYTES : (index + 1) * chain.SUM_BYTES]
        if place in rows and chain.sums([rows[place]]) != kept:
            found.append(Finding(partition, place, place, str(rows[place][0]), "the event was changed"))
    if not found:  # sums do not cover the topic, but the event says its type too
        renamed = [place for place in places if _renamed(rows[place])]
        found = [Finding(partition, one, one, str(rows[one][0]), "the event's topic was changed") for one in renamed]
    return found or [Finding(partition, link.first, link.last, "", "an event of these, or their link, was changed")]


def _renamed(row: chain.Row) -> bool:
    """Whether an event of ours is stored under another topic than its type. Others' states tell nothing."""
    try:
        return from_canonical_json(row[3]).type != row[2]
    except msgspec.MsgspecError:
        return False


def _check_end(partition: int, position: int, before: bytes, end: End) -> list[Finding]:
    found = []
    if end.stored > end.position:
        found.append(Finding(partition, end.position + 1, end.stored, "", "events lie behind the end of the log"))
    if before != end.link:
        found.append(Finding(partition, position, position, "", "the last link is not that of the head row"))
    return found
