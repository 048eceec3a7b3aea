"""Customers now and at any instant: their streams, folded."""

from collections.abc import Sequence

from cairn_journey.engine import JourneyDomain
from cairn_journey.state import CustomerState
from cairn_kernel.errors import NotFound
from cairn_kernel.event import Event
from journey_state.application.ports import CustomerReader

LONGEST_CHAIN = 100
"""Merges followed from a profile to its survivor."""


class Customers:
    """Answers from the streams, which are the record."""

    def __init__(self, reader: CustomerReader, domain: JourneyDomain) -> None:
        self._reader = reader
        self._domain = domain

    async def history(self, tenant: str, profile_id: str, as_of: int | None = None) -> Sequence[Event]:
        """The facts up to an instant (µs; None: all). A profile that had been merged by then leads to its survivor.

        Raises NotFound (NO_SUCH_PROFILE) if nothing was known of it by then.
        """
        for _ in range(LONGEST_CHAIN):
            stream = await self._reader.stream(profile_id)
            events = [event for event in stream if event.tenant == tenant and (as_of is None or event.as_of <= as_of)]
            if not events:
                break
            state = self.fold(tenant, profile_id, events)
            if not state.closed_into:
                return events
            profile_id = state.closed_into
        raise NotFound("nothing is known of such a profile", reason="NO_SUCH_PROFILE")

    def fold(self, tenant: str, profile_id: str, events: Sequence[Event]) -> CustomerState:
        """The state after these facts."""
        return self._domain.fold(self._domain.initial(tenant, profile_id), events)
