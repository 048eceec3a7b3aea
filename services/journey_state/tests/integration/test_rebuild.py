"""Read models made anew from the log, while the service runs on."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from cairn_kernel.ids import stable_id
from cairn_runtime.rebuild import Progress, rebuild
from journey_state.rebuild import READ_MODEL

from .filled import filled
from .running import Service, bought

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WHERE = "journey_state.rebuild:READ_MODEL"
TABLES = ("customers", "instances", "counters")


async def rows(dsn: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "journey_state"})
    try:
        found = {
            table: sorted(map(str, await connection.fetch(query.format(table=table))))
            for table, query in READ_MODEL.tables.items()
        }
        found["timers"] = sorted(map(str, await connection.fetch("SELECT stream, timer_id FROM timers")))
        return found
    finally:
        await connection.close()


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def test_read_models_are_made_anew_while_events_come_in(service: Service) -> None:
    people = [stable_id("person", number) for number in range(120)]
    await service.resolved.append(*[bought(person, day, 1.0) for day in range(3) for person in people[:100]])
    await service.seen_customers(101)
    await execute(service.dsn, "UPDATE journey_state.counters SET value = value + 7 WHERE name = 'entered'")
    await execute(
        service.dsn, "DELETE FROM journey_state.customers WHERE partition % 2 = 0; TRUNCATE journey_state.timers"
    )
    told: list[Progress] = []

    async def go_on() -> None:
        for day in range(4, 8):
            await service.resolved.append(*[bought(person, day, 2.0) for person in people])
            await asyncio.sleep(0.3)

    outcome, _ = await asyncio.gather(rebuild(service.dsn, WHERE, jobs=2, tell=told.append), go_on())
    assert outcome.differing["customers"] > 10
    assert outcome.differing["timers"] > 0
    assert outcome.differing["counters"] > 1
    assert [progress.phase for progress in told][-1] == "done"
    await service.seen_customers(121)
    again = await rebuild(service.dsn, WHERE, jobs=1, tell=told.append, check_only=True)
    assert not any(again.differing.values()), again
    assert again.rows["customers"] == 121


async def test_a_rebuild_that_was_killed_leaves_all_in_place_and_goes_on(postgres_dsn: str) -> None:
    events = await filled(postgres_dsn, 400)
    before = await rows(postgres_dsn)
    await asyncio.to_thread(first_half, postgres_dsn)
    assert await rows(postgres_dsn) == before
    told: list[Progress] = []
    outcome = await rebuild(postgres_dsn, WHERE, jobs=1, tell=told.append)
    assert {table: outcome.differing[table] for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert 0 < max(progress.events for progress in told) < len(events)
    after = await rows(postgres_dsn)
    assert after.pop("timers") != before.pop("timers")  # none were stored before
    assert after == before
    connection = await asyncpg.connect(postgres_dsn)
    assert await connection.fetchval("SELECT to_regnamespace('journey_state_rebuild')") is None
    await connection.close()


def first_half(dsn: str) -> None:
    """Start a rebuild in a process of its own and kill it when some pieces are done and some are not."""
    call = [sys.executable, "-c", SLOW, dsn]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["events"] > 0:
                break
        os.killpg(process.pid, signal.SIGKILL)


SLOW = """
import asyncio, json, sys, time
from cairn_runtime import rebuild as module
from cairn_runtime.logs import configure_logs
configure_logs("rebuild", "error")
module.PIECE_EVENTS = 100
def tell(progress):
    print(json.dumps(progress._asdict()), flush=True)
    if progress.events:
        time.sleep(60)
if __name__ == "__main__":
    asyncio.run(module.rebuild(sys.argv[1], "journey_state.rebuild:READ_MODEL", jobs=1, tell=tell))
"""


async def test_the_command_tells_what_differed_and_ends_accordingly(postgres_dsn: str) -> None:
    await filled(postgres_dsn, 20)
    first = await command(postgres_dsn, "journey_state")
    assert first[0] == 1, first  # there were no timers
    code, said = await command(postgres_dsn, "journey_state", "--check")
    assert (code, said.splitlines()[-1]) == (
        0,
        "journey_state compared with its log from 100 events: all rows are what they were.",
    )
    assert (await command(postgres_dsn, "ingestion"))[0] == 2


async def command(dsn: str, *arguments: str) -> tuple[int, str]:
    def run() -> subprocess.CompletedProcess[str]:
        call: Sequence[str] = [sys.executable, "-m", "journeyctl", "rebuild", "--jobs", "1", *arguments]
        return subprocess.run(call, env={**os.environ, "CAIRN_DATABASE_DSN": dsn}, capture_output=True, text=True)

    done = await asyncio.to_thread(run)
    return done.returncode, done.stdout + done.stderr
