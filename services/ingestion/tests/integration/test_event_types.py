"""Event types and sources as a programme describes them, at a real front door."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_journey import load_text

from .house import OTHER_KEY, Ingestion, ingestion, settings

pytestmark = pytest.mark.timeout(600)

PROGRAMME = """
kind: EventType
name: order.completed
version: {version}
mode: {mode}
personal: [gift_note]
schema: {schema}
---
kind: Source
name: shop
unknown: {unknown}
quota: {{per_second: 10}}
"""
SCHEMA = "{type: object, required: [amount], properties: {amount: {type: number}, lines: {items: {required: [sku]}}}}"


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


async def apply(
    door: Ingestion,
    *,
    mode: str = "strict",
    schema: str = SCHEMA,
    unknown: str = "accept",
    version: int = 1,
    check: bool = False,
) -> None:
    bundle = load_text(PROGRAMME.format(mode=mode, schema=schema, unknown=unknown, version=version)).bundle()
    async with grpc.aio.insecure_channel(door.app.chassis.settings.grpc_address) as channel:
        stub = DefinitionServiceStub(channel)
        if check:
            await stub.Check(definition_pb2.CheckRequest(bundle=bundle), timeout=10)
        else:
            await stub.Apply(definition_pb2.ApplyRequest(bundle=bundle), timeout=10)


def order(number: int, **properties: object) -> dict[str, object]:
    about = {"userId": f"h{number}", "messageId": f"m{number}"}
    return {"type": "track", "event": "Order Completed", **about, "properties": properties}


async def reasons(door: Ingestion) -> list[tuple[str, str]]:
    return sorted((row.reason, row.field) for row in await door.quarantine())


async def test_what_does_not_fit_a_strict_type_is_kept_aside_with_its_path(door: Ingestion) -> None:
    await apply(door, version=3)
    batch = [order(1, amount=1), order(2), order(3, amount="x"), order(4, amount=1, lines=[{"sku": "a"}, {}])]
    await door.post("/v1/batch", json={"batch": batch})
    (event,) = await door.events()
    assert event.version == 3
    assert await reasons(door) == [
        ("SCHEMA", "batch[1].properties.amount"),
        ("SCHEMA", "batch[2].properties.amount"),
        ("SCHEMA", "batch[3].properties.lines[1].sku"),
    ]
    answer = await door.ingest(pb.IngestEvent(message_id="g1", type="order.completed", identifiers={"user_id": "h9"}))
    assert (answer.results[0].reason, answer.results[0].field) == ("SCHEMA", "events[0].properties.amount")


@pytest.mark.parametrize("mode", ["learn", "open"])
async def test_other_types_take_everything_in(door: Ingestion, mode: str) -> None:
    await apply(door, mode=mode)
    await door.post("/v1/batch", json={"batch": [order(1, amount="x")]})
    assert len(await door.events()) == 1


async def test_fields_that_are_said_to_be_personal_are_sealed(door: Ingestion) -> None:
    await apply(door)
    await door.post("/v1/batch", json={"batch": [order(1, amount=1, line={"gift_note": "to Ada"})]})
    (event,) = await door.events()
    assert event.data == {"amount": 1, "line": {}}
    assert event.sealed.keys() == {"line.gift_note"}


async def test_a_source_may_be_held_to_known_types_and_other_tenants_are_not(door: Ingestion) -> None:
    await apply(door, unknown="quarantine")
    other = {"type": "track", "event": "Sneezed", "userId": "h1", "messageId": "s1"}
    await door.post("/v1/batch", json={"batch": [other, order(1, amount=1)]})
    await door.post("/v1/batch", json={"batch": [other]}, key=OTHER_KEY)
    assert await reasons(door) == [("UNKNOWN_TYPE", "batch[0].event")]
    assert len(await door.events()) == 2


async def test_a_source_that_sends_more_than_it_may_is_told_to_come_back(door: Ingestion) -> None:
    await apply(door)
    first = [order(number, amount=1) for number in range(500)]
    assert (await door.post("/v1/batch", json={"batch": first})).status_code == 200
    more = {"batch": [order(number, amount=1) for number in range(500, 700)]}
    answer = await door.post("/v1/batch", json=more)
    assert (answer.status_code, answer.json()["code"]) == (429, "QUOTA")
    assert 10 <= int(answer.headers["Retry-After"]) <= 60
    assert (await door.post("/v1/batch", json=more, key=OTHER_KEY)).status_code == 200


async def test_a_schema_that_would_refuse_what_was_allowed_is_refused_unless_its_version_goes_up(
    door: Ingestion,
) -> None:
    await apply(door)
    narrower = SCHEMA.replace("[amount]", "[amount, currency]")
    for check in (True, False):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await apply(door, schema=narrower, check=check)
        assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "order.completed: currency: it must be there now" in (refusal.value.details() or "")
    await apply(door, schema=narrower, version=2)
    await door.post("/v1/batch", json={"batch": [order(1, amount=1)]})
    assert await reasons(door) == [("SCHEMA", "batch[0].properties.currency")]


async def test_mended_programmes_let_kept_events_in(door: Ingestion) -> None:
    await apply(door)
    await door.post("/v1/batch", json={"batch": [order(1, amount="x")]})
    await apply(door, mode="open")
    request = pb.RedriveRequest(selection=pb.QuarantineSelection(reason="SCHEMA"))
    (item,) = (await door.aside.Redrive(request, timeout=10)).results
    assert item.result.outcome == pb.IngestResult.OUTCOME_ACCEPTED
