"""The table of deliveries is made anew from their log, while messages go out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from activation.rebuild import READ_MODEL
from cairn_journey import Programme
from cairn_kernel.event import Event
from cairn_kernel.time import DAY, HOUR
from cairn_runtime.rebuild import Outcome, Progress, rebuild

from .world import World, decisions, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Decide = Callable[..., Event]
WHERE: Final = "activation.rebuild:READ_MODEL"
PEOPLE: Final = [f"p{number}" for number in range(20)]
START: Final = 1_488_326_400_000_000


@pytest.fixture
async def here(postgres_dsn: str, nats_url: str, tmp_path: Path, programme: Programme) -> AsyncIterator[World]:
    async with world(postgres_dsn, nats_url, tmp_path, programme) as made:
        await made.begin()
        await made.apply()
        yield made


async def again(here: World, *, jobs: int = 1, check_only: bool = False) -> Outcome:
    told: list[Progress] = []
    return await rebuild(here.settings.database_dsn, WHERE, jobs=jobs, tell=told.append, check_only=check_only)


async def test_deliveries_are_made_anew_while_messages_go_out(here: World, decide: Decide) -> None:
    await here.connect()
    await here.decisions.append(*decisions(decide, PEOPLE), decide(profile="nowhere", contact={}))
    await here.until(sent=20, rejected=1)
    right = await here.hash()
    await here.query("UPDATE activation.deliveries SET status = 'bounced', open = true WHERE partition % 2 = 0")
    await here.query("DELETE FROM activation.deliveries WHERE partition % 2 = 1")
    assert await here.hash() != right
    outcome, _ = await asyncio.gather(again(here, jobs=2), go_on(here, decide))
    assert outcome.differing["deliveries"] > 10
    await here.until(sent=40, rejected=1)
    checked = await again(here, check_only=True)
    assert (dict(checked.differing), checked.rows["deliveries"]) == (dict.fromkeys(READ_MODEL.tables, 0), 41)
    await here.query(f"DELETE FROM activation.deliveries WHERE planned_at > {START + DAY}")
    await again(here)
    assert await here.hash() != right  # the second half is there
    await here.query(f"DELETE FROM activation.deliveries WHERE planned_at > {START + DAY}")
    assert await here.hash() == right


async def go_on(here: World, decide: Decide) -> None:
    for start in range(0, len(PEOPLE), 5):
        await here.decisions.append(*decisions(decide, PEOPLE[start : start + 5], number=2, at=START + DAY + 12 * HOUR))
        await asyncio.sleep(0.2)


async def test_what_a_connector_has_stays_with_it_and_the_steps_stay_where_they_are(
    here: World, decide: Decide
) -> None:
    await here.decisions.mark(0, START)
    await here.until_step(0)
    await here.decisions.append(*decisions(decide, PEOPLE))
    await here.decisions.mark(1, START + DAY)
    await here.until(dispatched=5, planned=15)
    flying = "SELECT delivery_id, attempt, not_after FROM activation.deliveries WHERE not_after > 0 ORDER BY 1"
    before = await here.query(flying)
    outcome = await again(here)
    assert (dict(outcome.differing), outcome.rows["modes"]) == (dict.fromkeys(READ_MODEL.tables, 0), 32)
    assert await here.query(flying) == before
    await here.connect()
    await here.until_step(1)
    await here.until(sent=20)
    assert len(here.channel.sent) == 20
