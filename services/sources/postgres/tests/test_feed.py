"""Rows and changes of a real database become events once each, in order, whenever the worker is killed."""

import asyncio
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cairn_kernel.event import Event
from cairn_testkit.front_door import FrontDoor, Partner, front_door, source_worker
from cairn_testkit.servers import EmbeddedServers, embedded_servers
from source_postgres.feed import HEARTBEAT_BYTES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LOGICAL = {"wal_level": "logical", "max_wal_senders": "4", "max_replication_slots": "4"}
MAPPINGS = {
    "orders.yaml": """
kind: Import
name: orders
from: public.orders
event: Order Completed
time: ordered_at
identifiers: {user_id: customer}
properties:
  number: {column: id, as: number}
  amount: {column: amount, as: number}
  lines: {column: lines, as: json}
  gift: {column: gift, as: boolean}
""",
    "changes.yaml": """
kind: Import
name: order-changes
from: public.orders
on: [update, delete]
event: {column: _change}
time: _committed_at
identifiers: {user_id: customer}
properties: {number: {column: id, as: number}, amount: {column: amount, as: number}}
""",
}
TABLE = """
CREATE TABLE orders (
    id int PRIMARY KEY, customer text, ordered_at timestamptz NOT NULL DEFAULT now(),
    amount numeric, lines jsonb, gift boolean, secret text DEFAULT 'not told'
);
ALTER TABLE orders REPLICA IDENTITY FULL;
CREATE TABLE noise (id int PRIMARY KEY, filling text);
CREATE PUBLICATION cairn FOR TABLE orders (id, customer, ordered_at, amount, lines, gift)
    WITH (publish = 'insert, update, delete');
"""
INSERT = """
INSERT INTO orders (id, customer, amount, lines, gift)
SELECT n, 'c' || n % 500, n + 0.5, '[{"sku": 7}]', n % 2 = 0 FROM generate_series($1::int, $2::int) AS n
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[EmbeddedServers]:
    with embedded_servers(nats=False, postgres_settings=LOGICAL) as started:
        yield started


@pytest.fixture
async def legacy(servers: EmbeddedServers) -> AsyncIterator[Any]:
    """A connection to a database of the legacy system."""
    first = await asyncpg.connect(servers.postgres.dsn)
    await first.execute("CREATE DATABASE legacy TEMPLATE template0")
    dsn = servers.postgres.dsn.rpartition("/")[0] + "/legacy"
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLE.replace("(id, customer, ordered_at, amount, lines, gift)", ""))
    yield connection, dsn
    for (slot,) in await first.fetch("SELECT slot_name FROM pg_replication_slots"):
        await first.execute("SELECT pg_drop_replication_slot($1)", slot)
    await connection.close()
    await first.execute("DROP DATABASE legacy WITH (FORCE)")
    await first.close()


@pytest.fixture(scope="module")
def front(
    postgres_server_dsn: str, nats_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    with front_door(postgres_server_dsn, nats_server_url, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def partner(front: FrontDoor, tmp_path: Path) -> Partner:
    return front.partner(tmp_path)


class Worker:
    def __init__(self, partner: Partner, folder: Path, dsn: str, **more: str) -> None:
        mappings = folder / "mappings"
        mappings.mkdir(exist_ok=True)
        for name, text in MAPPINGS.items():
            (mappings / name).write_text(text)
        self.log = folder / "worker.log"
        self.settings = {
            "CAIRN_SOURCE_NAME": "shop-db",
            "CAIRN_SOURCE_MAPPINGS": str(mappings),
            "CAIRN_SOURCE_DIR": str(folder / "cursors"),
            "CAIRN_INGESTION_ADDRESS": partner.door.address,
            "CAIRN_WRITE_KEY_FILE": str(partner.key_file),
            "CAIRN_POLL_S": "0.2",
            "CAIRN_POSTGRES_DSN": dsn,
            **more,
        }

    def running(self) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        return source_worker("source_postgres", self.settings, self.log)

    async def says(self, reason: str) -> None:
        async with asyncio.timeout(60):
            while not any(f'"{reason}"' in line for line in self.log.read_text().splitlines()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def numbers(events: list[Event], type: str = "order.completed") -> list[int]:
    return sorted(event.data["number"] for event in events if event.type == type)


async def test_what_was_there_and_what_changes_become_events(
    partner: Partner, legacy: tuple[Any, str], tmp_path: Path
) -> None:
    connection, dsn = legacy
    await connection.execute(INSERT, 1, 3)
    with Worker(partner, tmp_path, dsn).running():
        await partner.arrived(3)
        await connection.execute(INSERT, 4, 5)
        await connection.execute("UPDATE orders SET amount = 99.25 WHERE id = 2")
        await connection.execute("DELETE FROM orders WHERE id = 5")
        await connection.execute("TRUNCATE noise")
        events = await partner.arrived(7)
    assert numbers(events) == [1, 2, 3, 4, 5]
    assert {event.data["number"]: event.historical for event in events if event.type == "order.completed"} == {
        1: True, 2: True, 3: True, 4: False, 5: False,
    }  # fmt: skip
    first = next(event for event in events if event.data["number"] == 4)
    assert first.data == {"number": 4, "amount": 4.5, "lines": [{"sku": 7}], "gift": True}
    (update,) = [event for event in events if event.type == "update"]
    assert update.data == {"number": 2, "amount": 99.25}
    (delete,) = [event for event in events if event.type == "delete"]
    assert delete.data == {"number": 5, "amount": 5.5}
    assert await partner.aside() == []


async def test_a_row_without_a_customer_is_kept_aside_with_its_place(
    partner: Partner, legacy: tuple[Any, str], tmp_path: Path
) -> None:
    connection, dsn = legacy
    await connection.execute("INSERT INTO orders (id, amount) VALUES (1, 2)")
    with Worker(partner, tmp_path, dsn).running():
        await connection.execute(INSERT, 2, 2)
        await partner.arrived(1)
    (aside,) = await partner.aside()
    assert (aside.reason, aside.field.partition(" ")[2]) == ("UNREADABLE", "nobody is named by customer")
    assert aside.message_id.startswith("orders/public.orders:")


async def test_killed_again_and_again_while_rows_come_each_is_taken_in_once(
    partner: Partner, legacy: tuple[Any, str], tmp_path: Path
) -> None:
    connection, dsn = legacy
    before, after = 1_500, 5_000
    await connection.execute(INSERT, 1, before)
    worker = Worker(partner, tmp_path, dsn, CAIRN_POSTGRES_CHANGES="300")
    written = before

    async def write() -> None:
        nonlocal written
        while written < after:
            upto = min(written + chance.choice([1, 40, 700]), after)
            await connection.execute(INSERT, written + 1, upto)
            written = upto
            await asyncio.sleep(0.01)

    chance = random.Random(11)
    async with asyncio.TaskGroup() as group:
        with worker.running() as process:  # the first is killed in the middle of the copy
            await partner.arrived(500)
            process.send_signal(signal.SIGKILL)
        group.create_task(write())
        for stop in (800, 2_000, 3_000, 4_200):
            with worker.running() as process:
                await partner.arrived(stop)
                process.send_signal(signal.SIGKILL)
    with worker.running():
        await partner.arrived(after)
        await asyncio.sleep(1)
    assert numbers(await partner.events()) == list(range(1, after + 1))
    assert await partner.aside() == []


async def test_with_the_cursors_lost_nothing_is_lost_or_doubled(
    partner: Partner, legacy: tuple[Any, str], tmp_path: Path
) -> None:
    connection, dsn = legacy
    await connection.execute(INSERT, 1, 20)
    worker = Worker(partner, tmp_path, dsn)
    with worker.running():
        await partner.arrived(20)
        await connection.execute(INSERT, 21, 30)
        await partner.arrived(30)
    worker.settings["CAIRN_SOURCE_DIR"] = str(tmp_path / "another disk")
    worker.settings["CAIRN_POSTGRES_COPY"] = "false"
    await connection.execute(INSERT, 31, 35)
    with worker.running():
        events = await partner.arrived(35)
    assert numbers(events) == list(range(1, 36))


async def test_the_server_may_forget_its_log_also_when_only_other_tables_change(
    partner: Partner, legacy: tuple[Any, str], tmp_path: Path
) -> None:
    connection, dsn = legacy
    held = "SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots"
    with Worker(partner, tmp_path, dsn).running():
        await connection.execute(INSERT, 1, 1)
        await partner.arrived(1)
        begun = await connection.fetchval("SELECT pg_current_wal_lsn()")
        for first in range(0, 60_000, 20_000):
            await connection.execute(
                "INSERT INTO noise SELECT n, repeat('x', 900) FROM generate_series($1::int, $2::int) AS n",
                first,
                first + 19_999,
            )
        async with asyncio.timeout(60):
            while await connection.fetchval(held) > HEARTBEAT_BYTES:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        written = await connection.fetchval("SELECT pg_current_wal_lsn() - $1::pg_lsn", begun)
        assert written > 3 * HEARTBEAT_BYTES


async def test_what_an_operator_has_to_mend_is_said(
    partner: Partner, legacy: tuple[Any, str], postgres_dsn: str, tmp_path: Path
) -> None:
    connection, dsn = legacy
    await connection.execute("DROP PUBLICATION cairn")
    worker = Worker(partner, tmp_path, dsn)
    with worker.running():
        await worker.says("NO_PUBLICATION")
    worker.settings["CAIRN_POSTGRES_DSN"] = postgres_dsn  # a server without logical decoding
    other = await asyncpg.connect(postgres_dsn)
    await other.execute("CREATE PUBLICATION cairn FOR ALL TABLES")
    await other.close()
    with worker.running():
        await worker.says("WAL_LEVEL_NOT_LOGICAL")
    del worker.settings["CAIRN_SOURCE_NAME"]
    with worker.running() as process:
        assert await asyncio.to_thread(process.wait, 30) == 1
    assert worker.log.read_text().endswith("These settings are missing or wrong: CAIRN_SOURCE_NAME.\n")
    assert "postgresql://" not in worker.log.read_text()
