"""The server fixtures hold what they promise."""

import subprocess
import sys
from pathlib import Path

import asyncpg
import nats
import psycopg
import pytest

from cairn_testkit.servers import embedded_servers


async def test_each_test_has_a_database_of_its_own_which_is_empty(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.execute("CREATE TABLE left_behind (id int)")
        assert int(await connection.fetchval("SHOW server_version_num")) >= 180000
    finally:
        await connection.close()


async def test_what_another_test_created_is_gone(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        assert await connection.fetchval("SELECT to_regclass('left_behind')") is None
    finally:
        await connection.close()


def test_a_synchronous_driver_connects_with_the_same_dsn(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("again", [False, True])
async def test_a_test_begins_without_streams(nats_url: str, again: bool) -> None:
    connection = await nats.connect(nats_url)
    try:
        jetstream = connection.jetstream()
        assert await jetstream.streams_info() == []
        await jetstream.add_stream(name="left-behind", subjects=["left-behind.>"])
        assert connection.max_payload == 8 * 1024 * 1024
    finally:
        await connection.close()


@pytest.mark.slow
async def test_servers_killed_in_mid_run_start_again_with_what_they_had() -> None:
    with embedded_servers() as servers:
        connection = await asyncpg.connect(servers.postgres.dsn)
        await connection.execute("CREATE TABLE kept (id int)")
        client = await nats.connect(servers.nats.url)
        await client.jetstream().add_stream(name="kept", subjects=["kept.>"])
        await client.close()
        servers.postgres.child.kill()
        servers.nats.child.kill()
        servers.postgres.start()
        servers.nats.start()
        connection = await asyncpg.connect(servers.postgres.dsn)
        assert await connection.fetchval("SELECT count(*) FROM kept") == 0
        await connection.close()
        client = await nats.connect(servers.nats.url)
        assert [stream.config.name for stream in await client.jetstream().streams_info()] == ["kept"]
        await client.close()


@pytest.mark.slow
def test_a_hermetic_test_that_reaches_out_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import socket\ndef test_it():\n    socket.create_connection(('192.0.2.1', 9), timeout=0.1)\n"
    )
    run = subprocess.run([sys.executable, "-m", "pytest", "test_it.py"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert "a hermetic test connects to 192.0.2.1" in run.stdout
