"""Files become events once each, wherever they lie and whenever the worker is killed."""

import asyncio
import csv
import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cairn_testkit.front_door import FrontDoor, Partner, front_door, source_worker
from journeyctl.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MAPPING = """
kind: Import
name: orders
from: "orders*"
event: Order Completed
time: {column: ordered, zone: Europe/Berlin}
identifiers: {user_id: customer}
properties: {number: {column: order_no, as: number}, amount: {column: total, as: number}}
"""
HEADER = ["order_no", "ordered", "customer", "total"]


@pytest.fixture(scope="module")
def front(
    postgres_server_dsn: str, nats_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    with front_door(postgres_server_dsn, nats_server_url, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def partner(front: FrontDoor, tmp_path: Path) -> Partner:
    return front.partner(tmp_path)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


class Worker:
    def __init__(self, partner: Partner, folder: Path, at: str, mapping: str = MAPPING, **more: str) -> None:
        (folder / "mapping.yaml").write_text(mapping)
        self.log = folder / "worker.log"
        self.settings = {
            "CAIRN_SOURCE_NAME": "partner",
            "CAIRN_SOURCE_MAPPINGS": str(folder / "mapping.yaml"),
            "CAIRN_SOURCE_DIR": str(folder / "cursors"),
            "CAIRN_INGESTION_ADDRESS": partner.door.address,
            "CAIRN_WRITE_KEY_FILE": str(partner.key_file),
            "CAIRN_POLL_S": "0.2",
            "CAIRN_FILES_AT": at,
            "CAIRN_FILES_SETTLE_S": "0",
            **more,
        }

    def running(self) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        return source_worker("source_files", self.settings, self.log)

    async def says(self, fact: str, times: int = 1, **fields: str) -> list[dict[str, object]]:
        """Wait for lines of its log that say so."""
        async with asyncio.timeout(60):
            while True:
                lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
                found = [line for line in lines if line["event"] == fact and fields.items() <= line.items()]
                if len(found) >= times:
                    return found
                await asyncio.sleep(0.05)


def order(number: int) -> list[object]:
    return [number, f"2024-03-{1 + number % 28:02}T14:30:00", f"c{number % 500}", f"{number % 90}.50"]


def write(path: Path, numbers: range) -> None:
    draft = path.with_name(path.name + ".part")
    with gzip.open(draft, "wt", newline="") if path.suffix == ".gz" else draft.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *(order(number) for number in numbers)])
    draft.rename(path)


async def test_csv_jsonl_and_parquet_of_a_folder_become_events(partner: Partner, inbox: Path, tmp_path: Path) -> None:
    from pyarrow import Table, parquet

    rows = [dict(zip(HEADER, order(number), strict=True)) for number in range(200, 300)]
    write(inbox / "orders-1.csv", range(100))
    (inbox / "orders-2.jsonl").write_text(
        "\n".join(json.dumps(dict(zip(HEADER, order(number), strict=True))) for number in range(100, 200))
    )
    parquet.write_table(Table.from_pylist(rows), inbox / "orders-3.parquet")
    (inbox / "customers.csv").write_text("no mapping is for it\n")
    (inbox / ".orders-hidden.csv").write_text("x\n")
    with Worker(partner, tmp_path, str(inbox)).running():
        events = await partner.arrived(300)
        write(inbox / "orders-4.csv", range(300, 310))
        events = await partner.arrived(310)
    assert sorted(event.data["number"] for event in events) == list(range(310))
    assert {event.type for event in events} == {"order.completed"}
    assert not any(event.historical for event in events)
    assert await partner.aside() == []


async def test_rows_that_are_no_events_are_kept_aside_with_file_and_row(
    partner: Partner, inbox: Path, tmp_path: Path
) -> None:
    lines = ["1,2024-03-01,c1,5", "2,yesterday,c2,5", "3,2024-03-01,,5", "4,2024-03-01", "5,2999-01-01,c5,5"]
    (inbox / "orders.csv").write_text("\n".join([",".join(HEADER), *lines, ""]))
    worker = Worker(partner, tmp_path, str(inbox))
    with worker.running():
        await worker.says("file.read")
        told = await worker.says("row.kept_aside", 4)
    assert [event.data["number"] for event in await partner.events()] == [1]
    aside = await partner.aside()
    assert [(item.reason, item.message_id.partition("@")[0]) for item in aside] == [
        ("UNREADABLE", "orders/orders.csv:2"),
        ("UNREADABLE", "orders/orders.csv:3"),
        ("UNREADABLE", "orders/orders.csv:4"),
        ("TIME_RANGE", "orders/orders.csv:5"),
    ]
    assert [item.field.partition(" ")[2] for item in aside[:3]] == [
        "ordered is no time",
        "nobody is named by customer",
        "2 cells under 4 columns",
    ]
    assert len(told) == 4
    assert "yesterday" not in worker.log.read_text()


async def test_a_file_that_is_still_growing_is_left_alone(partner: Partner, inbox: Path, tmp_path: Path) -> None:
    worker = Worker(partner, tmp_path, str(inbox), CAIRN_FILES_SETTLE_S="1")
    with worker.running(), (inbox / "orders.csv").open("w", buffering=1) as file:
        file.write(",".join(HEADER) + "\n")
        for number in range(20):
            file.write(",".join(map(str, order(number))) + "\n")
            await asyncio.sleep(0.1)
            assert await partner.events() == []
        events = await partner.arrived(20)
    assert len(events) == 20


