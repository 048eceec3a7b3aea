"""Rows on their way to the front door: what a source worker and `journeyctl import` cost for each."""

import csv
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psutil
from tests.bench.http import cpu_s

from journeyctl.installation import Installation

WARM_UP: Final = 5_000
ROWS: Final = 50_000
PATIENCE_S: Final = 600.0
MAPPING: Final = """
kind: Import
name: orders
event: Order Completed
id: [order_no]
time: {column: ordered, zone: Europe/Berlin}
identifiers: {user_id: customer}
properties: {amount: {column: total, as: number}, currency: {value: EUR}}
"""


def per_core(installation: Installation, write_key: str, folder: Path) -> tuple[float, float]:
    """Rows per second of their own CPU: of the file source, and of `journeyctl import`."""
    mapping = folder / "mapping.yaml"
    mapping.write_text(MAPPING)
    return (
        _source(installation.grpc["ingestion"], write_key, folder, mapping),
        _import(installation.http["ingestion"], write_key, folder, mapping),
    )


def _source(address: str, write_key: str, folder: Path, mapping: Path) -> float:
    inbox = folder / "inbox"
    inbox.mkdir()
    environment = {
        "CAIRN_SOURCE_NAME": "bench",
        "CAIRN_SOURCE_MAPPINGS": str(mapping),
        "CAIRN_SOURCE_DIR": str(folder / "cursors"),
        "CAIRN_INGESTION_ADDRESS": address,
        "CAIRN_WRITE_KEY": write_key,
        "CAIRN_FILES_AT": str(inbox),
        "CAIRN_FILES_SETTLE_S": "0",
        "CAIRN_POLL_S": "0.2",
    }
    with _worker(environment, folder / "worker.log") as worker:
        _write(inbox / "warm-up.csv", range(WARM_UP))
        _await_read(folder, "warm-up.csv", worker)
        before = cpu_s([worker])
        _write(inbox / "rows.csv", range(WARM_UP, WARM_UP + ROWS))
        _await_read(folder, "rows.csv", worker)
        return ROWS / (cpu_s([worker]) - before)


@contextmanager
def _worker(environment: Mapping[str, str], log: Path) -> Iterator[psutil.Process]:
    with (
        log.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", "source_files"], env={**os.environ, **environment}, stdout=out, stderr=out
        ) as process,
    ):
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _await_read(folder: Path, name: str, worker: psutil.Process) -> None:
    """Return when Cairn has answered for all rows of a file: that is when its cursor says that it is whole."""
    deadline = time.monotonic() + PATIENCE_S
    while not _whole(folder / "cursors" / "bench.sqlite", name):
        if time.monotonic() > deadline or not worker.is_running():
            raise RuntimeError(f"{name} was not read; see {folder / 'worker.log'}")
        time.sleep(0.02)


def _whole(cursors: Path, name: str) -> bool:
    if not cursors.exists():
        return False
    with closing(sqlite3.connect(cursors)) as kept:
        try:
            row = kept.execute("SELECT cursor FROM cursors WHERE stream = ?", (name,)).fetchone()
        except sqlite3.OperationalError:  # it is just being made
            return False
    return row is not None and json.loads(row[0])[2] is True


def _import(address: str, write_key: str, folder: Path, mapping: Path) -> float:
    environment = {**os.environ, "CAIRN_WRITE_KEY": write_key, "CAIRN_HOME": str(folder)}
    spent = []
    for first, rows in ((10**6, WARM_UP), (2 * 10**6, WARM_UP + ROWS)):
        file = folder / f"import-{first}.csv"
        _write(file, range(first, first + rows))
        command = [sys.executable, "-m", "journeyctl", "import", str(file), "--mapping", str(mapping)]
        before = _children_s()
        subprocess.run([*command, "--url", f"http://{address}"], env=environment, check=True, stdout=subprocess.DEVNULL)
        spent.append(_children_s() - before)
    return ROWS / (spent[1] - spent[0])


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write(path: Path, numbers: range) -> None:
    draft = path.with_name(f".{path.name}")
    with draft.open("w", newline="") as file:
        rows = ((n, f"2024-03-{1 + n % 28:02}T14:30:00", f"c{n % 2_000}", f"{n % 90}.50") for n in numbers)
        csv.writer(file).writerows([("order_no", "ordered", "customer", "total"), *rows])
    draft.rename(path)
