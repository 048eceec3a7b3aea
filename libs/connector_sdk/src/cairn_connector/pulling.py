"""Pulling from a JetStream work queue as messages come, and getting over every loss of server or stream."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from cairn_connector.cancelling import heed_cancellation

log: Final = structlog.get_logger()

EXPIRES_S: Final = 2.0
"""How long one pull request waits at the server."""
HEARTBEAT_S: Final = 0.5
"""The server shows that often that a waiting request is alive."""
MISSED_S: Final = 3 * HEARTBEAT_S + 0.1
"""Silence after which the request is taken for lost and made anew."""
RETRY_S: Final = 0.25
ENSURE_S: Final = 5.0

_HEARTBEAT: Final = "100"
_LOST: Final = frozenset({"404", "503"})
_DELETED: Final = "Deleted"


class PullQueue:
    """Messages of one durable pull consumer.

    nats-py's own `fetch` holds the first message back until its batch is full or its time is over, and may
    lose a cancellation; this keeps one request open and hands on what is there. `ensure` makes stream and
    consumer if they are missing; it runs before the first pull and after every fault.
    """

    def __init__(self, client: Client, stream: str, consumer: str, ensure: Callable[[], Awaitable[object]]) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._ensure = ensure
        self._inbox: Subscription | None = None
        self._arrived: deque[Msg] = deque()
        self._came = asyncio.Event()
        self._open = 0
        self._round = 0

    async def take(self, limit: int) -> list[Msg]:
        """Up to `limit` messages as soon as there are any; none if nothing came for a while, or on a fault."""
        heed_cancellation()
        try:
            inbox = self._inbox or await self._begin()
            if self._open == 0 and not self._arrived:
                await self._request(inbox, limit)
            if not self._arrived:
                self._came.clear()
                async with asyncio.timeout(MISSED_S):
                    await self._came.wait()
        except (nats.errors.Error, TimeoutError) as fault:
            log.info("queue.interrupted", fault=type(fault).__name__, connected=self._client.is_connected)
            await self.close()
            await asyncio.sleep(RETRY_S)
            return []
        return await self._sort_out(limit)

    async def close(self) -> None:
        """Forget the open request and give back what was on its way."""
        inbox, self._inbox, self._open = self._inbox, None, 0
        self._round += 1
        given_back = [message for message in self._arrived if "Status" not in (message.headers or {})]
        self._arrived.clear()
        with suppress(nats.errors.Error, TimeoutError):
            if inbox is not None:
                await inbox.unsubscribe()
            for message in given_back:
                await message.nak()

    async def _begin(self) -> Subscription:
        async with asyncio.timeout(ENSURE_S):
            await self._ensure()
            self._round += 1
            mine = self._round

            async def arrive(message: Msg) -> None:
                if mine == self._round:
                    self._arrived.append(message)
                    self._came.set()
                elif "Status" not in (message.headers or {}):
                    await message.nak()  # it came after its request was given up

            self._inbox = await self._client.subscribe(self._client.new_inbox(), cb=arrive)
            return self._inbox

    async def _request(self, inbox: Subscription, limit: int) -> None:
        request = {"batch": limit, "expires": int(EXPIRES_S * 1e9), "idle_heartbeat": int(HEARTBEAT_S * 1e9)}
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=inbox.subject)
        self._open = limit

    async def _sort_out(self, limit: int) -> list[Msg]:
        """Messages from the front, up to the first word of the server, which is heeded."""
        taken: list[Msg] = []
        while self._arrived and len(taken) < limit:
            message = self._arrived.popleft()
            if "Status" in (message.headers or {}):
                await self._heed(message)
                break
            self._open = max(0, self._open - 1)
            taken.append(message)
        return taken

    async def _heed(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers["Status"]
        if status in _LOST or _DELETED in headers.get("Description", ""):
            log.warning("queue.lost", status=status)
            await self.close()
            await asyncio.sleep(RETRY_S)
        elif status != _HEARTBEAT:
            self._open = 0  # the request has expired or was turned down: the next take makes a new one
