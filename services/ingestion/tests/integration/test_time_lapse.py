"""Steps of a time-lapse and the outcomes that come back, over real PostgreSQL, NATS and gRPC."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_kernel.event import MARKER, Event
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY, HOUR, parse_instant, to_datetime
from ingestion.settings import IngestionSettings

from .house import Deliveries, Ingestion, delivered, deliveries, ingestion, settings

pytestmark = pytest.mark.timeout(600)

T0 = parse_instant("2017-01-01T00:00:00Z")
LIVE, LAPSE = pb.GetClockResponse.MODE_LIVE, pb.GetClockResponse.MODE_TIME_LAPSE


class House(NamedTuple):
    settings: IngestionSettings
    ingestion: Ingestion
    deliveries: Deliveries


@pytest.fixture
async def house(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[House]:
    chosen = settings(postgres_dsn, nats_url, tmp_path / "keys")
    async with deliveries(chosen) as activation, ingestion(chosen) as service:
        yield House(chosen, service, activation)


def basket(name: str, at: int) -> pb.IngestEvent:
    event = pb.IngestEvent(message_id=name, type="Basket Purchased", identifiers={"user_id": "h1"})
    event.event_time.FromDatetime(to_datetime(at))
    return event


def markers(log: list[Event]) -> list[tuple[int, str, int]]:
    """Step, mode and instant of the markers, each of which stands in every partition."""
    found = [(event.data["step"], event.data["mode"], event.as_of) for event in log if event.type == MARKER]
    assert all(found.count(one) == PARTITIONS for one in found)
    return sorted(set(found))


async def opened(house: House, steps: int = 1) -> None:
    """Open the time-lapse at T0; `deliveries` answers with its own marker 0."""
    await house.ingestion.step(0, T0)
    await house.deliveries.mark(0, T0)


async def refused(house: House, number: int, end: int, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await house.ingestion.step(number, end)
    assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason.encode() in dict(raised.value.trailing_metadata())["grpc-status-details-bin"]


async def test_inside_a_step_as_of_is_the_time_of_the_event(house: House) -> None:
    await opened(house)
    answer = await house.ingestion.ingest(
        basket("late", T0 - DAY), basket("noon", T0 + 12 * HOUR), basket("early", T0 + HOUR), basket("next", T0 + DAY)
    )
    assert [row.reason for row in answer.results] == ["", "", "", "TIME_RANGE"]
    events = await house.ingestion.events()
    assert {(event.event_time, event.as_of) for event in events} == {
        (T0 - DAY, T0),
        (T0 + 12 * HOUR, T0 + 12 * HOUR),
        (T0 + HOUR, T0 + HOUR),
    }
    clock = await house.ingestion.clock.GetClock(pb.GetClockRequest())
    assert (clock.mode, clock.open_step, clock.step_start_time.ToDatetime()) == (
        LAPSE,
        1,
        to_datetime(T0).replace(tzinfo=None),
    )


async def test_an_event_that_came_too_early_is_taken_in_when_its_step_is_open(house: House) -> None:
    await opened(house)
    await house.ingestion.ingest(basket("tomorrow", T0 + DAY))
    await house.deliveries.mark(1, T0 + DAY)
    await house.ingestion.step(1, T0 + DAY)
    answer = await house.ingestion.ingest(basket("tomorrow", T0 + DAY))
    assert answer.results[0].outcome == pb.IngestResult.OUTCOME_ACCEPTED


async def test_outcomes_of_a_step_open_the_next_one_in_order(house: House) -> None:
    await opened(house)
    stepping = asyncio.ensure_future(house.ingestion.step(1, T0 + DAY))  # noqa: TID251 - the test's own task
    facts = [delivered(f"d{number}", T0 + (7 - number) * HOUR, profile=f"p{number}") for number in range(4)]
    twice = delivered("d0", T0 + 20 * HOUR, profile="p0")
    await house.deliveries.append(*facts, twice, delivered("d9", T0, status="planned"))
    await house.deliveries.mark(1, T0 + DAY, partitions=range(PARTITIONS - 1))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(stepping), 0.5)
    await house.deliveries.mark(1, T0 + DAY, partitions=[PARTITIONS - 1])
    answer = await stepping
    assert (answer.open_step, answer.feedback_events) == (2, 4)

    events = {event.data["delivery_id"]: event for event in await house.ingestion.events()}
    assert len(events) == 4
    outcome = events[stable_id("delivery", "d2")]
    assert outcome == Event(
        id=stable_id("feedback", stable_id("delivery", "d2"), "sent"),
        tenant="default",
        type="delivery.sent",
        event_time=T0 + 5 * HOUR,
        as_of=T0 + DAY,
        source="cairn",
        identifiers=((CAIRN_PROFILE, stable_id("profile", "p2")),),  # type: ignore[arg-type]
        causation_id=facts[2].id,
        correlation_id=stable_id("first", "d2"),
        hops=1,
        data={"delivery_id": stable_id("delivery", "d2"), "channel": "email"},
    )
    assert markers(await house.ingestion.log()) == [(0, "step", T0), (1, "step", T0 + DAY)]


async def test_repeating_a_step_at_any_moment_changes_nothing(house: House) -> None:
    await opened(house)
    await opened_again(house)
    await house.deliveries.append(delivered("d1", T0 + HOUR))
    with pytest.raises(grpc.aio.AioRpcError):
        await house.ingestion.step(1, T0 + DAY, timeout_s=0.4)
    await house.deliveries.mark(1, T0 + DAY)
    answers = await asyncio.gather(*(house.ingestion.step(1, T0 + DAY) for _ in range(4)))
    assert {(answer.open_step, answer.feedback_events) for answer in answers} == {(2, 1)}
    assert len(await house.ingestion.events()) == 1
    assert markers(await house.ingestion.log()) == [(0, "step", T0), (1, "step", T0 + DAY)]


async def opened_again(house: House) -> None:
    assert (await house.ingestion.step(0, T0)).open_step == 1


async def test_steps_out_of_order_are_refused(house: House) -> None:
    await refused(house, 1, T0, "NOT_IN_TIME_LAPSE")
    await opened(house)
    await refused(house, 0, T0 + DAY, "STEP_ORDER")
    await refused(house, 2, T0 + DAY, "STEP_ORDER")
    await refused(house, 1, T0, "STEP_ORDER")


async def test_a_time_lapse_does_not_begin_before_what_was_taken_in_live(house: House) -> None:
    event = pb.IngestEvent(message_id="m", type="a", identifiers={"user_id": "h1"})
    await house.ingestion.ingest(event)
    await refused(house, 0, T0, "STEP_ORDER")


async def test_after_the_last_step_cairn_runs_live(house: House) -> None:
    await opened(house)
    await house.deliveries.append(delivered("d1", T0 + HOUR))
    await house.deliveries.mark(1, T0 + DAY, mode="live")
    answer = await house.ingestion.step(1, T0 + DAY, last=True)
    assert (answer.open_step, answer.feedback_events) == (2, 1)
    assert (await house.ingestion.clock.GetClock(pb.GetClockRequest())).mode == LIVE
    assert markers(await house.ingestion.log()) == [(0, "step", T0), (1, "live", T0 + DAY)]
    await house.ingestion.ingest(basket("now", T0))
    (event,) = [event for event in await house.ingestion.events() if event.type == "basket.purchased"]
    assert event.as_of > parse_instant("2026-01-01T00:00:00Z")


async def test_live_outcomes_are_appended_as_they_come_and_once(house: House) -> None:
    await house.deliveries.append(
        delivered("d1", T0, hops=3), delivered("d1", T0 + 1), delivered("d1", T0 + 2, status="opened")
    )
    events = await house.ingestion.arrived(2)
    assert {(event.type, event.hops) for event in events} == {("delivery.sent", 4), ("delivery.opened", 1)}
    assert len({event.identifiers for event in events}) == 1


async def test_completeness_is_a_promise(house: House) -> None:
    chassis = house.ingestion.app.chassis
    assert await chassis.complete_to() == {}  # nothing is in the log: nobody waits
    await house.ingestion.ingest(basket("m1", T0))
    told = await chassis.complete_to()
    assert told.keys() == set(range(PARTITIONS))
    await house.ingestion.ingest(basket("m2", T0))
    for partition, (position, upto) in told.items():
        later = await chassis.store.read(partition, position, 100)
        assert all(item.event.as_of > upto for item in later)


async def test_in_a_time_lapse_complete_is_what_came_before_the_open_step(house: House) -> None:
    await opened(house)
    await house.ingestion.ingest(basket("m1", T0 + HOUR))
    assert {upto for _, upto in (await house.ingestion.app.chassis.complete_to()).values()} == {T0 - 1}
