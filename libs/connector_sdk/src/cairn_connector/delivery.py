"""What a connector is asked to do, and what it can say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Status(StrEnum):
    """What became of a dispatch, as far as the channel can tell."""

    ACCEPTED = "accepted"
    """The provider took it."""
    SENT = "sent"
    """It left for the customer."""
    DELIVERED = "delivered"
    """It arrived."""
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    """It came back for good."""
    REJECTED = "rejected"
    """The provider refused it for good."""
    RETURNED = "returned"
    """It was not begun, since its time had passed."""
    IN_DOUBT = "in_doubt"
    """Whether it was sent is not known."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message to send, rendered and addressed."""

    delivery_id: str
    """The idempotency key: the same message always has the same id, whatever the attempt."""
    attempt: int
    tenant: str
    action: str
    recipient: str = field(repr=False)
    """Address on the channel; personal, so it never goes into a log."""
    content: Mapping[str, str] = field(repr=False)
    """The message by part, such as subject and body."""
    locale: str = ""
    not_after: float = 0.0
    """Seconds since 1970; a dispatch is not begun after it."""
    traceparent: str = ""
    test_mode: bool = False
    """Do everything but send."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the channel says of a delivery."""

    status: Status
    provider_id: str = ""
    """The provider's own id of the message."""
    reason: str = ""
    """Why it failed: a stable UPPER_SNAKE word without personal data."""
    occurred_at: float = 0.0
    """Seconds since 1970 by the channel's clock; 0 if the channel does not tell."""


class DeliveryError(Exception):
    """Base of what `deliver` and `lookup` may raise; `reason` is UPPER_SNAKE, without personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transient(DeliveryError):
    """Nothing was sent, and it may work later: the dispatch is tried again after `retry_after_s`."""

    def __init__(self, reason: str, *, retry_after_s: float = 5.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Rejected(DeliveryError):
    """Nothing was sent, and it never will be: the provider refuses this message."""


class Bounced(DeliveryError):
    """The address does not take messages: for good."""


class InDoubt(DeliveryError):
    """It may have been sent or not; any exception that is none of these means the same."""


class CannotAsk(DeliveryError):
    """From `lookup`: this channel can never tell what became of a delivery."""


class Connector(Protocol):
    """What a channel team writes."""

    async def deliver(self, dispatch: Dispatch) -> Outcome:
        """Send one message, with `dispatch.delivery_id` as the channel's idempotency key if it has one.

        Raises Transient, Rejected or Bounced if it is certain that nothing reached the customer, and
        InDoubt (or anything else) if that is not certain. Called concurrently, never twice at the
        same time for one delivery.
        """

    async def lookup(self, delivery_id: str) -> Outcome | None:
        """Ask the channel what became of a delivery; None means it never arrived there.

        Raises Transient if the channel cannot be asked now, CannotAsk if it never can.
        """

    async def check(self) -> None:
        """Raise Transient or Rejected if the channel is not usable as configured; send nothing."""
