"""Receipts that have come and are not committed yet."""

from collections import deque
from typing import Any, NamedTuple

from activation.domain.receipt import Receipt


class Arrived(NamedTuple):
    """A receipt, what only the channel's clock and books know of it, and how to acknowledge it."""

    receipt: Receipt
    provider_id: str
    occurred_us: int
    by_query: bool
    message: Any


class Mail:
    """Arrived receipts: taken by the processor, and done when what they caused is committed."""

    def __init__(self) -> None:
        self._waiting: deque[Arrived] = deque()
        self._taken: list[Arrived] = []
        self._done: list[Arrived] = []
        self._elsewhere: list[Arrived] = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def put(self, arrived: Arrived) -> None:
        self._waiting.append(arrived)

    def take(self, limit: int) -> list[Arrived]:
        """The oldest; until `done` or `again` they belong to the batch under way."""
        taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._taken += taken
        return taken

    def not_ours(self, arrived: Arrived) -> None:
        """Somebody else owns that delivery's partition."""
        self._taken.remove(arrived)
        self._elsewhere.append(arrived)

    def done(self) -> None:
        """What was taken is committed."""
        self._done += self._taken
        self._taken = []

    def again(self) -> None:
        """What was taken was not committed."""
        self._waiting.extendleft(reversed(self._taken))
        self._taken = []

    def to_acknowledge(self) -> list[Arrived]:
        """Committed receipts, told once."""
        done, self._done = self._done, []
        return done

    def to_pass_on(self) -> list[Arrived]:
        """Receipts for another replica, told once."""
        elsewhere, self._elsewhere = self._elsewhere, []
        return elsewhere
