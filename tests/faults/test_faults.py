"""Kill any process at any moment and start it again: nothing is lost, nothing happens twice."""

import asyncio
import time
from pathlib import Path

import asyncpg
import nats
import pytest
from tests.faults.runs import LEASE_S, Disturb, Run, play_small

from journeyctl.demo.stage import Stage
from journeyctl.installation import SERVICES

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(900)]


def kill_and_restart(name: str) -> Disturb:
    def disturb(stage: Stage) -> None:
        stage.supervisor.kill(name)
        stage.supervisor.start(name)

    return disturb


def same(run: Run, undisturbed: Run) -> None:
    assert run.lost == 0
    assert run.accepted == undisturbed.accepted
    assert run.statuses == undisturbed.statuses
    assert run.mails == undisturbed.mails
    assert set(run.mails.values()) == {1}, "no message arrives twice"
    assert run.state_hash == undisturbed.state_hash


def test_kill_9_of_each_process_and_wiped_streams_change_nothing(undisturbed: Run, tmp_path: Path) -> None:
    days = {3 + 5 * number: kill_and_restart(name) for number, name in enumerate(SERVICES)}
    days |= {day: kill_and_restart("connector_email") for day in (5, 11, 20)}
    days |= {day: wipe_streams for day in (7, 15, 26)}
    same(play_small(tmp_path, days), undisturbed)


def test_other_batches_other_hash_seeds_and_an_owner_that_wakes_up_after_its_lease_give_the_same_state(
    undisturbed: Run, tmp_path: Path
) -> None:
    environment = {"CAIRN_BATCH_MAX_EVENTS": "37", "PYTHONHASHSEED": "4711"}
    seen: dict[str, int] = {}

    def second_replica(stage: Stage) -> None:
        stage.supervisor.start_replica("journey_state", {"PYTHONHASHSEED": "11"})

    def sleep_through_the_lease(stage: Stage) -> None:
        owner = "journey_state"
        stage.supervisor.suspend(owner)
        time.sleep(LEASE_S + 3)
        seen["others"] = asyncio.run(_partitions_of_living_owners(stage))
        stage.supervisor.resume(owner)

    same(
        play_small(tmp_path, {9: sleep_through_the_lease}, environment=environment, prepare=second_replica),
        undisturbed,
    )
    assert seen == {"others": 32}, "the other replica took all partitions over meanwhile"


async def _partitions_of_living_owners(stage: Stage) -> int:
    connection = await asyncpg.connect(stage.installation.database_dsn)
    try:
        query = "SELECT count(*) FROM journey_state.leases WHERE until > now()"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


def wipe_streams(stage: Stage) -> None:
    asyncio.run(_wipe_streams(stage.installation.nats_url))


async def _wipe_streams(url: str) -> None:
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            await jetstream.delete_stream(stream.config.name or "")
    finally:
        await client.close()
