"""Decisioning of one profile, as the runtime's ProfileDomain wants it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Final, Protocol

from cairn_decisions.catalogue import Catalogue
from cairn_decisions.decide import decide, decision_id
from cairn_decisions.facts import OUTCOMES, ProfileState, fold, ledger_united, outcome_recorded, withdrawn
from cairn_decisions.ledger import Ledger
from cairn_decisions.parting import given, ledger_parted, received
from cairn_kernel.event import CONSENT_CHANGED, MEMBER_ADDRESSED, MERGED, SPLIT, Event
from cairn_kernel.two_sided import other_copy

MOMENT_REACHED: Final = "journey.moment_reached"
MOMENT_WITHDRAWN: Final = "journey.moment_withdrawn"
"""Something had happened before that takes the reason for the moment away."""


_HANDLED: Final = frozenset({MOMENT_REACHED, MOMENT_WITHDRAWN, MEMBER_ADDRESSED, CONSENT_CHANGED, MERGED, SPLIT})


class Catalogues(Protocol):
    """Where the definitions come from."""

    def in_force(self, tenant: str, version: str) -> Catalogue:
        """The catalogue of that version, or the active one if the version is empty. Raises if there is none."""
        ...


class OneCatalogue:
    """The same catalogue for every tenant and version."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def in_force(self, tenant: str, version: str) -> Catalogue:
        """See Catalogues."""
        return self._catalogue


class DecisioningDomain:
    """Moments in, decisions out; the contact ledger is kept on the way."""

    def __init__(self, catalogues: Catalogues) -> None:
        self._catalogues = catalogues

    def handles(self, type: str) -> bool:
        """Moments, consent, merges and the outcomes of our own messages matter."""
        return type in _HANDLED or type.startswith(OUTCOMES)

    def initial(self, tenant: str, profile_id: str) -> ProfileState:
        """A profile nothing is known of."""
        return ProfileState(tenant, profile_id)

    def evolve(self, state: ProfileState, event: Event) -> ProfileState:
        """Fold one fact of the stream."""
        return fold(state, event)

    def fold(self, state: ProfileState, events: Iterable[Event]) -> ProfileState:
        """The state after many facts."""
        return reduce(fold, events, state)

    def handle(self, state: ProfileState, event: Event) -> tuple[list[Event], ProfileState]:
        """The facts an input causes, and the state after them. What is addressed to a member is only passed on."""
        if event.type == MOMENT_REACHED:
            facts = self._decided(state, event)
        elif event.type == MOMENT_WITHDRAWN:
            facts = list(withdrawn(state, event))
        elif event.type.startswith(OUTCOMES):
            facts = [] if event.member_id else [outcome_recorded(event)]
        else:
            facts = [event]
        return facts, reduce(fold, facts, state)

    def tick(self, state: ProfileState, upto: int) -> tuple[list[Event], ProfileState]:
        """Time alone causes nothing here."""
        return [], state

    def timers(self, state: ProfileState) -> Mapping[str, int]:
        """None."""
        return {}

    def unite(
        self, state: ProfileState, merged: Event, history: Sequence[Event], loser_history: Sequence[Event]
    ) -> tuple[list[Event], ProfileState]:
        """The survivor takes in the ledger of the profile merged into it."""
        loser = reduce(
            fold, loser_history[: other_copy(merged, loser_history)], self.initial(state.tenant, merged.data["from"])
        )
        facts = [merged, ledger_united(merged, state, loser)]
        return facts, reduce(fold, facts, state)

    def close(self, state: ProfileState, merged: Event) -> tuple[list[Event], ProfileState]:
        """The last fact of a profile that was merged into another."""
        return [merged], fold(state, merged)

    def give(self, state: ProfileState, split: Event, history: Sequence[Event]) -> tuple[list[Event], ProfileState]:
        """The ledger keeps what is not the other's alone."""
        return self._parted(state, split, given(state, split, history))

    def receive(
        self, state: ProfileState, split: Event, history: Sequence[Event], giver: Sequence[Event]
    ) -> tuple[list[Event], ProfileState]:
        """The ledger of before, and what was done while both were one."""
        return self._parted(state, split, received(state, split, giver))

    @staticmethod
    def _parted(state: ProfileState, split: Event, ledger: Ledger) -> tuple[list[Event], ProfileState]:
        facts = [split, ledger_parted(split, state, ledger)]
        return facts, reduce(fold, facts, state)

    def _decided(self, state: ProfileState, event: Event) -> list[Event]:
        if decision_id(event.data["moment_id"]) in state.decided:
            return []
        catalogue = self._catalogues.in_force(event.tenant, event.definition_version)
        return [decide(event, state.ledger, catalogue, closed=state.closed)]
