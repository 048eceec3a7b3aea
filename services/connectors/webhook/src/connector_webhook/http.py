"""Posting to one address over a few connections that are kept open."""

import asyncio
import http.client
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from standardwebhooks import Webhook

from cairn_connector import CannotAsk, Dispatch, InDoubt, Outcome, Rejected, Status, Transient
from connector_webhook.call import body_of, clock, headers_of
from connector_webhook.settings import WebhookSettings

wall_clock: Final = time.time  # noqa: TID251 - receivers check the timestamp against theirs

BUSY: Final = frozenset({429, 503})
"""Refused before anything was done."""
STALE_S: Final = 2.0
"""An idle connection is not used again after so long: the other side may be closing it."""
UNCLEAR: Final = frozenset({500, 502, 504})
"""Something was done, or not."""


class Answer(NamedTuple):
    status: int
    retry_after: str
    body: bytes


class Unreached(Exception):
    """No connection: nothing was sent."""


class Line:
    """One connection, used by one thread at a time."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._target = urlsplit(url)
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def call(self, method: str, body: bytes | None, headers: Mapping[str, str], query: str = "") -> Answer:
        """Raises Unreached if nothing was sent, OSError or HTTPException if that is not known."""
        if time.monotonic() > self._used_at + STALE_S:
            self.close()
        connection = self._connection or self._connect()
        path = self._target.path or "/"
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, dict(headers))
            answer = connection.getresponse()
            told = Answer(answer.status, answer.headers.get("retry-after", ""), answer.read())
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()
        return told

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, timeout = self._target.netloc.rpartition("@")[2], self._timeout_s
        if self._target.scheme == "https":
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, timeout=timeout, context=ssl.create_default_context()
            )
        else:
            made = http.client.HTTPConnection(host, timeout=timeout)
        try:
            made.connect()
        except OSError as fault:
            raise Unreached from fault
        self._connection = made
        return made


class WebhookConnector:
    """A Connector that posts to one address."""

    def __init__(self, settings: WebhookSettings, seconds: Callable[[], float] = wall_clock) -> None:
        self._settings = settings
        self._seconds = seconds
        self._webhook = Webhook(settings.webhook_secret) if settings.webhook_secret else None
        self._threads = ThreadPoolExecutor(settings.webhook_connections + 1, thread_name_prefix="webhook")
        self._lines: asyncio.Queue[Line] = asyncio.Queue()
        for _ in range(settings.webhook_connections):
            self._lines.put_nowait(Line(settings.webhook_url, settings.webhook_timeout_s))

    async def deliver(self, dispatch: Dispatch) -> Outcome:
        if self._webhook is None:
            raise Transient("NO_SECRET")
        at = clock(self._seconds)
        body = body_of(dispatch, at)
        headers = headers_of(dispatch.delivery_id, body, at, self._webhook)
        line = await self._lines.get()
        try:
            answer = await self._run(line.call, "POST", body, headers)
        except Unreached as fault:
            raise Transient("UNREACHABLE", retry_after_s=1.0) from fault
        except (OSError, http.client.HTTPException) as fault:
            raise InDoubt("NO_ANSWER") from fault
        finally:
            self._lines.put_nowait(line)
        return _outcome(answer, dispatch.delivery_id)

    async def lookup(self, delivery_id: str) -> Outcome | None:
        if not self._settings.webhook_query_url:
            raise CannotAsk("NO_QUERY_URL")
        line = Line(self._settings.webhook_query_url, self._settings.webhook_timeout_s)
        try:
            answer = await self._run(line.call, "GET", None, {}, urlencode({"id": delivery_id}))
            messages = json.loads(answer.body)["messages"] if answer.status == 200 else None
        except (Unreached, OSError, http.client.HTTPException, ValueError, KeyError) as fault:
            raise Transient("QUERY_UNREACHABLE", retry_after_s=2.0) from fault
        finally:
            line.close()
        if messages is None:
            raise Transient(f"QUERY_HTTP_{answer.status}", retry_after_s=2.0)
        if not messages:
            return None
        return Outcome(Status.DELIVERED, provider_id=delivery_id, occurred_at=float(messages[0]["received_at"]))

    async def check(self) -> None:
        """Nothing can be called without an effect, so only the settings are looked at."""
        if self._webhook is None or not self._settings.webhook_url:
            raise Rejected("NO_URL_OR_SECRET")

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        while not self._lines.empty():
            self._lines.get_nowait().close()

    async def _run(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """A call goes on in its thread even if we are told to stop: what it became is found out later."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _outcome(answer: Answer, delivery_id: str) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Status.DELIVERED, provider_id=delivery_id)
    if status in BUSY:
        wait = answer.retry_after
        raise Transient(f"HTTP_{status}", retry_after_s=float(wait) if wait.isdigit() else 5.0)
    if status in UNCLEAR:
        raise InDoubt(f"HTTP_{status}")
    raise Rejected(f"HTTP_{status}")


@asynccontextmanager
async def open_connector(settings: WebhookSettings) -> AsyncIterator[WebhookConnector]:
    connector = WebhookConnector(settings)
    try:
        yield connector
    finally:
        connector.close()
