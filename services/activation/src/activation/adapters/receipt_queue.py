"""Receipts from JetStream: pulled, and acknowledged when they are committed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from activation.application.mail import Arrived, Mail
from activation.domain.receipt import Receipt
from cairn.connector.v1 import connector_pb2 as pb
from cairn_connector import Status, streams, wire
from cairn_connector.pulling import PullQueue

log: Final = structlog.get_logger()

CONSUMER: Final = "activation"
MOST: Final = 4_000
"""Receipts in memory; more wait on the stream."""
AT_ONCE: Final = 1_000
PAUSE_S: Final = 0.01
ELSEWHERE_S: Final = 0.2
"""A receipt of another replica's partition comes again after so long, to whoever asks."""


class ReceiptQueue:
    """Fills the mail; `wake` asks the processor for a turn."""

    def __init__(self, client: Client, mail: Mail, wake: Callable[[], None]) -> None:
        self._mail = mail
        self._wake = wake

        async def ensure() -> None:
            await streams.ensure_receipt_queue(client, CONSUMER)

        self._queue = PullQueue(client, wire.RECEIPT_STREAM, CONSUMER, ensure)

    async def run(self) -> None:
        """Pull until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pull())
                group.create_task(self._acknowledge())
        finally:
            with suppress(*streams.FAULTS):
                await self._queue.close()

    async def _pull(self) -> None:
        while True:
            room = MOST - len(self._mail)
            if room < AT_ONCE:
                await asyncio.sleep(PAUSE_S)
                continue
            messages = await self._queue.take(AT_ONCE)
            for message in messages:
                await self._put(message)
            if messages:
                self._wake()

    async def _put(self, message: Msg) -> None:
        try:
            found = pb.Receipt.FromString(message.data)
            status = wire.STATUS_FROM_WIRE[found.status]
            if not found.delivery_id:
                raise ValueError("a receipt names its delivery")
        except (ValueError, KeyError):
            log.error("receipt.unreadable", bytes=len(message.data))
            await message.term()
            return
        self._mail.put(arrived(found, status, message))

    async def _acknowledge(self) -> None:
        while True:
            done, elsewhere = self._mail.to_acknowledge(), self._mail.to_pass_on()
            with suppress(*streams.FAULTS):  # it comes again, and says nothing new
                for each in done:
                    await each.message.ack()
                for each in elsewhere:
                    await each.message.nak(ELSEWHERE_S)
            if not done:
                await asyncio.sleep(PAUSE_S)


def arrived(found: pb.Receipt, status: Status, message: object) -> Arrived:
    """A receipt as the application sees it."""
    receipt = Receipt(found.delivery_id, found.attempt, status.value, found.reason)
    occurred = found.occurred_time.ToMicroseconds()
    return Arrived(receipt, found.provider_id, occurred, found.resolved_by_query, message)
