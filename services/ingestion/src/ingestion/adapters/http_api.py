"""The HTTP front door, an ASGI application: whatever known clients send, they get their answers for."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from cairn_kernel.errors import Unavailable
from ingestion.adapters import http_requests as requests
from ingestion.application import metrics
from ingestion.application.entrance import Entrance
from ingestion.application.receive import RETRY_AFTER_S, Overloaded, Receive
from ingestion.application.sources import Sources
from ingestion.domain.arriving import Arrival, Request, arrive
from ingestion.domain.batches import BadBatch, Batch
from ingestion.domain.dialects import CLOUD_EVENT
from ingestion.domain.drafts import Secrets

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Inward = Callable[[], Awaitable[Message]]
Outward = Callable[[Message], Awaitable[None]]

CORS: Final = ((b"access-control-allow-origin", b"*"),)
PREFLIGHT: Final = (
    *CORS,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Content-Encoding, X-Retry-Count, Traceparent"),
    (b"access-control-max-age", b"86400"),
)
SENTENCES: Final[Mapping[str, str]] = {
    "BROKEN_JSON": "the body is not JSON",
    "BROKEN_GZIP": "the body is not whole gzip",
    "ENCODING": "the body is packed in a way that is not known here; send it as it is, or as gzip",
    "NO_BATCH": 'the body is no object with a list of events, such as {"batch": [...]}',
    "BATCH_SIZE": "a batch has at most 4 MB and 2500 events",
    "WRITE_KEY": "the write key is unknown",
    "OVERLOADED": "too much is waiting; send the same again after the time in Retry-After",
    "QUOTA": "this source sends more than it may; send the same again after the time in Retry-After",
    "NO_SUCH_PATH": "nothing is here",
    "METHOD": "calls are sent with POST",
    "INTERNAL": "an unexpected fault; the service's log has it",
}


class Answer(NamedTuple):
    status: int
    reason: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content: bytes = b'{"success": true}'
    at_byte: int | None = None

    def body(self) -> bytes:
        if self.status == 204:
            return b""
        if not self.reason:
            return self.content
        where = {} if self.at_byte is None else {"at_byte": self.at_byte}
        return msgspec.json.encode({"success": False, "code": self.reason, "message": SENTENCES[self.reason], **where})


class _Disconnected(Exception):
    """The sender went away before it had said everything."""


class HttpApi:
    """One request is one call of `Receive`; no answer before the commit."""

    def __init__(
        self, receive: Receive, sources: Sources, entrance: Entrance, secrets: Secrets, now_us: Callable[[], int]
    ) -> None:
        self._receive = receive
        self._sources = sources
        self._entrance = entrance
        self._secrets = secrets
        self._now_us = now_us

    async def __call__(self, scope: Scope, inward: Inward, outward: Outward) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, inward)
        except _Disconnected:
            return
        except BadBatch as error:
            metrics.REFUSED.labels(error.reason).inc()
            answer = _refused(error, scope)
        except Overloaded as error:
            answer = Answer(429, error.reason, ((b"retry-after", str(error.retry_after_s).encode()),))
        except Unavailable:
            answer = Answer(429, "OVERLOADED", ((b"retry-after", str(RETRY_AFTER_S).encode()),))
        except Exception as error:
            log.error("request.failed", exc_info=error)
            answer = Answer(500, "INTERNAL")
        body = answer.body()
        fixed = ((b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()))
        headers = [*fixed, *(answer.headers if answer.status == 204 else (*CORS, *answer.headers))]
        await outward({"type": "http.response.start", "status": answer.status, "headers": headers})
        await outward({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, inward: Inward) -> Answer:
        if scope["method"] == "OPTIONS":
            return Answer(204, headers=PREFLIGHT)
        path, key = requests.addressed(scope["path"])
        route = requests.ROUTES.get(path)
        if route is None:
            return await self._settings_of(scope, path)
        if scope["method"] != "POST":
            return Answer(405, "METHOD", ((b"allow", b"POST, OPTIONS"),))
        headers = dict(scope["headers"])
        body = await _read(inward)
        key = requests.write_key(headers.get(b"authorization", b"")) or key
        source = await self._sources.find(key)
        if source is None and key:
            return self._unknown()
        body = requests.unpacked(body)
        dialect = route.dialect
        if dialect is CLOUD_EVENT:
            dialect, body = requests.cloud_event(headers, body)
        batch = dialect.part(body)
        source = source or await self._sources.find(batch.write_key)
        if source is None:
            return self._unknown()
        source, catalogue = self._entrance.enter(source, len(batch.events))
        request = Request(
            source=source,
            arrived=self._now_us(),
            kind=route.kind,
            sent=batch.sent,
            traceparent=requests.traceparent(headers.get(b"traceparent", b"")),
            dialect=dialect,
            catalogue=catalogue,
            historical=route.imports and b"historical=false" not in scope.get("query_string", b""),
        )
        outcomes = await self._receive(self._arrivals(batch, request)) if batch.events else []
        return Answer(200, content=requests.told(outcomes)) if route.imports else Answer(200)

    async def _settings_of(self, scope: Scope, path: str) -> Answer:
        """What Segment's browser client asks for before it sends anything; nothing else is answered to GET."""
        key = requests.settings_key(path)
        if scope["method"] != "GET" or not key:
            return Answer(404, "NO_SUCH_PATH")
        if await self._sources.find(key) is None:
            return self._unknown()
        return Answer(200, content=requests.browser_settings(key))

    @staticmethod
    def _unknown() -> Answer:
        metrics.REFUSED.labels("WRITE_KEY").inc()
        return Answer(401, "WRITE_KEY")

    def _arrivals(self, batch: Batch, request: Request) -> list[Arrival]:
        return [
            arrival
            for index, raw in enumerate(batch.events)
            for arrival in arrive(raw, request, self._secrets, place=f"batch[{index}]" if request.dialect.many else "")
        ]


def _refused(error: BadBatch, scope: Scope) -> Answer:
    """PostHog's clients make smaller batches when they are told 413; others give up or, worse, try again for ever."""
    if error.reason == "BROKEN_JSON" and requests.packed(dict(scope["headers"])):
        return Answer(415, "ENCODING", ((b"accept-encoding", b"gzip"),))
    route = requests.ROUTES.get(requests.addressed(scope["path"])[0])
    divides = route is not None and route.dialect.divides and error.reason == "BATCH_SIZE"
    return Answer(413 if divides else 400, error.reason, at_byte=error.at)


async def _read(inward: Inward) -> bytes:
    """The whole body. Raises BadBatch (BATCH_SIZE) as soon as it is too long."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await inward()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > requests.MAX_BODY_BYTES:
            raise BadBatch("BATCH_SIZE")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
