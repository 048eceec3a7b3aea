"""The bus on NATS. Log subjects are also kept in JetStream streams for a day."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import nats
import structlog
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, NotFoundError

from cairn_messaging.ports import Handler, Subscription

log = structlog.get_logger()

LOG_MAX_AGE_S: Final = 24 * 3600
LOG_MAX_BYTES: Final = 2 * 1024**3
PENDING_BYTES: Final = 256 * 1024**2


class NatsBus:
    """A Bus. Losing messages is allowed: followers read the owner's log instead."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def publish(self, subject: str, payload: bytes) -> None:
        """See Bus.publish."""
        try:
            await self.client.publish(subject, payload)
        except nats.errors.Error as error:
            log.warning("message.dropped", subject=subject, error=type(error).__name__)

    async def subscribe(self, subject: str, handler: Handler) -> Subscription:
        """See Bus.subscribe."""

        async def receive(message: Any) -> None:
            await handler(message.subject, message.data)

        return await self.client.subscribe(subject, cb=receive, pending_bytes_limit=PENDING_BYTES)


@asynccontextmanager
async def open_bus(url: str, name: str) -> AsyncIterator[NatsBus]:
    """Connect, reconnecting for ever afterwards. Raises OSError or nats.errors.Error if it cannot at first."""

    async def on_error(error: Exception) -> None:
        log.warning("nats.failed", error=type(error).__name__)

    client = await nats.connect(
        url,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.5,
        ping_interval=10,
        error_cb=on_error,
        pending_size=64 * 1024**2,
    )
    try:
        yield NatsBus(client)
    finally:
        with suppress(TimeoutError, OSError, nats.errors.Error):  # NATS may be gone, or just coming back
            async with asyncio.timeout(5):
                await client.flush()
        with suppress(TimeoutError, OSError, nats.errors.Error):
            async with asyncio.timeout(5):
                await client.close()


async def keep_log_stream(client: Client, log_name: str) -> None:
    """Make the JetStream stream of a log, and make it again if somebody removed it, for ever.

    Followers do not depend on it; it serves others who want the last day from NATS alone.
    """
    jetstream = client.jetstream()
    config = StreamConfig(
        name=f"LOG_{log_name}",
        subjects=[f"{log_name}.*"],
        retention=RetentionPolicy.LIMITS,
        max_age=LOG_MAX_AGE_S,
        max_bytes=LOG_MAX_BYTES,
        discard=DiscardPolicy.OLD,
        no_ack=True,
    )
    own = asyncio.current_task()
    while own is None or not own.cancelling():  # a request of nats-py may swallow a cancellation
        try:
            try:
                await jetstream.stream_info(config.name or "")
            except NotFoundError:
                await jetstream.add_stream(config)
        except (APIError, nats.errors.Error, TimeoutError, OSError) as error:
            log.warning("stream.unavailable", stream=config.name, error=type(error).__name__)
        await asyncio.sleep(30)
