# ruff: noqa: S101 - it is made of assertions
"""Does a source keep its word? Subclass `SourceConformance` in a test module and give it two fixtures.

Needs pytest and pytest-asyncio; the `conformance` extra brings both.
"""

import io
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, redirect_stderr, redirect_stdout
from typing import Any, Final

import pytest

from cairn_source.source import Row, Slice, Source

Add = Callable[[int], Awaitable[None]]
"""Adds so many rows to the legacy system, ready to be read."""

ROWS: Final = 1_200
MOST: Final = 10_000
"""Rows of one slice."""


async def read(source: Source, cursors: dict[str, str], *, slices: int | None = None) -> list[Slice]:
    """What a source reads after the cursors; `slices`: break off after so many."""
    found: list[Slice] = []
    async with aclosing(source.read(dict(cursors))) as told:
        async for item in told:
            found.append(item)
            if len(found) == slices:
                break
    return found


async def acknowledge(source: Source, cursors: dict[str, str], slices: Sequence[Slice]) -> None:
    """As the runner does when Cairn has answered: first the cursor is kept, then the source is told."""
    for item in slices:
        cursors[item.stream] = item.cursor
        await source.acknowledged(item.stream, item.cursor)


async def read_all(source: Source, cursors: dict[str, str]) -> list[Row]:
    """Everything there is, acknowledged as it is read."""
    found: list[Row] = []
    while slices := await read(source, cursors):
        await acknowledge(source, cursors, slices)
        if not (rows := rows_of(slices)):
            break
        found += rows
    return found


def rows_of(slices: Sequence[Slice]) -> list[Row]:
    """Their rows."""
    return [row for item in slices for row in item.rows]


def places(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Where rows stand."""
    return [(row.origin, row.place) for row in rows]


def _told(row: Row) -> tuple[str, str, dict[str, Any]]:
    """A row without what the worker says of it: names that begin with an underscore."""
    return row.origin, row.place, {name: value for name, value in row.fields.items() if not name.startswith("_")}


class SourceConformance:
    """What Cairn relies on."""

    @pytest.fixture
    def source(self) -> Source:
        """Return the source over a legacy system that belongs to the test and is empty."""
        raise NotImplementedError("give the source")

    @pytest.fixture
    def add(self) -> Add:
        """Return a function that adds rows to the legacy system."""
        raise NotImplementedError("give a way to add rows")

    @pytest.mark.asyncio
    async def test_every_row_is_read_once_each_at_a_place_of_its_own(self, source: Source, add: Add) -> None:
        """The good case, in bounded memory."""
        await source.check()
        await add(ROWS)
        cursors: dict[str, str] = {}
        rows = await read_all(source, cursors)
        assert len(rows) == ROWS
        assert max(Counter(places(rows)).values()) == 1
        assert rows_of(await read(source, cursors)) == []

    @pytest.mark.asyncio
    async def test_what_was_not_acknowledged_is_read_again_as_it_was(self, source: Source, add: Add) -> None:
        """A crash between reading and acknowledging: the same rows, in the same places, with the same values."""
        await source.check()
        await add(ROWS)
        first = await read(source, {})
        again = await read(source, {})
        assert all(len(item.rows) <= MOST for item in first)
        assert [_told(row) for row in rows_of(first)] == [_told(row) for row in rows_of(again)]

    @pytest.mark.asyncio
    async def test_broken_off_anywhere_it_goes_on_without_a_gap(self, source: Source, add: Add) -> None:
        """Killed after each slice: what is acknowledged is not lost, and nothing before a cursor comes again."""
        await source.check()
        await add(ROWS)
        cursors: dict[str, str] = {}
        found: list[Row] = []
        for _ in range(10 * ROWS):
            some = await read(source, cursors, slices=1)
            if not some or (not some[0].rows and cursors.get(some[0].stream) == some[0].cursor):
                break
            await acknowledge(source, cursors, some)
            if some[0].cursor:  # without one, nothing is kept: it comes again
                found += rows_of(some)
            else:
                found += rows_of(some := await read(source, cursors))
                await acknowledge(source, cursors, some)
        assert len(set(places(found))) == len(found) == ROWS

    @pytest.mark.asyncio
    async def test_a_crash_before_the_source_was_told_repeats_nothing(self, source: Source, add: Add) -> None:
        """The cursor is on disk and the legacy system does not know: the cursor counts."""
        await source.check()
        await add(10)
        cursors: dict[str, str] = {}
        for item in await read(source, cursors):
            cursors[item.stream] = item.cursor
        assert rows_of(await read(source, cursors)) == []

    @pytest.mark.asyncio
    async def test_what_comes_later_is_read_later(self, source: Source, add: Add) -> None:
        """And only that."""
        await source.check()
        await add(5)
        cursors: dict[str, str] = {}
        before = await read_all(source, cursors)
        await add(7)
        after = await read_all(source, cursors)
        assert (len(before), len(after)) == (5, 7)
        assert not set(places(before)) & set(places(after))

    @pytest.mark.asyncio
    async def test_it_prints_no_values(self, source: Source, add: Add) -> None:
        """Rows go to Cairn and nowhere else."""
        await source.check()
        await add(3)
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            rows = await read_all(source, {})
        values = {str(value) for row in rows for value in row.fields.values() if len(str(value)) > 6}
        assert not [value for value in values if value in printed.getvalue()]
