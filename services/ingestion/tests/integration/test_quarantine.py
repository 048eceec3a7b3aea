"""Events kept aside are told by reason, looked at, mended and taken in after all."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict

from cairn.ingestion.v1 import ingestion_pb2 as pb
from journeyctl import quarantine
from journeyctl.errors import CannotRun
from journeyctl.installation import SERVICES, Installation

from .house import OTHER_KEY, Ingestion, ingestion, settings

pytestmark = pytest.mark.timeout(600)

ACCEPTED, DUPLICATE, QUARANTINED = (
    pb.IngestResult.OUTCOME_ACCEPTED,
    pb.IngestResult.OUTCOME_DUPLICATE,
    pb.IngestResult.OUTCOME_QUARANTINED,
)


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


def call(number: int, **fields: Any) -> dict[str, Any]:
    whole = {"type": "track", "event": "Order Done", "userId": f"h{number}", "messageId": f"m{number}", **fields}
    return {key: value for key, value in whole.items() if value is not None}


async def redrive(
    door: Ingestion, *, patch: dict[str, Any] | None = None, dry: bool = False, **which: Any
) -> list[pb.RedriveResult]:
    request = pb.RedriveRequest(selection=pb.QuarantineSelection(**which), dry_run=dry)
    if patch is not None:
        ParseDict(patch, request.merge_patch)
    return list((await door.aside.Redrive(request, timeout=10)).results)


async def groups(door: Ingestion, tenant: str = "") -> list[tuple[str, str, str, int]]:
    answer = await door.aside.ListGroups(pb.ListGroupsRequest(tenant=tenant), timeout=10)
    return [(group.source, group.reason, group.field, group.count) for group in answer.groups]


async def test_reasons_are_told_with_their_numbers_tenant_by_tenant(door: Ingestion) -> None:
    bad = [call(number, event=None) for number in range(3)] + [call(9, timestamp="soon")]
    await door.post("/v1/batch", json={"batch": bad})
    await door.post("/v1/batch", json={"batch": [call(1, event=None)]}, key=OTHER_KEY)
    assert await groups(door) == [
        ("shop", "FIELD_REQUIRED", "batch[].event", 3),
        ("shop", "FIELD_FORMAT", "batch[].timestamp", 1),
    ]
    assert await groups(door, "acme") == [("shop", "FIELD_REQUIRED", "batch[].event", 1)]


async def test_an_event_is_shown_as_it_came_and_not_to_another_tenant(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(1, event=None, properties={"email": "ada@example.com"})]})
    (row,) = await door.quarantine()
    answer = await door.aside.GetPayload(pb.GetPayloadRequest(quarantine_id=row.quarantine_id), timeout=10)
    assert json.loads(answer.payload)["properties"] == {"email": "ada@example.com"}
    for request in (
        pb.GetPayloadRequest(tenant="acme", quarantine_id=row.quarantine_id),
        pb.GetPayloadRequest(quarantine_id="nonsense"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await door.aside.GetPayload(request, timeout=10)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


async def test_mended_events_are_taken_in_and_leave_the_quarantine(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(number, event=None) for number in range(3)]})
    which: dict[str, Any] = {"reason": "FIELD_REQUIRED", "field": "batch[].event"}
    patch = {"event": "Order Done", "properties": {"mended": True}}
    foreseen = await redrive(door, patch=patch, dry=True, **which)
    assert [item.result.outcome for item in foreseen] == [ACCEPTED] * 3
    assert await door.events() == []
    assert [item.result.outcome for item in await redrive(door, patch=patch, **which)] == [ACCEPTED] * 3
    assert await groups(door) == []
    events = await door.events()
    assert {event.type for event in events} == {"order.done"}
    assert [event.data for event in events] == [{"mended": True}] * 3
    assert await redrive(door, patch=patch, **which) == []


async def test_what_is_still_wrong_stays(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(1, event=None)]})
    (before,) = await door.quarantine()
    (item,) = await redrive(door, reason="FIELD_REQUIRED")
    assert (item.result.outcome, item.result.reason) == (QUARANTINED, "FIELD_REQUIRED")
    (after,) = await door.quarantine()
    assert after.quarantine_id == before.quarantine_id
    (item,) = await redrive(door, patch={"event": 7}, reason="FIELD_REQUIRED")
    assert (item.result.outcome, item.result.reason) == (QUARANTINED, "FIELD_FORMAT")
    assert await groups(door) == [("shop", "FIELD_FORMAT", "event", 1)]


async def test_bad_events_do_not_hide_the_good_ones_that_came_later(
    door: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.application.redrive.MOST", 2)
    for number in range(5):  # the three oldest stay bad
        good = {"event": "Order Done"} if number > 2 else {"event": None}
        await door.post("/v1/batch", json={"batch": [call(number, **good, userId=None)]})
    request = pb.RedriveRequest(selection=pb.QuarantineSelection(reason="FIELD_REQUIRED"))
    ParseDict({"userId": "h1"}, request.merge_patch)
    outcomes = []
    for _ in range(5):
        answer = await door.aside.Redrive(request, timeout=10)
        outcomes.append([item.result.outcome for item in answer.results])
        request.page_token = answer.next_page_token
        if not answer.next_page_token:
            break
    assert outcomes == [[QUARANTINED] * 2, [QUARANTINED, ACCEPTED], [ACCEPTED]]
    assert await groups(door) == [("shop", "FIELD_REQUIRED", "event", 3)]


async def test_a_token_of_another_kind_is_refused(door: Ingestion) -> None:
    selection = pb.QuarantineSelection(reason="FIELD_REQUIRED")
    for token in ("nonsense", base64.urlsafe_b64encode(b'[1, 2, "x"]').decode()):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await door.aside.Redrive(pb.RedriveRequest(selection=selection, page_token=token), timeout=10)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_event_mended_wrongly_is_kept_aside_once(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(1), call(2)]})
    await door.post("/v1/batch", json={"batch": [call(1, properties={"amount": 2})]})
    (before,) = await door.quarantine()
    (item,) = await redrive(door, patch={"message_id": "m2"}, reason="ID_REUSED")
    (after,) = await door.quarantine()
    assert (item.result.outcome, item.result.reason) == (QUARANTINED, "ID_REUSED")
    assert (item.quarantine_id, item.kept_quarantine_id) == (before.quarantine_id, after.quarantine_id)
    assert after.quarantine_id != before.quarantine_id
    (item,) = await redrive(door, reason="ID_REUSED")
    assert (item.quarantine_id, item.kept_quarantine_id) == (after.quarantine_id, "")
    (item,) = await redrive(door, patch={"message_id": "m3"}, reason="ID_REUSED")
    assert item.result.outcome == ACCEPTED
    assert await door.quarantine() == []


async def test_an_event_that_came_in_otherwise_meanwhile_is_known(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(1, event=None)]})
    await door.post("/v1/batch", json={"batch": [call(1)]})
    (item,) = await redrive(door, patch={"event": "Order Done"}, reason="FIELD_REQUIRED")
    assert item.result.outcome == DUPLICATE
    assert len(await door.events()) == 1
    assert await door.quarantine() == []


async def test_an_event_under_a_used_id_gets_another_one(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(1)]})
    other = call(1, properties={"amount": 2, "email": "ada@example.com"})
    await door.post("/v1/batch", json={"batch": [other]})
    (item,) = await redrive(door, reason="ID_REUSED")
    assert (item.result.outcome, item.result.reason) == (QUARANTINED, "ID_REUSED")
    (item,) = await redrive(door, patch={"message_id": "m1-again"}, reason="ID_REUSED")
    assert item.result.outcome == ACCEPTED
    (event,) = [event for event in await door.events() if event.data]
    assert event.data == {"amount": 2}
    assert event.sealed.keys() == {"email"}
    assert await door.quarantine() == []


async def test_a_declared_event_and_a_posthog_capture_are_mended_too(door: Ingestion) -> None:
    await door.ingest(pb.IngestEvent(message_id="g1", type="", identifiers={"user_id": "h1"}))
    capture = {"distinct_id": "h1", "uuid": "p1", "properties": {"amount": 1}}
    await door.post("/batch/", json={"batch": [capture]})
    assert len(await door.quarantine()) == 2
    results = await redrive(door, patch={"type": "order.done", "event": "Order Done"}, reason="FIELD_REQUIRED")
    assert [item.result.outcome for item in results] == [ACCEPTED, ACCEPTED]
    assert [event.type for event in await door.events()] == ["order.done"] * 2


async def test_events_of_no_use_are_forgotten(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [call(number, event=None) for number in range(3)]})
    request = pb.DiscardRequest(selection=pb.QuarantineSelection(reason="FIELD_REQUIRED"))
    assert (await door.aside.Discard(request, timeout=10)).discarded == 3
    assert await door.quarantine() == []


async def test_what_is_no_json_can_be_mended_too_and_holds_nothing_up(door: Ingestion) -> None:
    odd = '{"type": "track", "userId": "h2", "messageId": "m2", "properties": {"a": NaN}}'
    deep = odd.replace("h2", "h3").replace("m2", "m3").replace("NaN", "[" * 4_000 + "]" * 4_000)
    await door.post("/v1/batch", data=f'{{"batch": [{json.dumps(call(1, event=None))}, {odd}, {deep}]}}')
    assert sorted((reason, count) for _, reason, _, count in await groups(door)) == [
        ("BAD_ATTRIBUTES", 1),
        ("FIELD_REQUIRED", 2),
    ]
    ids = [row.quarantine_id for row in await door.quarantine()]
    named = await redrive(door, patch={"event": "Order Done"}, quarantine_ids=ids)
    assert sorted(item.result.outcome for item in named) == sorted([ACCEPTED, QUARANTINED, QUARANTINED])
    whole = await redrive(
        door, patch={"properties": {"a": 1}}, quarantine_ids=[row.quarantine_id for row in await door.quarantine()]
    )
    assert sorted(item.result.outcome for item in whole) == sorted([ACCEPTED, QUARANTINED])
    assert len(await door.events()) == 2
    assert len(await door.quarantine()) == 1


async def test_a_selection_of_everything_is_refused(door: Ingestion) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await redrive(door)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_payloads_are_for_those_who_know_the_access_token(
    postgres_dsn: str,
    nats_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys", key_access_token="word")) as door:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await redrive(door, reason="FIELD_REQUIRED")
        assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
        await door.post("/v1/batch", json={"batch": [call(1, event=None)]})
        (kept,) = await door.quarantine()
        monkeypatch.setattr(Installation, "load", lambda _home: told(door, key_access=""))
        with pytest.raises(CannotRun, match="CAIRN_KEY_ACCESS_TOKEN"):
            await asyncio.to_thread(quarantine.show, kept.quarantine_id)
        monkeypatch.setattr(Installation, "load", lambda _home: told(door, key_access="word"))
        await asyncio.to_thread(quarantine.show, kept.quarantine_id)
        assert '"messageId": "m1"' in capsys.readouterr().out


def told(door: Ingestion, *, key_access: str) -> Installation:
    """As `journeyctl up` writes down what it runs."""
    return Installation(dict.fromkeys(SERVICES, door.address), {}, {}, "", "", key_access)
