"""CloudEvents over NATS: a request to `ingest` is answered after the commit, as HTTP would be."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client

from cairn_kernel.errors import Unavailable
from ingestion.adapters import http_requests as requests
from ingestion.application.entrance import Entrance
from ingestion.application.receive import RETRY_AFTER_S, Overloaded, Receive
from ingestion.application.sources import Sources
from ingestion.domain.arriving import Request, arrive
from ingestion.domain.batches import BadBatch
from ingestion.domain.drafts import Secrets

log = structlog.get_logger()

SUBJECT: Final = "ingest"
QUEUE: Final = "ingestion"
"""Replicas share what comes."""
AT_ONCE: Final = 64


class NatsDoor:
    """Headers: those of the CloudEvents binding for NATS (`ce-…`, `content-type`), and `authorization: Bearer KEY`."""

    def __init__(
        self,
        client: Client,
        receive: Receive,
        sources: Sources,
        entrance: Entrance,
        secrets: Secrets,
        now_us: Callable[[], int],
    ) -> None:
        self._client = client
        self._receive = receive
        self._sources = sources
        self._entrance = entrance
        self._secrets = secrets
        self._now_us = now_us

    async def stay_open(self) -> None:
        """Until cancelled; the connection comes back by itself, and the other doors are open all the same."""
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:

            async def take(message: Any) -> None:
                await limit.acquire()
                group.create_task(self._answer(message)).add_done_callback(lambda _: limit.release())

            subscription = await self._client.subscribe(SUBJECT, queue=QUEUE, cb=take)
            try:
                await asyncio.Event().wait()
            finally:
                with suppress(nats.errors.Error):
                    await subscription.unsubscribe()

    async def _answer(self, message: Any) -> None:
        told = await self._told(
            {
                name.lower().encode(errors="replace"): value.encode(errors="replace")
                for name, value in (message.headers or {}).items()
            },
            message.data,
        )
        if message.reply:
            try:
                await message.respond(msgspec.json.encode(told))
            except nats.errors.Error as error:
                log.warning("nats_door.answer_lost", error=type(error).__name__)

    async def _told(self, headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
        try:
            source = await self._sources.find(requests.write_key(headers.get(b"authorization", b"")))
            if source is None:
                return {"success": False, "code": "WRITE_KEY"}
            dialect, event = requests.cloud_event(headers, body)
            batch = dialect.part(event)
            source, catalogue = self._entrance.enter(source, len(batch.events))
            request = Request(source, self._now_us(), dialect=dialect, catalogue=catalogue)
            arrivals = [item for raw in batch.events for item in arrive(raw, request, self._secrets)]
            if arrivals:
                await self._receive(arrivals)
            return {"success": True}
        except BadBatch as error:
            return {"success": False, "code": error.reason}
        except Overloaded as error:
            return {"success": False, "code": error.reason, "retry_after_s": error.retry_after_s}
        except Unavailable:
            return {"success": False, "code": "OVERLOADED", "retry_after_s": RETRY_AFTER_S}
        except Exception as error:
            log.error("nats_door.failed", exc_info=error)
            return {"success": False, "code": "INTERNAL"}
