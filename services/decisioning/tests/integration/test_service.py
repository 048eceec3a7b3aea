"""The whole service over real PostgreSQL, NATS and gRPC."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import asyncpg
import grpc
import pytest

from cairn.decisioning.v1 import decisioning_pb2 as pb
from cairn.event.v1.event_pb2 import Entry
from cairn_decisions.decide import decision_id
from cairn_journey import Programme
from cairn_kernel.event import CONSENT_CHANGED, MARKER, MERGED, SPLIT, Event, to_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY
from cairn_runtime import Settings

from .house import (
    T0,
    Decisioning,
    Journeys,
    bounced,
    consent,
    decisioning,
    journeys,
    merged,
    moment,
    parted,
    settings,
    withdrawn,
)

ADA, BOB = stable_id("ada"), stable_id("bob")


class House(NamedTuple):
    settings: Settings
    journeys: Journeys
    decisioning: Decisioning


@pytest.fixture
async def house(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[House]:
    chosen = settings(postgres_dsn, nats_url, tmp_path / "keys")
    async with journeys(chosen) as upstream, decisioning(chosen) as service:
        await service.apply()
        yield House(chosen, upstream, service)


def week(*profiles: str, sealed: str = "bm9uY2Utb2YtMTJiY2lwaGVy") -> list[Event]:
    """Four moments each; the third and fourth meet the cap."""
    return [moment(profile, day, T0 + day * DAY, sealed=sealed) for day in range(4) for profile in profiles]


async def test_moments_become_decisions_that_explain_themselves(house: House) -> None:
    await house.journeys.append(*week(ADA))
    counts = await house.decisioning.decided(4)
    assert (counts.moments, counts.made) == (4, 2)
    assert dict(counts.suppressed) == {"CONTACT_POLICY_CAP": 2}
    assert dict(counts.actions) == {"coupon-10": 2}

    listed = await house.decisioning.list(ADA)
    assert [decision.reason for decision in listed] == ["CHOSEN", "CHOSEN", "CONTACT_POLICY_CAP", "CONTACT_POLICY_CAP"]
    request = pb.ExplainDecisionRequest(decision_id=decision_id(stable_id("moment", ADA, 2)))
    explained = (await house.decisioning.api.ExplainDecision(request)).decision
    assert explained == listed[2]
    assert explained.summary == (
        "In journey win-back nothing was chosen: coupon-10 came furthest, but the contact cap is reached: "
        "2 of 2 marketing messages in 7d, next possible 2017-03-08T12:00:00Z."
    )


def _inputs(*events: Event) -> list[Entry]:
    return [Entry(type=event.type, event=to_msgpack(event)) for event in events]


async def test_a_batch_is_evaluated_as_it_would_be_decided_and_nothing_is_stored(house: House) -> None:
    inputs = _inputs(*week(ADA))
    evaluated = await house.decisioning.api.EvaluateBatch(pb.EvaluateBatchRequest(inputs=inputs))
    assert [decision.reason for decision in evaluated.decisions] == [
        "CHOSEN",
        "CHOSEN",
        "CONTACT_POLICY_CAP",
        "CONTACT_POLICY_CAP",
    ]
    assert (await house.decisioning.api.GetCounts(pb.GetCountsRequest())).moments == 0
    await house.journeys.append(*week(ADA))
    await house.decisioning.decided(4)
    assert list(evaluated.decisions) == await house.decisioning.list(ADA)
    later = _inputs(moment(ADA, 9, T0 + 4 * DAY))
    for stored, reason in ((True, "CONTACT_POLICY_CAP"), (False, "CHOSEN")):
        request = pb.EvaluateBatchRequest(inputs=later, with_stored_ledgers=stored)
        answer = await house.decisioning.api.EvaluateBatch(request)
        assert [decision.reason for decision in answer.decisions] == [reason]
    other = pb.EvaluateBatchRequest(inputs=later, bundle=Programme((), ()).bundle())
    answer = await house.decisioning.api.EvaluateBatch(other)
    assert [decision.reason for decision in answer.decisions] == ["NO_CANDIDATE"]


async def test_a_batch_that_cannot_be_evaluated_is_refused(house: House) -> None:
    requests = [
        pb.EvaluateBatchRequest(),
        pb.EvaluateBatchRequest(inputs=[Entry(type="x", event=b"no event")]),
        pb.EvaluateBatchRequest(inputs=_inputs(*merged(ADA, BOB, T0))),
        pb.EvaluateBatchRequest(inputs=_inputs(*week(ADA)), bundle=b"no bundle"),
    ]
    for request in requests:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await house.decisioning.api.EvaluateBatch(request)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_is_not_there_is_said_so(house: House) -> None:
    for decision in (stable_id("nothing"), "not even an id"):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await house.decisioning.api.ExplainDecision(pb.ExplainDecisionRequest(decision_id=decision))
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await house.decisioning.api.ListDecisions(pb.ListDecisionsRequest())
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await house.decisioning.list(stable_id("nobody")) == []


async def test_consent_and_outcomes_take_their_turn_among_the_moments(house: House) -> None:
    await house.journeys.append(
        moment(ADA, 0),
        consent(ADA, T0 + 1, granted=False),
        moment(ADA, 1, T0 + 2),
        consent(ADA, T0 + 3, granted=True),
        bounced(ADA, T0 + 4),
        moment(ADA, 2, T0 + 5),
    )
    await house.decisioning.decided(3)
    reasons = [decision.reason for decision in await house.decisioning.list(ADA)]
    assert reasons == ["CHOSEN", "CONSENT_WITHHELD", "COOLDOWN"]
    assert len(await house.decisioning.passed(CONSENT_CHANGED, 2)) == 2


async def test_a_merge_brings_both_ledgers_under_one_cap_and_both_histories_into_one_list(house: House) -> None:
    await house.journeys.append(moment(BOB, 0), moment(ADA, 0, T0 + 1))
    await house.decisioning.decided(2)
    await house.journeys.append(*merged(BOB, ADA, T0 + DAY))
    await house.decisioning.passed(MERGED, 2)
    await house.journeys.append(moment(ADA, 1, T0 + 2 * DAY), moment(ADA, 2, T0 + 7 * DAY))
    await house.decisioning.decided(4)
    listed = await house.decisioning.list(ADA)
    assert [(item.profile_id == ADA, item.reason) for item in listed] == [
        (False, "CHOSEN"),
        (True, "CHOSEN"),
        (True, "CONTACT_POLICY_CAP"),
        (True, "CHOSEN"),
    ]


async def test_after_a_split_a_contact_made_meanwhile_counts_for_both_and_consent_goes_with_its_event(
    house: House,
) -> None:
    await house.journeys.append(moment(BOB, 0))
    await house.decisioning.decided(1)
    await house.journeys.append(*merged(BOB, ADA, T0 + DAY))
    word = consent(ADA, T0 + 10 * DAY, granted=False)
    await house.journeys.append(moment(ADA, 0, T0 + 8 * DAY), moment(ADA, 1, T0 + 9 * DAY), word)
    await house.decisioning.decided(3)
    giver, receiver = parted(ADA, BOB, T0 + 10 * DAY, word)
    await house.journeys.append(receiver)
    await house.journeys.append(giver)
    await house.decisioning.passed(SPLIT, 2)
    await house.journeys.append(
        moment(ADA, 2, T0 + 11 * DAY), moment(BOB, 2, T0 + 11 * DAY), moment(ADA, 3, T0 + 16 * DAY)
    )
    await house.decisioning.decided(6)
    hers = [item.reason for item in await house.decisioning.list(ADA)]
    assert hers == ["CHOSEN", "CHOSEN", "CONTACT_POLICY_CAP", "CHOSEN"]
    assert [item.reason for item in await house.decisioning.list(BOB)] == ["CHOSEN", "CONSENT_WITHHELD"]


async def test_a_moment_that_no_longer_holds_withdraws_its_decision(house: House) -> None:
    await house.journeys.append(first := moment(ADA, 0))
    await house.decisioning.decided(1)
    await house.journeys.append(withdrawn(first, T0 + DAY))
    (told,) = await house.decisioning.passed("decision.withdrawn", 1)
    assert told.data["decision_id"] == (await house.decisioning.list(ADA))[0].decision_id


async def test_the_marker_is_passed_on_after_the_decisions_of_its_step(house: House) -> None:
    await house.journeys.append(*week(ADA))
    await house.journeys.mark(0, T0 + 5 * DAY)
    await house.decisioning.passed(MARKER, PARTITIONS)
    assert (await house.decisioning.decided(4)).moments == 4


async def test_the_hash_is_the_same_however_the_log_came_in_and_whatever_the_ciphertext(
    house: House, postgres_server_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    profiles = [stable_id("p", number) for number in range(20)]
    await house.journeys.append(*week(*profiles))
    await house.decisioning.decided(80)
    first = await house.decisioning.hash()

    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(postgres_server_dsn)
        stack.push_async_callback(admin.close)
        await admin.execute("CREATE DATABASE second_run TEMPLATE template0")
        stack.push_async_callback(admin.execute, "DROP DATABASE second_run WITH (FORCE)")
        dsn = f"{postgres_server_dsn.rpartition('/')[0]}/second_run"
        again = settings(dsn, nats_url, tmp_path / "keys", batch_max_events=7)
        upstream = await stack.enter_async_context(journeys(again))
        await upstream.append(*week(*profiles, sealed="bm9uY2Utb2YtMTJib3RoZXIx"), publish=False)
        service = await stack.enter_async_context(decisioning(again))
        await service.apply()
        await service.decided(80)
        assert await service.hash() == first


async def test_one_field_of_one_stored_decision_changes_the_hash(house: House, postgres_dsn: str) -> None:
    await house.journeys.append(*week(ADA, BOB))
    await house.decisioning.decided(8)
    before = await house.decisioning.hash()
    assert await house.decisioning.hash() == before
    owner = await asyncpg.connect(postgres_dsn)
    changed = await owner.execute(
        "UPDATE decisioning.events SET state = convert_to("
        "replace(convert_from(state, 'UTF8'), '\"reason\":\"CHOSEN\"', '\"reason\":\"COOLDOWN\"'), 'UTF8')"
        "WHERE originator_id = $1 AND originator_version = 1",
        ADA,
    )
    await owner.close()
    assert changed == "UPDATE 1"
    assert await house.decisioning.hash() != before


async def test_a_second_replica_takes_over_and_nothing_is_decided_twice(house: House) -> None:
    await house.journeys.append(*week(ADA))
    await house.decisioning.decided(4)
    async with decisioning(house.settings) as second:
        await house.journeys.append(*[moment(BOB, number, T0 + number * DAY) for number in range(4)], *week(ADA))
        counts = await second.decided(8)
    assert (counts.moments, counts.made) == (8, 4)
