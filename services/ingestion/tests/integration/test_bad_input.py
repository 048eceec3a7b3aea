"""What happens to bad input at a real front door: gRPC, and HTTP where its clients make other mistakes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct, Value
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from cairn.ingestion.v1 import ingestion_pb2 as pb

from .house import KEY, Ingestion, ingestion, settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AUTHORIZED = (("authorization", f"Bearer {KEY}"),)
ODD = "'; DROP TABLE events; -- {{ 7*7 }} ${jndi:x} (a+)+$ %s \\x00 <script>"


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


def event(message_id: str = "m1", type: str = "Basket Purchased", **fields: Any) -> pb.IngestEvent:
    identifiers = fields.pop("identifiers", {"user_id": "h1"})
    told = pb.IngestEvent(message_id=message_id, type=type, identifiers=identifiers)
    told.properties.CopyFrom(fields.pop("properties", Struct()))
    if seconds := fields.pop("seconds", None):
        told.event_time.seconds = seconds
    return told


def deep(levels: int) -> Struct:
    inner = Struct(fields={"a": Value(number_value=1)})
    for _ in range(levels - 1):
        inner = Struct(fields={"a": Value(struct_value=inner)})
    return inner


def one(name: str, value: Any) -> Struct:
    told = Struct()
    told.update({name: value})
    return told


BAD = {
    "no message id": (event(""), "FIELD_REQUIRED", "message_id"),
    "no type": (event(type=""), "FIELD_REQUIRED", "type"),
    "nobody named": (event(identifiers={}), "FIELD_REQUIRED", "identifiers"),
    "junk names nobody": (
        event(identifiers={"user_id": "null", "email": "test@x.example"}),
        "FIELD_REQUIRED",
        "identifiers",
    ),
    "unknown namespace": (event(identifiers={"shoe": "42"}), "FIELD_FORMAT", "identifiers.shoe"),
    "another's profile": (event(identifiers={"cairn_profile": "x"}), "FIELD_FORMAT", "identifiers.cairn_profile"),
    "a fact of ours": (event(type="identity.merged"), "FIELD_FORMAT", "type"),
    "a message id too long": (event("x" * 101), "TOO_LARGE", "message_id"),
    "a message id that turns": (event("m\u202e1"), "BAD_TEXT", "message_id"),
    "a NUL": (event(identifiers={"user_id": "a\0b"}), "BAD_TEXT", "identifiers.user_id"),
    "an id that turns": (event(identifiers={"user_id": "h\u202e1"}), "BAD_TEXT", "identifiers.user_id"),
    "too large": (event(properties=one("text", "x" * 33_000)), "TOO_LARGE", ""),
    "too deep": (event(properties=deep(33)), "BAD_ATTRIBUTES", "properties" + ".a" * 32),
    "too many keys": (
        event(properties=Struct(fields={str(n): Value(bool_value=True) for n in range(1_001)})),
        "BAD_ATTRIBUTES",
        "properties",
    ),
    "not a number": (event(properties=one("a", float("nan"))), "BAD_ATTRIBUTES", "properties.a"),
    "beyond all numbers": (event(properties=one("a", float("inf"))), "NUMBER_RANGE", "properties.a"),
    "a NUL within": (event(properties=one("a", "\0")), "BAD_TEXT", "properties.a"),
    "before 1970": (event(seconds=-1), "TIME_RANGE", "timestamp"),
    "the year 9999": (event(seconds=253_402_300_799), "TIME_RANGE", "timestamp"),
    "no year at all": (event(seconds=10**15), "TIME_RANGE", "timestamp"),
    "two days ahead": (event(seconds=4_102_444_800), "TIME_RANGE", "timestamp"),
}


async def test_each_bad_event_is_kept_aside_with_reason_and_field_and_the_good_ones_are_taken_in(
    door: Ingestion,
) -> None:
    good = [event(f"good-{number}") for number in range(2)]
    answer = await door.ingest(good[0], *(told for told, *_ in BAD.values()), good[1])
    first, *bad, last = answer.results
    assert [first.outcome, last.outcome] == [pb.IngestResult.OUTCOME_ACCEPTED] * 2
    for index, (name, (_, reason, field)) in enumerate(BAD.items(), start=1):
        place = f"events[{index}].{field}" if field else f"events[{index}]"
        assert (bad[index - 1].reason, bad[index - 1].field) == (reason, place), name
    assert len(await door.events()) == 2


async def test_bytes_that_are_no_message_are_told_apart_from_a_fault_of_ours(door: Ingestion) -> None:
    async with grpc.aio.insecure_channel(door.app.chassis.settings.grpc_address) as channel:
        unary: Any = channel.unary_unary("/cairn.ingestion.v1.IngestionService/Ingest")
        stream: Any = channel.stream_stream("/cairn.ingestion.v1.IngestionService/IngestStream")

        async def broken() -> AsyncIterator[bytes]:
            yield b"\xff\xff\xff"

        with pytest.raises(grpc.aio.AioRpcError) as alone:
            await unary(b"\xff\xff\xff", metadata=AUTHORIZED, timeout=10)
        with pytest.raises(grpc.aio.AioRpcError) as streamed:
            async for _ in stream(broken(), metadata=AUTHORIZED, timeout=10):
                pass
    for raised in (alone, streamed):
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        told = rpc_status.from_call(raised.value)  # type: ignore[arg-type]  # the stubs know only calls that are not aio
        assert told is not None
        detail = ErrorInfo()
        told.details[0].Unpack(detail)
        assert detail.reason == "UNDECODABLE"


async def test_the_same_id_with_other_content_is_kept_aside_and_told_over_grpc_too(door: Ingestion) -> None:
    first, again, other = event(), event(), event(properties=one("amount", 2))
    answer = await door.ingest(first, again, other)
    outcomes = [(row.outcome, row.reason) for row in answer.results]
    assert outcomes == [
        (pb.IngestResult.OUTCOME_ACCEPTED, ""),
        (pb.IngestResult.OUTCOME_DUPLICATE, ""),
        (pb.IngestResult.OUTCOME_QUARANTINED, "ID_REUSED"),
    ]
    assert answer.results[1].event_id == answer.results[0].event_id


async def test_what_looks_like_code_comes_back_byte_by_byte(door: Ingestion) -> None:
    await door.ingest(event(properties=one("text", ODD), identifiers={"user_id": ODD}))
    body = {"type": "track", "event": "Said", "userId": ODD, "messageId": "h1", "properties": {"text": ODD, ODD: 1}}
    await door.post("/v1/batch", json={"batch": [body]})
    told = sorted((dict(item.data) for item in await door.events()), key=len)
    assert told == [{"text": ODD}, {"text": ODD, ODD: 1}]
    assert await door.quarantine() == []


async def test_a_row_that_its_source_cannot_read_is_kept_aside_and_redriven_when_it_is_mended(door: Ingestion) -> None:
    row = event("orders/orders.csv:17", properties=one("ordered", "yesterday"))
    row.unreadable = "orders.csv:17 ordered is no time"
    for _ in range(2):
        answer = await door.ingest(row)
        assert (answer.results[0].reason, answer.results[0].field) == ("UNREADABLE", row.unreadable)
    (kept,) = await door.quarantine()
    assert kept.message_id == "orders/orders.csv:17"
    request = pb.RedriveRequest(selection=pb.QuarantineSelection(reason="UNREADABLE"))
    await door.aside.Redrive(request, timeout=10)
    assert await door.events() == []
    request.merge_patch.update({"unreadable": None, "event_time": 1_709_251_200_000_000})
    await door.aside.Redrive(request, timeout=10)
    (taken,) = await door.events()
    assert taken.event_time == 1_709_251_200_000_000
    assert await door.quarantine() == []
