"""What a connector says becomes a fact, once for each status."""

from typing import NamedTuple

from activation.domain.delivery import PREFER_MISS, Delivery, fact
from activation.domain.status import IN_DOUBT, OPEN, REPORTED, RETURNED
from cairn_kernel.event import Event


class Receipt(NamedTuple):
    """What a connector said, without what only the wall clock knows."""

    delivery_id: str
    attempt: int
    status: str
    reason: str


def receive(delivery: Delivery, receipt: Receipt) -> Event | None:
    """The fact that a receipt adds; None if it says nothing new. Repeats and disorder are normal."""
    at = delivery.dispatched_at or delivery.planned.as_of
    status = receipt.status
    if status == RETURNED:
        if receipt.attempt != delivery.attempt or not delivery.in_flight:
            return None
        return fact(delivery, RETURNED, at=at, key=receipt.attempt, attempt=receipt.attempt)
    if status == IN_DOUBT:
        return _doubt(delivery, receipt, at)
    if status not in REPORTED or status in delivery.seen:
        return None
    return fact(delivery, status, at=at, reason=receipt.reason)


def _doubt(delivery: Delivery, receipt: Receipt, at: int) -> Event | None:
    if delivery.status not in OPEN or delivery.settled_doubt:
        return None
    settled = receipt.reason == PREFER_MISS
    if IN_DOUBT in delivery.seen and not settled:
        return None
    return fact(delivery, IN_DOUBT, at=at, key=receipt.reason if settled else "", reason=receipt.reason)
