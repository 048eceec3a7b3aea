"""The two JetStream streams between activation and its connectors, and storing messages on them."""

from collections.abc import Mapping
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError

from cairn_connector.wire import DISPATCH_STREAM, RECEIPT_STREAM, dispatch_subject, queue_consumer

DUPLICATE_WINDOW_S: Final = 120.0
"""Longer than a dispatch lives, so that publishing one again is free."""
DISPATCH_AGE_S: Final = 300.0
"""An older dispatch is past its not_after for long: nobody misses it."""
RECEIPT_AGE_S: Final = 24 * 3600.0
ACK_WAIT_S: Final = 15.0
"""A connector shows every third of it that it is at work; silence longer than this is a crash."""
MAX_STREAM_BYTES: Final = 256 * 1024 * 1024
PUBLISH_S: Final = 5.0

FAULTS: Final = (nats.errors.Error, TimeoutError)
"""What talking to JetStream may raise; all of it may be tried again, with the same message id."""


async def ensure_dispatch_queue(client: Client, connector: str) -> None:
    """Make the work queue of a connector, unless it is there. Raises one of FAULTS."""
    await _ensure_stream(
        client,
        StreamConfig(
            name=DISPATCH_STREAM,
            subjects=[dispatch_subject("*")],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_age=DISPATCH_AGE_S,
            max_bytes=MAX_STREAM_BYTES,
            duplicate_window=DUPLICATE_WINDOW_S,
        ),
    )
    await _ensure_consumer(client, DISPATCH_STREAM, queue_consumer(connector), dispatch_subject(connector))


async def ensure_receipt_stream(client: Client) -> None:
    """Make the stream of receipts, unless it is there. Raises one of FAULTS."""
    await _ensure_stream(
        client,
        StreamConfig(
            name=RECEIPT_STREAM,
            subjects=["receipt.*"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_age=RECEIPT_AGE_S,
            max_bytes=MAX_STREAM_BYTES,
            duplicate_window=DUPLICATE_WINDOW_S,
        ),
    )


async def ensure_receipt_queue(client: Client, consumer: str) -> None:
    """Make the stream of receipts and the durable consumer that reads it. Raises one of FAULTS."""
    await ensure_receipt_stream(client)
    await _ensure_consumer(client, RECEIPT_STREAM, consumer, "receipt.*")


async def store(
    client: Client, subject: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
) -> bool:
    """Put one message on its stream; False if the stream had it already. Raises one of FAULTS."""
    answer = await client.jetstream().publish(
        subject, body, timeout=PUBLISH_S, headers={**(headers or {}), "Nats-Msg-Id": message_id}
    )
    return answer.duplicate is not True


async def _ensure_stream(client: Client, config: StreamConfig) -> None:
    try:
        await client.jsm().add_stream(config)
    except BadRequestError:
        pass  # it is there with limits that an operator has chosen


async def _ensure_consumer(client: Client, stream: str, consumer: str, subject: str) -> None:
    config = ConsumerConfig(
        name=consumer,
        durable_name=consumer,
        filter_subject=subject,
        ack_wait=ACK_WAIT_S,
        max_deliver=-1,
        max_ack_pending=20_000,
    )
    try:
        await client.jsm().add_consumer(stream, config)
    except BadRequestError:
        pass
