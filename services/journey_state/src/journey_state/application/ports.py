"""What the questions need."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from cairn_kernel.event import Event


@dataclass(frozen=True, slots=True)
class JourneyCount:
    """How many customers did what in one journey."""

    journey: str
    entered: int
    in_flight: int
    goal: int
    goal_value: Decimal
    currency: str
    exited: int
    stages: dict[str, int]
    stage_entries: dict[str, int]
    stage_transitions: dict[str, int]


class CustomerReader(Protocol):
    """Streams and counts as they are committed."""

    async def stream(self, profile_id: str) -> Sequence[Event]:
        """All facts of a profile, oldest first; none if it is unknown."""
        ...

    def streams(self, tenant: str) -> AsyncIterator[tuple[str, Sequence[Event]]]:
        """Every customer's stream, in order of profile id; merged ones are left out."""
        ...

    async def counts(self, tenant: str) -> tuple[int, Sequence[JourneyCount]]:
        """Number of customers, and the counts of each journey in order of name."""
        ...
