"""What the questions need of the world."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cairn_kernel.event import Event


@dataclass(frozen=True, slots=True)
class Counts:
    """How many decisions came out how."""

    by_reason: Mapping[str, int]
    by_action: Mapping[str, int]
    """Decisions that chose an action, by its name."""


class DecisionReader(Protocol):
    """The decisions as they are stored."""

    async def get(self, tenant: str, decision_id: str) -> Event:
        """The stored `decision.made`. Raises NotFound (NO_SUCH_DECISION)."""
        ...

    async def of_customer(self, tenant: str, profile_id: str, limit: int) -> Sequence[Event]:
        """The latest `limit` decisions about a profile and those merged into it, oldest first."""
        ...

    async def counts(self, tenant: str) -> Counts:
        """The counts of all decisions that are committed."""
        ...

    def all(self, tenant: str) -> AsyncIterator[Event]:
        """Every decision in ascending order of its id, as of one instant, a page at a time."""
        ...
