"""Against a real receiver: signatures, doubt, and every kind of answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from cairn_connector import CannotAsk, Dispatch, InDoubt, Rejected, Status, Transient
from connector_webhook.http import WebhookConnector
from connector_webhook.settings import WebhookSettings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Reply = Callable[[bytes], bytes | None]


def dispatch(body: str = '{"task": "call"}') -> Dispatch:
    return Dispatch("d-1", 1, "default", "call-them", "call-list", {"body": body}, "en", 4e9)


@asynccontextmanager
async def receiver(reply: Reply) -> AsyncIterator[tuple[WebhookConnector, list[bytes]]]:
    """Answer each request with what `reply` makes of it; None: hang up without a word."""
    calls: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        calls.append(head + await reader.readexactly(length))
        if (answer := reply(calls[-1])) is not None:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = WebhookSettings(
        webhook_url=f"http://127.0.0.1:{port}/hooks",
        webhook_secret=SECRET,
        webhook_query_url=f"http://127.0.0.1:{port}/messages",
        webhook_timeout_s=2.0,
    )
    connector = WebhookConnector(settings)
    try:
        yield connector, calls
    finally:
        connector.close()
        server.close()


def answering(status: int, headers: str = "", body: str = "") -> Reply:
    text = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    return lambda _: text.encode()


async def test_a_call_is_signed_and_named_by_its_delivery() -> None:
    async with receiver(answering(204)) as (connector, calls):
        outcome = await connector.deliver(dispatch())
    head, _, body = calls[0].partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    content = Webhook(SECRET).verify(body, headers)
    assert outcome.status is Status.DELIVERED
    assert headers["webhook-id"] == "d-1"
    assert content["data"]["content"] == {"body": {"task": "call"}}
    assert content["data"]["recipient"] == "call-list"


@pytest.mark.parametrize(
    ("status", "headers", "fault", "reason"),
    [
        (400, "", Rejected, "HTTP_400"),
        (302, "Location: http://127.0.0.1/\r\n", Rejected, "HTTP_302"),
        (410, "", Rejected, "HTTP_410"),
        (429, "Retry-After: 7\r\n", Transient, "HTTP_429"),
        (503, "", Transient, "HTTP_503"),
        (500, "", InDoubt, "HTTP_500"),
    ],
)
async def test_each_answer_means_one_thing(status: int, headers: str, fault: type[Exception], reason: str) -> None:
    async with receiver(answering(status, headers)) as (connector, _):
        with pytest.raises(fault, match=reason) as caught:
            await connector.deliver(dispatch())
    if isinstance(caught.value, Transient) and headers:
        assert caught.value.retry_after_s == 7.0


async def test_who_hangs_up_leaves_a_doubt_and_who_is_not_there_none() -> None:
    async with receiver(lambda _: None) as (connector, _):
        with pytest.raises(InDoubt):
            await connector.deliver(dispatch())
    connector = WebhookConnector(WebhookSettings(webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET))
    with pytest.raises(Transient):
        await connector.deliver(dispatch())
    connector.close()


async def test_the_receiver_is_asked_by_webhook_id() -> None:
    found = json.dumps({"messages": [{"received_at": 5.0}]})
    async with receiver(answering(200, body=found)) as (connector, calls):
        outcome = await connector.lookup("d-1")
    async with receiver(answering(200, body='{"messages": []}')) as (connector, _):
        assert await connector.lookup("d-1") is None
    async with receiver(answering(500)) as (connector, _):
        with pytest.raises(Transient):
            await connector.lookup("d-1")
    assert outcome is not None
    assert (outcome.status, outcome.occurred_at) == (Status.DELIVERED, 5.0)
    assert calls[0].startswith(b"GET /messages?id=d-1 ")


async def test_without_an_address_to_ask_it_says_so_and_without_a_secret_it_does_not_start() -> None:
    connector = WebhookConnector(WebhookSettings(webhook_url="http://127.0.0.1:9/"))
    with pytest.raises(CannotAsk):
        await connector.lookup("d-1")
    with pytest.raises(Rejected, match="NO_URL_OR_SECRET"):
        await connector.check()
    connector.close()


def test_the_signature_is_that_of_the_standard() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    assert Webhook(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}') == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
