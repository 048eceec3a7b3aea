"""The real, unmodified clients against the front door: whatever goes wrong, nothing is lost and nothing is double."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import SECOND

from .clients.gate import Answer, Gate, gate
from .clients.node import HERE, installed, program
from .clients.speak import CLIENTS as PYTHON_CLIENTS
from .house import DEVICE_KEY, KEY, Ingestion, ingestion, settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NODE_CLIENTS = ("segment-node", "rudder-node", "posthog-node", "snowplow-node", "cloudevents-node")
LARGE = tuple(
    f"{client}-{language}" for client in ("posthog", "snowplow", "cloudevents") for language in ("python", "node")
)
"""Clients whose events may be larger than Segment's."""
NO_SENDING_TIME = ("cloudevents-python", "cloudevents-node")
CLOCK_OFF_S = -3_600


class Scenario(NamedTuple):
    script: Sequence[Answer] = ()
    odd: str = ""
    """What is odd about the third of the five events."""
    clock_off_s: int = 0


SCENARIOS = {
    "ok": Scenario(),
    "duplicate": Scenario(script=("lost",)),
    "429": Scenario(script=("429", "429")),
    "503": Scenario(script=("503", "503")),
    "oversize": Scenario(odd="oversize"),
    "clock": Scenario(clock_off_s=CLOCK_OFF_S),
    "poison": Scenario(odd="poison"),
}


class Said(NamedTuple):
    """What a client was asked to say, and how it went."""

    ids: list[str]
    odd: str
    given_up: list[str]
    gate: Gate


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


@pytest.fixture(scope="session")
def node_folder() -> Path:
    return installed()


@pytest.mark.parametrize("client", PYTHON_CLIENTS)
async def test_a_client_for_python_loses_nothing_and_doubles_nothing(door: Ingestion, client: str) -> None:
    await _all_scenarios(door, client, [sys.executable, str(HERE / "speak.py")])


@pytest.mark.parametrize("client", NODE_CLIENTS)
async def test_a_client_for_node_loses_nothing_and_doubles_nothing(
    door: Ingestion, client: str, node_folder: Path
) -> None:
    await _all_scenarios(door, client, [*program("node"), str(node_folder / "speak.js")])


async def _all_scenarios(door: Ingestion, client: str, command: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(_speak(door, client, command, name)) for name in SCENARIOS}
    events = await door.events()
    aside = await door.quarantine()
    told = Counter(event.data["told"] for event in events)
    for name, task in tasks.items():
        said = task.result()
        good = [id for id in said.ids if id != said.odd]
        assert [told[id] for id in good] == [1] * len(good), (name, said.given_up)
        assert set(said.given_up) <= {said.odd}, name
        if SCENARIOS[name].script:
            assert said.gate.requests > len(SCENARIOS[name].script), name
        if said.odd and said.odd not in said.given_up:
            assert told[said.odd] + _asides(aside, name) == 1, name
    assert not [row for row in aside if _reason(row) not in ("TOO_LARGE", "BAD_ATTRIBUTES", "BAD_TEXT", "FIELD_FORMAT")]
    if client not in NO_SENDING_TIME:
        for event in _of(events, tasks["clock"].result().ids):
            assert abs(event.event_time - event.as_of) < 60 * SECOND


async def _speak(door: Ingestion, client: str, command: list[str], name: str) -> Said:
    scenario = SCENARIOS[name]
    events = [_event(client, name, number, scenario.odd if number == 2 else "plain") for number in range(5)]
    async with gate(door.url, scenario.script) as (made, url):
        key = DEVICE_KEY if scenario.clock_off_s else KEY
        process = await asyncio.create_subprocess_exec(
            *command,
            *(client, url, key),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        asked = json.dumps({"clock_off_s": scenario.clock_off_s, "events": events}).encode()
        out, err = await asyncio.wait_for(process.communicate(asked), 240)
    assert process.returncode == 0, err.decode()[-2000:]
    ids = [event["id"] for event in events]
    return Said(ids, ids[2] if scenario.odd else "", json.loads(out.splitlines()[-1]), made)


def _event(client: str, scenario: str, number: int, kind: str) -> dict[str, Any]:
    event = {
        "id": stable_id(client, scenario, number),
        "user": f"{scenario}-{number}",
        "name": "Order Completed",
        "amount": number + 0.5,
        "kind": kind or "plain",
    }
    return {**event, "text": "x" * 300_000} if client in LARGE and kind == "oversize" else event


def _of(events: Sequence[Event], ids: Sequence[str]) -> list[Event]:
    return [event for event in events if event.data["told"] in ids]


def _reason(row: Any) -> str:
    return str(row.reason)


def _asides(aside: Sequence[Any], scenario: str) -> int:
    large = scenario == "oversize"
    return sum((_reason(row) == "TOO_LARGE") == large for row in aside)
