"""Data quality at a glance, and a schema proposed from what came in."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import QualityServiceStub
from ingestion.application import observe

from .house import OTHER_KEY, Ingestion, ingestion, settings
from .test_event_types import apply, order

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def door(
    postgres_dsn: str, nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ingestion]:
    monkeypatch.setattr(observe, "WRITE_EVERY_S", 0.05)
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


async def quality(door: Ingestion, *, events: int) -> pb.GetQualityResponse:
    """Once that many events of all kinds are written down."""
    async with grpc.aio.insecure_channel(door.app.chassis.settings.grpc_address) as channel:
        stub = QualityServiceStub(channel)
        while True:
            answer = await stub.GetQuality(pb.GetQualityRequest(), timeout=10)
            if sum(item.accepted + item.duplicates + item.quarantined for item in answer.sources) >= events:
                return answer


async def test_volume_freshness_and_rejects_are_told_by_source(door: Ingestion) -> None:
    good, bad = [order(number, amount=1) for number in range(4)], {"type": "track", "userId": "h1", "messageId": "b"}
    await door.post("/v1/batch", json={"batch": [*good, good[0], bad]})
    await door.post("/v1/batch", json={"batch": good}, key=OTHER_KEY)
    (source,) = (await quality(door, events=6)).sources
    assert (source.source, source.accepted, source.duplicates, source.quarantined) == ("shop", 4, 1, 1)
    assert source.last_received_time.seconds > 1_700_000_000


async def test_missing_fields_and_drift_are_told_by_event_type(door: Ingestion) -> None:
    await apply(door, mode="learn")
    batch = [order(number, amount=1) for number in range(6)]
    await door.post("/v1/batch", json={"batch": [*batch, order(8, amount="x", email="ada@example.com"), order(9)]})
    (type_,) = (await quality(door, events=8)).event_types
    assert (type_.event_type, type_.events, type_.described) == ("order.completed", 8, True)
    shares = {field.path: (field.missing_share, list(field.kinds)) for field in type_.fields}
    assert shares == {"amount": (0.125, ["integer", "string"]), "email": (0.875, ["string"])}
    assert list(type_.drift) == ["amount is also string", "email is not described"]
    rows = await door.rows("SELECT * FROM observed_fields")
    assert "ada" not in repr([tuple(row.values()) for row in rows])


async def test_a_schema_is_proposed_from_what_came_in(door: Ingestion) -> None:
    await door.post("/v1/batch", json={"batch": [order(number, amount=number + 0.5) for number in range(60)]})
    await quality(door, events=60)
    async with grpc.aio.insecure_channel(door.app.chassis.settings.grpc_address) as channel:
        stub = QualityServiceStub(channel)
        answer = await stub.ProposeSchema(pb.ProposeSchemaRequest(event_type="order.completed"), timeout=10)
        assert answer.events == 60
        assert json.loads(answer.json_schema)["properties"] == {"amount": {"type": "number"}}
        assert json.loads(answer.json_schema)["required"] == ["amount"]
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.ProposeSchema(pb.ProposeSchemaRequest(event_type="sneezed"), timeout=10)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
