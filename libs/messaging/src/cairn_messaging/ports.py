"""What following and publishing need from the world."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from cairn.event.v1.event_pb2 import Batch

Handler = Callable[[str, bytes], Awaitable[None]]
"""Takes a subject and a payload."""


class Subscription(Protocol):
    """A running subscription."""

    async def unsubscribe(self) -> None:
        """Stop receiving."""
        ...


class Bus(Protocol):
    """Fast transport that may lose, repeat, delay, reorder or be wiped."""

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send, without waiting until it arrived anywhere."""
        ...

    async def subscribe(self, subject: str, handler: Handler) -> Subscription:
        """Call `handler` with each message from now on, one at a time; `subject` may end in a wildcard."""
        ...


class LogReader(Protocol):
    """The owner's log."""

    async def read(self, partition: int, after: int, limit: int) -> Batch | None:
        """At most `limit` events after a position, or None. Raises Unavailable; retry."""
        ...

    async def positions(self) -> dict[int, int]:
        """The last position of each partition. Raises Unavailable; retry."""
        ...
