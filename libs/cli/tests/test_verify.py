"""`journeyctl verify` on a real PostgreSQL: what it says and how it ends."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from cairn_testkit.eventstore_contract import an_event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ANNA = stable_id("anna")
CHANGED = "UPDATE journey_state.events SET state = set_byte(state, 9, 64) WHERE partition = 3 AND position = 2"


def stream(partition: int) -> str:
    return ANNA if partition == 3 else stable_id(partition)


class Command:
    """The command beside a database with a log of 64 events, two in each partition."""

    def __init__(self, dsn: str, home: Path) -> None:
        self.dsn = dsn
        self.home = home
        asyncio.run(self._fill())

    def verify(self, *arguments: str, dsn: str = "") -> tuple[int, str]:
        run = subprocess.run(
            [sys.executable, "-m", "journeyctl", "verify", "--home", str(self.home), "--jobs", "1", *arguments],
            env={**os.environ, "CAIRN_DATABASE_DSN": dsn or self.dsn, "CAIRN_KEYS_DIR": str(self.home / "keys")},
            capture_output=True,
            text=True,
        )
        return run.returncode, run.stdout + run.stderr

    def execute(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.dsn)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

    async def _fill(self) -> None:
        async with open_pool(self.dsn, "journey_state") as pool:
            store = PostgresEventStore(pool)
            for version in (1, 2):
                new = [
                    NewEvent(p, ANNA if p == 3 else stable_id(p), version, an_event(f"{p} {version}"))
                    for p in range(32)
                ]
                await store.commit(UnitOfWork(appends=new))


@pytest.fixture
def command(postgres_dsn: str, tmp_path: Path) -> Command:
    return Command(postgres_dsn, tmp_path)


def test_a_sound_log_ends_with_0_and_a_changed_byte_with_1_and_its_place(command: Command) -> None:
    code, said = command.verify()
    assert (code, said) == (0, "64 events of 1 logs looked at: sound.\n")
    assert command.verify("--customer", ANNA) == (0, f"2 events of {ANNA} looked at: sound.\n")
    command.execute(
        "UPDATE journey_state.events SET state = set_byte(state, 9, 64) WHERE partition = 3 AND position = 2"
    )
    code, said = command.verify()
    assert code == 1
    assert f"journeys: partition 3, position 2, stream {ANNA}: the event was changed" in said
    assert command.verify("--customer", ANNA)[0] == 1
    assert command.verify("--log", "decisions") == (0, "0 events of 0 logs looked at: sound.\n")


def test_what_cannot_be_looked_at_ends_with_2(command: Command) -> None:
    assert command.verify(dsn="postgresql://nobody@127.0.0.1:1/none")[0] == 2
    assert command.verify("--log", "letters")[0] == 2
    assert command.verify("--customer", "anna")[0] == 2
    assert command.verify("--against", str(command.home / "none.json"))[0] == 2


def test_a_signed_head_kept_elsewhere_tells_of_a_chain_that_was_made_anew(command: Command) -> None:
    head = command.home / "head.json"
    assert command.verify("--head", str(head))[0] == 0
    assert command.verify("--against", str(head))[0] == 0
    command.execute(
        "SET search_path = journey_state; DELETE FROM events WHERE position = 2; DELETE FROM chain WHERE last = 2;"
        "UPDATE heads h SET position = 1, link = (SELECT link FROM chain c WHERE c.partition = h.partition)"
    )
    assert command.verify() == (0, "32 events of 1 logs looked at: sound.\n")
    code, said = command.verify("--against", str(head))
    assert (code, said.count("the chain up to here is not that of the signed head")) == (1, 32)
    kept = json.loads(head.read_text())
    kept["logs"] = {}
    head.write_text(json.dumps(kept))
    assert command.verify("--against", str(head)) == (2, "Could not look: the signature does not fit the statement.\n")


def test_an_interrupted_run_goes_on_where_it_was(command: Command) -> None:
    (command.home / "verify.json").write_text(
        json.dumps([["journeys", part, 2, link] for part, link in asyncio.run(links(command.dsn)) if part < 30])
    )
    assert command.verify() == (0, "4 events of 1 logs looked at: sound.\n")
    assert not (command.home / "verify.json").exists()


async def links(dsn: str) -> list[tuple[int, str]]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT partition, link FROM journey_state.heads ORDER BY partition")
    await connection.close()
    return [(row["partition"], row["link"].hex()) for row in rows]
