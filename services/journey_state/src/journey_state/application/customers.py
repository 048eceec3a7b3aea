"""Customers now and at any instant: their streams, folded."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from cairn_journey import known_at
from cairn_journey.engine.domain import JourneyDomain
from cairn_journey.engine.state import CustomerState
from cairn_kernel.errors import NotFound
from cairn_kernel.event import Event
from journey_state.application.ports import CustomerReader

LONGEST_CHAIN = 100
"""Merges followed from a profile to its survivor."""


class Folded(NamedTuple):
    """A state, how many facts stand behind it, and the greatest `as_of` among them (µs)."""

    version: int
    at: int
    state: CustomerState


class Customers:
    """Answers from the streams, which are the record.

    States that were asked for are kept: streams only grow, so a kept one lacks at most what came since.
    """

    def __init__(self, reader: CustomerReader, domain: JourneyDomain, *, kept: int) -> None:
        """`kept` states at most are remembered."""
        self._reader = reader
        self._domain = domain
        self._most: Final = kept
        self._kept: OrderedDict[tuple[str, str], Folded] = OrderedDict()

    async def now(self, tenant: str, profile_id: str) -> Folded:
        """The current state. A profile that was merged leads to its survivor.

        Raises NotFound (NO_SUCH_PROFILE) if nothing is known of it.
        """
        for _ in range(LONGEST_CHAIN):
            found = (await self.states(tenant, [profile_id])).get(profile_id)
            if found is None:
                break
            if not found.state.closed_into:
                return found
            profile_id = found.state.closed_into
        raise NotFound("nothing is known of such a profile", reason="NO_SUCH_PROFILE")

    async def states(self, tenant: str, profiles: Collection[str]) -> dict[str, Folded]:
        """The current states of those that are known, by profile, from one query."""
        kept = {profile: self._kept.get((tenant, profile)) or self._nothing(tenant, profile) for profile in profiles}
        tails = await self._reader.tails({profile: folded.version for profile, folded in kept.items()})
        for profile, tail in tails.items():
            if tail and tail[0].tenant == tenant:
                before = kept[profile]
                at = max(before.at, *(event.as_of for event in tail))
                state = self._domain.fold(before.state, tail)
                kept[profile] = self._keep(profile, Folded(before.version + len(tail), at, state))
        return {profile: folded for profile, folded in kept.items() if folded.version}

    def _nothing(self, tenant: str, profile: str) -> Folded:
        return Folded(0, 0, self._domain.initial(tenant, profile))

    def _keep(self, profile: str, folded: Folded) -> Folded:
        key = (folded.state.tenant, profile)
        self._kept[key] = folded
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return folded

    async def history(self, tenant: str, profile_id: str, as_of: int | None = None) -> Sequence[Event]:
        """The facts up to an instant (µs; None: all). A profile that had been merged by then leads to its survivor.

        Raises NotFound (NO_SUCH_PROFILE) if nothing was known of it by then.
        """
        for _ in range(LONGEST_CHAIN):
            stream = await self._reader.stream(profile_id)
            events = [event for event in stream if event.tenant == tenant]
            if as_of is not None:
                events = known_at(events, as_of)
            if not events:
                break
            state = self.fold(tenant, profile_id, events)
            if not state.closed_into:
                return events
            profile_id = state.closed_into
        raise NotFound("nothing is known of such a profile", reason="NO_SUCH_PROFILE")

    async def past(self, tenant: str, profile_id: str, as_of: int) -> Folded:
        """The state at an instant (µs) in the past. Raises as `history` does."""
        events = await self.history(tenant, profile_id, as_of)
        return Folded(len(events), as_of, self.fold(tenant, events[0].profile_id, events))

    def fold(self, tenant: str, profile_id: str, events: Sequence[Event]) -> CustomerState:
        """The state after these facts."""
        return self._domain.fold(self._domain.initial(tenant, profile_id), events)
