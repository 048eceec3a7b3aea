"""The unmodified Segment client and gRPC, over real PostgreSQL and NATS."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_eventstore import FileKeyProvider, open_field
from cairn_kernel.event import Identifier
from cairn_kernel.ids import stable_id

from .house import DEVICE_KEY, KEY, OTHER_KEY, Ingestion, ingestion, sdk, settings

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


async def send(door: Ingestion, say: Callable[[Any], None], *, key: str = KEY, **more: Any) -> list[Exception]:
    """Let Segment's client say something, and return what it gave up."""
    failures: list[Exception] = []

    def run() -> None:
        client = sdk(door.url, key, failures, **more)
        say(client)
        client.shutdown()

    await asyncio.to_thread(run)
    return failures


def call(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Basket Purchased", "userId": "h1", "messageId": "m1", **fields}


async def test_every_call_of_the_sdk_becomes_an_event(door: Ingestion) -> None:
    def say(client: Any) -> None:
        client.track("h1", "Basket Purchased", {"amount": 12.5, "card": "12 34"}, message_id="m1")
        client.identify("h1", {"email": "H1@Households.example", "income": "50-74K", "name": "Ada"}, message_id="m2")
        client.page("h1", "shop", "Home", {"path": "/"}, message_id="m3")
        client.screen("h1", None, "Basket", message_id="m4")
        client.group("h1", "g1", {"name": "The Does"}, message_id="m5")
        client.alias("anon-1", "h1", message_id="m6")

    assert await send(door, say) == []
    events = {event.type: event for event in await door.events()}
    assert events.keys() == {
        "basket.purchased",
        "profile.identified",
        "page.viewed",
        "screen.viewed",
        "group.joined",
        "identity.aliased",
    }
    identified = events["profile.identified"]
    assert identified.id == stable_id("event", "default", "shop", "m2")
    assert identified.data == {"income": "50-74K"}
    assert identified.sealed.keys() == {"email", "name"}
    assert [name for name, _ in identified.identifiers] == ["user_id", "email"]
    assert events["basket.purchased"].data == {"amount": 12.5}
    assert events["page.viewed"].data == {"path": "/", "name": "Home", "category": "shop"}
    assert events["group.joined"].data == {"name": "The Does", "group_id": "g1"}
    assert [name for name, _ in events["identity.aliased"].identifiers] == ["user_id", "anonymous_id"]


async def test_what_is_sealed_opens_with_the_unwrapped_key_and_is_nowhere_in_clear(
    door: Ingestion, tmp_path: Path
) -> None:
    await send(door, lambda client: client.identify("h1", {"email": "ada@example.com"}, message_id="m1"))
    await send(door, lambda client: client.track("h1", "", {"email": "ada@example.com"}, message_id="m2"))
    (event,) = await door.events()
    unknown = stable_id("nothing")
    answer = await door.keys.Unwrap(pb.UnwrapRequest(key_ids=[event.key_id, unknown, "no id"]), timeout=10)
    assert answer.keys.keys() == {event.key_id}
    opened = open_field(
        answer.keys[event.key_id],
        tenant="default",
        key_id=event.key_id,
        field="email",
        sealed=event.sealed["email"],
    )
    assert json.loads(opened) == "ada@example.com"
    (aside,) = await door.rows("SELECT * FROM quarantine")
    key = (await door.keys.Unwrap(pb.UnwrapRequest(key_ids=[str(aside["key_id"])]))).keys[str(aside["key_id"])]
    payload = open_field(key, tenant="default", key_id=str(aside["key_id"]), field="payload", sealed=aside["payload"])
    assert json.loads(payload)["properties"] == {"email": "ada@example.com"}
    tables = [
        row["tablename"] for row in await door.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'ingestion'")
    ]
    for table in tables:
        for row in await door.rows(f"SELECT * FROM {table}"):
            assert b"ada@example" not in b"|".join(value for value in row.values() if isinstance(value, bytes))
            assert "ada@example" not in repr(tuple(row.values()))


async def test_a_repeat_is_taken_in_once_and_another_event_under_its_id_is_kept_aside(door: Ingestion) -> None:
    for _ in range(3):
        assert await send(door, lambda client: client.track("h1", "Basket Purchased", {"n": 1}, message_id="m1")) == []
    assert len(await door.events()) == 1
    assert await door.quarantine() == []
    for _ in range(2):
        assert await send(door, lambda client: client.track("h1", "Basket Purchased", {"n": 2}, message_id="m1")) == []
    assert len(await door.events()) == 1
    assert [(event.reason, event.field, event.message_id) for event in await door.quarantine()] == [
        ("ID_REUSED", "batch[0].messageId", "m1")
    ]


async def test_a_repeat_after_many_days_is_known_by_the_log_itself(door: Ingestion) -> None:
    body = {"batch": [call(), call(messageId="m2")]}
    assert (await door.post("/v1/batch", json=body)).status_code == 200
    today = (await door.rows("SELECT max(day) FROM seen_days"))[0][0]
    await door.rows("UPDATE seen_days SET day = day - 4 RETURNING 1")  # as if it were four days later
    assert (await door.post("/v1/batch", json={"batch": [call(messageId="m3")]})).status_code == 200
    assert await door.rows(f"SELECT count(*) FROM seen_{today % 4}") == [(1,)]
    assert (await door.post("/v1/batch", json={"batch": [*body["batch"], call(messageId="m4")]})).status_code == 200
    assert len(await door.events()) == 4
    assert await door.quarantine() == []


async def test_an_unknown_write_key_is_told_and_nothing_is_kept(door: Ingestion) -> None:
    failures = await send(door, lambda client: client.track("h1", "Basket Purchased"), key="not-a-known-key")
    assert [getattr(failure, "status", None) for failure in failures] == [401]
    assert await door.events() == []


async def test_one_poison_event_does_not_harm_its_batch(door: Ingestion) -> None:
    def say(client: Any) -> None:
        client.track("h1", "Basket Purchased", {"n": 1}, message_id="good-1")
        client.track("h1", "Basket Purchased", {"amount": float("nan")}, message_id="nan")
        client.track("h1", "Basket Purchased", {"text": "\ud800"}, message_id="surrogate")
        client.track("h1", "Basket Purchased", {"text": "\x00"}, message_id="nul")
        client.track("h1", "Basket Purchased", {"n": 10**30}, message_id="huge")
        client.track("guest", "Basket Purchased", message_id="nobody")
        client.track("h1", "Basket Purchased", {"n": 2}, message_id="good-2")

    assert await send(door, say, upload_size=100) == []
    assert len(await door.events()) == 2
    assert {event.message_id: (event.reason, event.field.partition(".")[2]) for event in await door.quarantine()} == {
        "nan": ("BAD_ATTRIBUTES", "properties.amount"),
        "surrogate": ("BAD_TEXT", "properties.text"),
        "nul": ("BAD_TEXT", "properties.text"),
        "huge": ("NUMBER_RANGE", "properties.n"),
        "nobody": ("FIELD_REQUIRED", "userId"),
    }


async def test_an_oversized_event_is_kept_aside_and_an_oversized_batch_refused(door: Ingestion) -> None:
    large = call(properties={"text": "x" * 40_000}, messageId="large")
    answer = await door.post("/v1/batch", json={"batch": [large, call()]})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [(event.reason, event.message_id) for event in await door.quarantine()] == [("TOO_LARGE", "large")]
    assert len(await door.events()) == 1
    text = json.dumps({"batch": [large] * 110})
    packed = gzip.compress(text.encode())
    for body, headers in ((text, {}), (packed, {"Content-Encoding": "gzip"})):
        answer = await door.post("/v1/batch", data=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "BATCH_SIZE")
    small = [call(messageId=str(number)) for number in range(2_501)]
    answer = await door.post("/v1/batch", json={"batch": small})
    assert (answer.status_code, answer.json()["code"]) == (400, "BATCH_SIZE")


BROKEN = [b"", b"{", b'{"batch": 7}', b"[1]", b'{"batch": [{"a": }]}', b"\x1f\x8bnonsense", b"{}"]


async def test_broken_bodies_are_refused_whole(door: Ingestion) -> None:
    for body in BROKEN:
        answer = await door.post("/v1/batch", data=body)
        assert (answer.status_code, answer.json()["success"]) == (400, False)


async def test_gzip_forms_and_plain_text_are_read_whatever_the_headers_say(door: Ingestion) -> None:
    body = json.dumps({"batch": [call(messageId="a")]}).encode()
    bodies = [(body, "text/plain"), (gzip.compress(body), "application/x-www-form-urlencoded")]
    for sent, kind in bodies:
        answer = await door.post("/v1/batch", data=sent, headers={"Content-Type": kind})
        assert answer.status_code == 200
    assert await send(door, lambda client: client.track("h1", "Basket Purchased", message_id="b"), gzip=True) == []
    assert len(await door.events()) == 2


async def test_browser_paths_cors_and_never_a_redirect(door: Ingestion) -> None:
    fields = {"userId": "h1", "event": "Seen", "groupId": "g", "previousId": "anon-7"}
    for index, path in enumerate(("/v1/t", "/v1/i", "/v1/p", "/v1/s", "/v1/g", "/v1/a", "/v1/track/")):
        body = {**fields, "messageId": f"m{index}", "writeKey": KEY}
        answer = await door.post(path, key="", json=body)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert len(await door.events()) == 7
    for path, method, status in (("/v1/batch", "OPTIONS", 204), ("/v1/batch", "GET", 405), ("/nothing", "POST", 404)):
        answer = await asyncio.to_thread(requests.request, method, door.url + path, timeout=5, allow_redirects=False)
        assert answer.status_code == status
    assert (await door.post("/v1/track", key="", json=fields)).status_code == 401


async def test_two_tenants_with_equal_ids_never_touch(door: Ingestion) -> None:
    for key in (KEY, OTHER_KEY):
        await send(door, lambda client: client.identify("h1", {"email": "a@b.example"}, message_id="m1"), key=key)
    first, second = await door.events()
    assert {first.tenant, second.tenant} == {"default", "acme"}
    assert first.id != second.id
    assert first.key_id != second.key_id
    assert not set(first.identifiers) & set(second.identifiers)


async def test_the_time_of_a_device_is_corrected_and_a_retry_of_it_is_still_a_repeat(door: Ingestion) -> None:
    def body(sent_at: str) -> dict[str, Any]:
        return {"batch": [call(timestamp="2020-01-01T00:00:00Z")], "sentAt": sent_at}

    assert (await door.post("/v1/batch", key=DEVICE_KEY, json=body("2020-01-01T00:00:05Z"))).status_code == 200
    assert (await door.post("/v1/batch", key=DEVICE_KEY, json=body("2020-01-01T00:01:05Z"))).status_code == 200
    (event,) = await door.events()
    assert event.as_of - event.event_time == pytest.approx(5_000_000, abs=1_000_000)
    assert await door.quarantine() == []


async def test_grpc_tells_the_fate_of_each_event(door: Ingestion) -> None:
    good = pb.IngestEvent(
        message_id="m1", type="Basket Purchased", identifiers={"card": "12 34", "email": "A@b.example"}
    )
    good.properties.update({"items": 3, "amount": 1.5, "email": "a@b.example"})
    nobody = pb.IngestEvent(message_id="m2", type="Basket Purchased")
    unknown = pb.IngestEvent(message_id="m3", type="Basket Purchased", identifiers={"shoe_size": "42"})
    forged = pb.IngestEvent(message_id="m4", type="identity.merged", identifiers={"user_id": "h1"})
    answer = await door.ingest(good, nobody, unknown, forged, good)
    fate = pb.IngestResult
    assert [(row.outcome, row.reason, row.field) for row in answer.results] == [
        (fate.OUTCOME_ACCEPTED, "", ""),
        (fate.OUTCOME_QUARANTINED, "FIELD_REQUIRED", "events[1].identifiers"),
        (fate.OUTCOME_QUARANTINED, "FIELD_FORMAT", "events[2].identifiers.shoe_size"),
        (fate.OUTCOME_QUARANTINED, "FIELD_FORMAT", "events[3].type"),
        (fate.OUTCOME_DUPLICATE, "", ""),
    ]
    (event,) = await door.events()
    assert event.id == answer.results[0].event_id
    assert event.data == {"items": 3, "amount": 1.5}
    assert [name for name, _ in event.identifiers] == ["email", "card"]


async def test_grpc_refuses_unknown_keys_and_wrong_sizes(door: Ingestion) -> None:
    event = pb.IngestEvent(message_id="m1", type="a", identifiers={"user_id": "h1"})
    for key, events, code in (
        ("unknown-key", [event], grpc.StatusCode.UNAUTHENTICATED),
        (KEY, [], grpc.StatusCode.INVALID_ARGUMENT),
        (KEY, [event] * 501, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await door.ingest(*events, key=key)
        assert raised.value.code() is code
    for request in (pb.ListQuarantineRequest(page_size=1_001), pb.ListQuarantineRequest(page_token="x")):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await door.api.ListQuarantine(request, timeout=10)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_personal_fields_are_opened_only_by_who_knows_the_word(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    chosen = settings(postgres_dsn, nats_url, tmp_path / "keys", key_access_token="open-sesame")
    async with ingestion(chosen) as door:
        event = pb.IngestEvent(message_id="m1", type="a", identifiers={"user_id": "h1"})
        event.properties.update({"email": "a@b.example"})
        await door.ingest(event)
        (stored,) = await door.events()
        request = pb.UnwrapRequest(key_ids=[stored.key_id])
        for metadata in ((), (("authorization", "Bearer wrong"),)):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await door.keys.Unwrap(request, metadata=metadata, timeout=10)
            assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED
        known = await door.keys.Unwrap(request, metadata=(("authorization", "Bearer open-sesame"),), timeout=10)
        assert len(known.keys[stored.key_id]) == 32


async def test_the_quarantine_is_paged_newest_first(door: Ingestion) -> None:
    for number in range(5):
        await door.ingest(pb.IngestEvent(message_id=str(number), type="a"))
    seen: list[str] = []
    token = ""
    while True:
        page = await door.api.ListQuarantine(pb.ListQuarantineRequest(page_size=2, page_token=token), timeout=10)
        seen += [event.message_id for event in page.events]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_as_of_never_falls_within_a_partition_and_positions_have_no_holes(door: Ingestion) -> None:
    await asyncio.gather(
        *(
            door.ingest(
                *(
                    pb.IngestEvent(message_id=f"{batch}-{index}", type="a", identifiers={"user_id": f"h{index}"})
                    for index in range(40)
                )
            )
            for batch in range(25)
        )
    )
    store = door.app.chassis.store
    found = 0
    for partition, head in (await store.heads()).items():
        stored = await store.read(partition, 0, 10_000)
        assert [item.position for item in stored] == list(range(1, head.position + 1))
        assert [item.event.as_of for item in stored] == sorted(item.event.as_of for item in stored)
        found += len(stored)
    assert found == 1_000


async def test_an_identifier_is_a_token_of_its_normalised_value(door: Ingestion, tmp_path: Path) -> None:
    await door.ingest(pb.IngestEvent(message_id="m", type="a", identifiers={"email": " Ada@Example.COM "}))
    (event,) = await door.events()
    token = FileKeyProvider(tmp_path / "keys").token("default", "email", "ada@example.com")
    assert event.identifiers == (Identifier("email", token),)
