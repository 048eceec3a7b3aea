"""What senders do on a connection that no client library does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingestion.adapters import http_protocol

from .house import KEY, Ingestion, ingestion, settings

pytestmark = pytest.mark.timeout(600)

EVENT = '{"type": "track", "event": "Seen", "userId": "h1", "messageId": "%s"}'
HEAD = f"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}\r\n"


@pytest.fixture
async def door(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Ingestion]:
    async with ingestion(settings(postgres_dsn, nats_url, tmp_path / "keys")) as service:
        yield service


async def spoken(door: Ingestion, said: bytes, *, last: bool = False) -> bytes:
    """All that the front door says until it closes the connection; `last`: nothing more will be said."""
    host, _, port = door.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(said)
        if last:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def request(path: str, body: str, *headers: str) -> bytes:
    more = [*headers, f"Content-Length: {len(body)}"]
    return (HEAD % path + "".join(f"{line}\r\n" for line in more) + "\r\n" + body).encode()


def code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body).get("code", "")


async def test_a_sender_that_is_half_gone_gets_its_answers(door: Ingestion) -> None:
    three = b"".join(request("/v1/track", EVENT % name) for name in ("a", "b", "c"))
    assert (await spoken(door, three, last=True)).count(b"200 OK") == 3
    assert len(await door.events()) == 3
    assert await spoken(door, request("/v1/track", EVENT % "d")[:-5], last=True) == b""
    assert len(await door.events()) == 3


async def test_senders_that_never_come_to_an_end_are_sent_away(
    door: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "ARRIVE_S", 0.2)
    for slow in (b"POST /v1/ba", request("/v1/track", EVENT % "slow")[:-1]):
        assert code(await spoken(door, slow)) == (408, "TOO_SLOW")
    endless = (HEAD % "/v1/track").encode() + b"X-More: " + b"y" * 100_000
    assert code(await spoken(door, endless)) == (431, "HEAD_SIZE")
    monkeypatch.setattr(http_protocol, "IDLE_S", 0.2)
    assert await spoken(door, b"") == b""
    assert await door.events() == []


async def test_what_is_no_request_is_refused_in_the_form_of_all_answers(door: Ingestion) -> None:
    sized = (HEAD % "/v1/track").encode() + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n"
    for said in (b"\x16\x03\x01\x02\x00\x01\x00", sized, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        assert code(await spoken(door, said)) == (400, "BROKEN_HTTP")


async def test_refusals_say_where_and_what_to_do(door: Ingestion) -> None:
    broken = await door.post("/v1/batch", data='{"batch": [{"a": }]}')
    assert (broken.json()["code"], broken.json()["at_byte"]) == ("BROKEN_JSON", 17)
    packed = await door.post("/v1/batch", data=b"\x28\xb5\x2f\xfd", headers={"Content-Encoding": "zstd"})
    assert (packed.status_code, packed.json()["code"]) == (415, "ENCODING")
    assert packed.headers["accept-encoding"] == "gzip"
    nobody = await door.post("/v1/batch", key="", data=rb'{"batch": [{}], "writeKey": "\ud800"}')
    assert (nobody.status_code, nobody.json()["code"]) == (401, "WRITE_KEY")
    assert (await door.post("//v1/track", data=EVENT % "double")).status_code == 200


async def test_clients_that_can_divide_a_batch_are_told_to(door: Ingestion) -> None:
    many = json.dumps({"batch": [{}] * 2_501})
    for path, status in (("/batch/", 413), ("/v1/batch", 400)):
        answer = await door.post(path, data=many)
        assert (answer.status_code, answer.json()["code"]) == (status, "BATCH_SIZE")
