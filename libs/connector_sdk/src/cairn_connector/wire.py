"""Names and bytes on the bus, known to activation and to every connector."""

from typing import Final

from cairn.connector.v1 import connector_pb2 as pb
from cairn_connector.delivery import Dispatch, Outcome, Status

DISPATCH_STREAM: Final = "DISPATCH"
RECEIPT_STREAM: Final = "RECEIPTS"
REPEAT_HEADER: Final = "Cairn-Repeat"
"""Set on a dispatch that was published before: whoever has no record of it asks the channel first."""

ASK_ONLY: Final = 0.0
"""A `not_after` in the past for ever: such a dispatch is a question, never an order."""

PREFER_MISS: Final = "PREFER_MISS"
"""Reason of an in-doubt receipt that is final: the channel cannot be asked, and is not tried again."""

STATUS_TO_WIRE: Final = {
    Status.ACCEPTED: pb.Receipt.STATUS_ACCEPTED,
    Status.SENT: pb.Receipt.STATUS_SENT,
    Status.DELIVERED: pb.Receipt.STATUS_DELIVERED,
    Status.OPENED: pb.Receipt.STATUS_OPENED,
    Status.CLICKED: pb.Receipt.STATUS_CLICKED,
    Status.BOUNCED: pb.Receipt.STATUS_BOUNCED,
    Status.REJECTED: pb.Receipt.STATUS_REJECTED,
    Status.RETURNED: pb.Receipt.STATUS_RETURNED,
    Status.IN_DOUBT: pb.Receipt.STATUS_IN_DOUBT,
}
STATUS_FROM_WIRE: Final = {wire: status for status, wire in STATUS_TO_WIRE.items()}


def dispatch_subject(connector: str) -> str:
    """Where activation publishes work for a connector."""
    return f"dispatch.{connector}"


def receipt_subject(connector: str) -> str:
    """Where a connector publishes what became of it."""
    return f"receipt.{connector}"


def queue_consumer(connector: str) -> str:
    """The durable consumer from which all replicas of a connector pull."""
    return f"connector-{connector}"


def dispatch_message_id(delivery_id: str, attempt: int, repeat: int = 0) -> str:
    """JetStream's dedupe key of a dispatch; `repeat` counts publishings of the same attempt."""
    return f"{delivery_id}:{attempt}" + (f":{repeat}" if repeat else "")


def encode_dispatch(dispatch: Dispatch) -> bytes:
    """The bytes of a dispatch."""
    message = pb.Dispatch(
        delivery_id=dispatch.delivery_id,
        attempt=dispatch.attempt,
        tenant=dispatch.tenant,
        action=dispatch.action,
        recipient=dispatch.recipient,
        content=dict(dispatch.content),
        locale=dispatch.locale,
        traceparent=dispatch.traceparent,
        test_mode=dispatch.test_mode,
    )
    message.not_after_time.FromMicroseconds(int(dispatch.not_after * 1_000_000))
    return message.SerializeToString()


def decode_dispatch(body: bytes) -> Dispatch:
    """Unknown fields are ignored. Raises ValueError (or protobuf's DecodeError) if it is no dispatch."""
    message = pb.Dispatch.FromString(body)
    if not message.delivery_id:
        raise ValueError("a dispatch names its delivery")
    return Dispatch(
        delivery_id=message.delivery_id,
        attempt=message.attempt,
        tenant=message.tenant,
        action=message.action,
        recipient=message.recipient,
        content=dict(message.content),
        locale=message.locale,
        not_after=message.not_after_time.ToMicroseconds() / 1_000_000,
        traceparent=message.traceparent,
        test_mode=message.test_mode,
    )


def encode_receipt(
    delivery_id: str, attempt: int, tenant: str, outcome: Outcome, *, resolved_by_query: bool = False
) -> bytes:
    """The bytes of a receipt."""
    message = pb.Receipt(
        delivery_id=delivery_id,
        attempt=attempt,
        tenant=tenant,
        status=STATUS_TO_WIRE[outcome.status],
        provider_id=outcome.provider_id,
        reason=outcome.reason,
        resolved_by_query=resolved_by_query,
    )
    message.occurred_time.FromMicroseconds(int(outcome.occurred_at * 1_000_000))
    return message.SerializeToString()