async def test_a_file_that_changes_is_another_file(partner: Partner, inbox: Path, tmp_path: Path) -> None:
    with Worker(partner, tmp_path, str(inbox)).running():
        write(inbox / "orders.csv", range(5))
        await partner.arrived(5)
        write(inbox / "orders.csv", range(100, 108))
        events = await partner.arrived(13)
    assert sorted(event.data["number"] for event in events) == [*range(5), *range(100, 108)]
    assert await partner.aside() == []


async def test_a_file_that_the_mapping_does_not_fit_stays_and_says_why(
    partner: Partner, inbox: Path, tmp_path: Path
) -> None:
    (inbox / "orders.csv").write_text("order_no,ordered\n1,2024-03-01\n")
    (inbox / "orders.parquet").write_bytes(b"PAR1 is how it begins")
    write(inbox / "orders-good.csv", range(3))
    worker = Worker(partner, tmp_path, str(inbox))
    with worker.running():
        await partner.arrived(3)
        refused = await worker.says("file.refused", 2)
    assert {(line["file"], line["why"]) for line in refused} == {
        ("orders.csv", "it has no column customer, total"),
        ("orders.parquet", "it cannot be read in its format"),
    }


async def test_killed_again_and_again_each_row_is_taken_in_once(partner: Partner, inbox: Path, tmp_path: Path) -> None:
    files, each = 3, 3_000
    for number in range(files):
        write(inbox / f"orders-{number}.csv", range(number * each, (number + 1) * each))
    worker = Worker(partner, tmp_path, str(inbox))
    chance = random.Random(3)
    kills = Counter[str]()
    for stop in sorted(chance.sample(range(500, files * each - 2_000), 4)):
        with worker.running() as process:
            await partner.arrived(stop)
            if kills["worker"] == 2 and not kills["door"]:
                partner.door.kill()
                kills["door"] += 1
                await asyncio.to_thread(partner.door.start)
            process.send_signal(signal.SIGKILL)
            kills["worker"] += 1
    with worker.running():
        await partner.arrived(files * each)
        await worker.says("file.read")
    events = await partner.events()
    assert sorted(event.data["number"] for event in events) == list(range(files * each))
    assert await partner.aside() == []
    assert kills == {"worker": 4, "door": 1}


async def test_a_front_door_that_is_away_or_does_not_know_the_key_is_waited_for(
    partner: Partner, inbox: Path, tmp_path: Path
) -> None:
    write(inbox / "orders.csv", range(5))
    partner.door.kill()
    worker = Worker(partner, tmp_path, str(inbox))
    with worker.running():
        (told, *_) = await worker.says("source.unreachable")
        assert told["reason"] == "INGESTION_UNAVAILABLE"
        await asyncio.to_thread(partner.door.start)
        assert len(await partner.arrived(5)) == 5
    stranger = Worker(partner, tmp_path, str(inbox), CAIRN_WRITE_KEY="nobody-has-this")
    del stranger.settings["CAIRN_WRITE_KEY_FILE"]
    stranger.log = tmp_path / "stranger.log"
    write(inbox / "orders-2.csv", range(5, 9))
    with stranger.running():
        await stranger.says("source.unreachable", reason="INGESTION_UNAUTHENTICATED")


@contextmanager
def served(kind: str, folder: Path) -> Iterator[str]:
    """A real S3 or SFTP server over a folder; its address."""
    port = free_port()
    rclone = Path(sys.executable).with_name("rclone")
    known = ["--auth-key", "partner,secret-of-the-partner"] if kind == "s3" else ["--user", "partner", "--pass", "pw"]
    command = [rclone, "serve", kind, "--addr", f"127.0.0.1:{port}", "--dir-cache-time", "1s", *known, str(folder)]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def remote(kind: str, address: str) -> dict[str, str]:
    """How rclone is told of it: by the environment."""
    host, _, port = address.partition(":")
    if kind == "s3":
        told = {
            "PROVIDER": "Other",
            "ENDPOINT": f"http://{address}",
            "ACCESS_KEY_ID": "partner",
            "SECRET_ACCESS_KEY": "secret-of-the-partner",
        }
    else:
        obscured = subprocess.check_output([Path(sys.executable).with_name("rclone"), "obscure", "pw"], text=True)
        told = {"HOST": host, "PORT": port, "USER": "partner", "PASS": obscured.strip()}
    settings = {f"RCLONE_CONFIG_THERE_{name}": value for name, value in {"TYPE": kind, **told}.items()}
    return {**settings, "RCLONE_CONFIG": os.devnull}


@pytest.mark.parametrize("kind", ["s3", "sftp"])
async def test_an_object_store_and_an_sftp_server_are_read_the_same_way(
    partner: Partner, inbox: Path, tmp_path: Path, kind: str
) -> None:
    (inbox / "bucket" / "2024").mkdir(parents=True)
    write(inbox / "bucket" / "2024" / "orders-1.csv", range(700))
    mapping = MAPPING.replace('"orders*"', '"2024/orders*"')
    with served(kind, inbox) as address:
        worker = Worker(partner, tmp_path, "there:bucket", mapping, **remote(kind, address))
        with worker.running() as process:
            await partner.arrived(500)
            process.send_signal(signal.SIGKILL)
        with worker.running():
            await partner.arrived(700)
            write(inbox / "bucket" / "2024" / "orders-2.csv.gz", range(700, 705))
            events = await partner.arrived(705)
    with worker.running():
        worker.log.write_text("")
        (told, *_) = await worker.says("source.unreachable")
    assert told["reason"] == "REMOTE_LIST"
    assert sorted(event.data["number"] for event in events) == list(range(705))
    assert await partner.aside() == []
