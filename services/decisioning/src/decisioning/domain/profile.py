"""Decisioning of one profile, as the runtime's ProfileDomain wants it."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final, Protocol

from cairn_kernel.event import CONSENT_CHANGED, MERGED, Event
from decisioning.domain.catalogue import Catalogue
from decisioning.domain.decide import decide, decision_id
from decisioning.domain.facts import OUTCOMES, ProfileState, fold, ledger_united, outcome_recorded

MOMENT_REACHED: Final = "journey.moment_reached"


class Catalogues(Protocol):
    """Where the definitions come from."""

    def in_force(self, tenant: str, version: str) -> Catalogue:
        """The catalogue of that version, or the active one if the version is empty. Raises if there is none."""
        ...


class DecisioningDomain:
    """Moments in, decisions out; the contact ledger is kept on the way."""

    def __init__(self, catalogues: Catalogues) -> None:
        self._catalogues = catalogues

    def handles(self, type: str) -> bool:
        return type in (MOMENT_REACHED, CONSENT_CHANGED, MERGED) or type.startswith(OUTCOMES)

    def initial(self, tenant: str, profile_id: str) -> ProfileState:
        return ProfileState(tenant, profile_id)

    def evolve(self, state: ProfileState, event: Event) -> ProfileState:
        return fold(state, event)

    def handle(self, state: ProfileState, event: Event) -> tuple[list[Event], ProfileState]:
        if event.type == MOMENT_REACHED:
            facts = self._decided(state, event)
        elif event.type.startswith(OUTCOMES):
            facts = [outcome_recorded(event)]
        else:
            facts = [event]
        return facts, reduce(fold, facts, state)

    def tick(self, state: ProfileState, upto: int) -> tuple[list[Event], ProfileState]:
        return [], state

    def timers(self, state: ProfileState) -> Mapping[str, int]:
        return {}

    def unite(
        self, state: ProfileState, merged: Event, history: Sequence[Event], loser_history: Sequence[Event]
    ) -> tuple[list[Event], ProfileState]:
        loser = reduce(fold, loser_history, self.initial(state.tenant, merged.data["from"]))
        facts = [merged, ledger_united(merged, state, loser)]
        return facts, reduce(fold, facts, state)

    def close(self, state: ProfileState, merged: Event) -> tuple[list[Event], ProfileState]:
        return [merged], fold(state, merged)

    def _decided(self, state: ProfileState, event: Event) -> list[Event]:
        if decision_id(event.data["moment_id"]) in state.decided:
            return []
        catalogue = self._catalogues.in_force(event.tenant, event.definition_version)
        return [decide(event, state.ledger, catalogue, closed=state.closed)]
