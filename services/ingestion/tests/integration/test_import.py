"""`journeyctl import` at a real front door: rows become events once each, whenever it is killed."""

import asyncio
import csv
import gzip
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cairn_kernel.time import parse_instant

from .house import KEY, Ingestion, ingestion, settings

ROWS = 1_000_000 if "CAIRN_FULL_IMPORT" in os.environ else 20_000
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MAPPING = """
kind: Import
name: orders
event: Order Completed
id: [order_no]
time: {column: ordered, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
identifiers: {user_id: customer, email: mail}
properties:
  amount: {column: total, as: number}
  gift: {column: gift, as: boolean}
  currency: {value: EUR}
"""
HEADER = ["order_no", "ordered", "customer", "mail", "total", "gift"]


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


class Importing:
    """Runs of `journeyctl import` over one file."""

    def __init__(self, folder: Path, door: Ingestion, name: str, *, mapping: str = MAPPING) -> None:
        self.file, self.mapping, self.home = folder / name, folder / "mapping.yaml", folder / "home"
        self.mapping.write_text(mapping)
        (folder / "key").write_text(KEY)
        journeyctl = str(Path(sys.executable).with_name("journeyctl"))
        where = ["--url", door.url, "--key-file", str(folder / "key"), "--home", str(self.home)]
        self.command = [journeyctl, "import", str(self.file), "-m", str(self.mapping), *where]

    async def start(self, *options: str) -> asyncio.subprocess.Process:
        environment = {**os.environ, "COLUMNS": "200"}
        return await asyncio.create_subprocess_exec(
            *self.command, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment
        )

    async def run(self, *options: str, code: int = 0) -> str:
        process = await self.start(*options)
        out, _ = await process.communicate()
        assert process.returncode == code, out.decode()
        return out.decode()

    def row(self) -> int:
        """How far the bookmark is."""
        found = [json.loads(path.read_text())["row"] for path in (self.home / "imports").glob("*.json")]
        return int(found[0]) if found else 0


def order(number: int) -> list[Any]:
    day = 1 + number % 28
    return [f"o{number}", f"{day:02}.03.2024 14:30", f"c{number % 5_000}", "", f"{number % 90}.50", "yes"]


def write(path: Path, rows: list[list[Any]]) -> None:
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


async def counted(door: Ingestion) -> tuple[int, int]:
    """Events in the log, and different ones among them by what they tell."""
    (row,) = await door.rows("SELECT count(*) AS n, count(DISTINCT originator_id) AS different FROM events")
    return row["n"], row["different"]


async def test_a_row_becomes_an_event_of_the_past(door: Ingestion, tmp_path: Path) -> None:
    importing = Importing(tmp_path, door, "orders.csv")
    write(importing.file, [["o1", "31.03.2024 14:30", "c1", "Ada@Example.com", "12.50", "no"]])
    told = await importing.run()
    assert "1 rows: 1 taken in, 0 known already, 0 refused." in told
    (event,) = await door.events()
    assert event.historical
    assert event.type == "order.completed"
    assert event.event_time == parse_instant("2024-03-31T12:30:00Z")
    assert event.data == {"amount": 12.5, "gift": False, "currency": "EUR"}
    assert [namespace for namespace, _ in event.identifiers] == ["user_id", "email"]
    assert "1 rows: 0 taken in, 1 known already, 0 refused." in await importing.run("--again")
    assert len(await door.events()) == 1


async def test_rows_that_are_no_events_are_listed_with_their_reasons(door: Ingestion, tmp_path: Path) -> None:
    importing = Importing(tmp_path, door, "orders.csv")
    good = order(1)
    rows = [
        good,
        ["o2", "yesterday", *good[2:]],
        ["o3", good[1], "", "", "1", "yes"],
        [*good[:4], "much", "yes"],
        ["o4"],
    ]
    write(importing.file, [*rows, ["o5", "01.01.2999 00:00", *good[2:]]])
    reasons = [
        "ordered is no time",
        "nobody is named by customer, mail",
        "total is no number",
        "1 cells under 6 columns",
    ]
    dry = await importing.run("--dry-run", code=2)
    assert all(f"row {number + 2}: {reason}" in dry for number, reason in enumerate(reasons))
    assert await door.events() == []
    told = await importing.run(code=2)
    assert "6 rows: 1 taken in, 0 known already, 5 refused." in told
    (listed,) = (tmp_path / "home" / "imports").glob("*.refused.csv")
    assert list(csv.reader(listed.read_text().splitlines())) == [
        *([str(number + 2), reason] for number, reason in enumerate(reasons)),
        ["6", "TIME_RANGE timestamp"],
    ]


async def test_jsonl_and_parquet_say_the_same_as_csv(door: Ingestion, tmp_path: Path) -> None:
    from pyarrow import Table, parquet

    rows = [dict(zip(HEADER, order(number), strict=True)) for number in range(50)]
    for name in ("orders.csv", "orders.csv.gz", "orders.jsonl", "orders.parquet"):
        importing = Importing(tmp_path, door, name)
        if ".csv" in name:
            write(importing.file, [order(number) for number in range(50)])
        elif name.endswith("jsonl"):
            importing.file.write_text("\n".join(map(json.dumps, rows)))
        else:
            parquet.write_table(Table.from_pylist(rows), importing.file)
        told = await importing.run()
        assert "0 refused" in told
    assert await counted(door) == (50, 50)
    assert await door.quarantine() == []


async def test_a_mapping_at_fault_is_told_line_by_line(door: Ingestion, tmp_path: Path) -> None:
    importing = Importing(tmp_path, door, "orders.csv", mapping="kind: Import\nname: x\nidentifers: {user_id: a}\n")
    write(importing.file, [])
    told = await importing.run(code=1)
    assert "mapping.yaml:3:1: an import has no key identifers — did you mean identifiers?" in told
    assert "an import needs event" in told
    assert "an import needs time" in told


async def test_a_column_that_is_not_there_is_told_before_anything_is_sent(door: Ingestion, tmp_path: Path) -> None:
    importing = Importing(tmp_path, door, "orders.csv")
    importing.file.write_text("order_no,ordered\n1,2\n")
    told = await importing.run(code=1)
    assert "orders.csv has no column customer, gift, mail, total; it has order_no, ordered." in told


async def test_an_import_killed_five_times_ends_complete_and_without_repeats(door: Ingestion, tmp_path: Path) -> None:
    importing = Importing(tmp_path, door, "orders.csv")
    write(importing.file, [order(number) for number in range(ROWS)])
    chance = random.Random(5)
    for stop in sorted(chance.sample(range(1_000, ROWS - 6_000), 5)):
        process = await importing.start()
        while importing.row() < stop and process.returncode is None:  # noqa: ASYNC110 - written by another process
            await asyncio.sleep(0.005)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.communicate()
    assert 0 < importing.row() < ROWS, "it was killed, and before its end"
    told = await importing.run()
    assert "Going on after row" in told
    assert f"{ROWS:,} rows:" in told
    assert await counted(door) == (ROWS, ROWS)
    assert await door.quarantine() == []
