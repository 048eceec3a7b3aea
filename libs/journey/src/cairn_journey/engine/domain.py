"""The engine behind one object: what the runtime calls to run journeys."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cairn_journey.engine import parting, walking
from cairn_journey.engine import unite as merging
from cairn_journey.engine.evolve import evolve
from cairn_journey.engine.filling import wants_history
from cairn_journey.engine.late import disordered, order_of, revise, taken_in
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import CustomerState, Draft
from cairn_journey.engine.turn import Turn, stamped
from cairn_kernel.event import MARKER, MERGED, RULES_CHANGED, SPLIT, STATED, WALKED, Event
from cairn_kernel.stretch import Revision, Stretch

_NOT_TOUCHPOINTS: Final = frozenset({MARKER, MERGED, SPLIT, STATED, RULES_CHANGED}) | WALKED


class JourneyDomain:
    """The journeys of customers, one stream per profile. Pure: the same calls give the same facts, byte for byte."""

    def __init__(self, programmes: Programmes) -> None:
        self.programmes = programmes

    def handles(self, type: str) -> bool:
        """Every event of a customer is a touchpoint; only control events are not."""
        return type not in _NOT_TOUCHPOINTS

    def initial(self, tenant: str, profile_id: str) -> CustomerState:
        """The state of a customer nothing is known of."""
        return CustomerState(tenant=tenant, profile_id=profile_id)

    def evolve(self, state: CustomerState, event: Event) -> CustomerState:
        """The state after one fact of the customer's stream."""
        draft = Draft(state)
        evolve(self.programmes, draft, event)
        return draft.state

    def fold(self, state: CustomerState, events: Iterable[Event]) -> CustomerState:
        """The state after many facts; cheaper than one by one."""
        draft = Draft(state)
        for event in events:
            evolve(self.programmes, draft, event)
        return draft.state

    def handle(self, state: CustomerState, event: Event) -> tuple[list[Event], CustomerState]:
        """Timers due by the event's `as_of`, then the event as a touchpoint, then what it brings about.

        A closed stream takes nothing more in: its events go to the profile it was merged into. An event that is
        `disordered` is taken as if it had happened last.
        """
        if state.closed_into:
            return [], state
        turn = Turn(self.programmes, state)
        touchpoint = taken_in(self.programmes, state, event)
        if state.latest[0] and order_of(touchpoint) < state.latest:
            touchpoint = stamped(touchpoint, state.profile_id, touchpoint.definition_version, state.latest[0])
        turn.fire_due(touchpoint.as_of)
        turn.touch(touchpoint)
        if touchpoint.as_of != event.as_of:
            turn.fire_due(event.as_of)
        return turn.facts, turn.state

    def disordered(self, state: CustomerState, event: Event) -> bool:
        """Whether something has taken effect that should come after this event: then `revise` takes it in."""
        return not state.closed_into and disordered(self.programmes, state, event)

    def takes_effect(self, state: CustomerState, event: Event) -> int:
        """The instant (µs) at which an event takes effect, unless a fact before which nothing is told anew is later."""
        return taken_in(self.programmes, state, event).as_of

    def revise(self, state: CustomerState, event: Event, history: Sequence[Event]) -> tuple[list[Event], CustomerState]:
        """Take in an event that comes too late for its place; `history` is the whole stream so far."""
        initial = self.initial(state.tenant, state.profile_id)
        revision = self.revise_from(state, event, Stretch(initial, 0, history))
        if revision is None:
            raise AssertionError("the whole stream always begins early enough")
        return revision.facts, revision.state

    def revise_from(
        self, state: CustomerState, event: Event, stretch: Stretch[CustomerState]
    ) -> Revision[CustomerState] | None:
        """As `revise`, with only the end of the stream; None if the event takes effect before that."""
        return revise(self.programmes, state, event, stretch)

    def tick(self, state: CustomerState, upto: int) -> tuple[list[Event], CustomerState]:
        """What time alone brings about up to an instant."""
        if not state.is_due(upto):
            return [], state
        turn = Turn(self.programmes, state)
        turn.fire_due(upto)
        return turn.facts, turn.state

    def timers(self, state: CustomerState) -> Mapping[str, int]:
        """Armed timers: id to due instant (µs)."""
        return {id: timer.due for id, timer in state.timers.items()}

    def walk(
        self, state: CustomerState, event: Event, history: Sequence[Event] = ()
    ) -> tuple[list[Event], CustomerState]:
        """What a control event that concerns many customers brings about for this one, timers due by then first.

        `history`, the whole stream, is only looked at if the event `wants_history`.
        """
        return walking.walk(self.programmes, state, event, history)

    def wants_history(self, state: CustomerState, event: Event) -> bool:
        """Whether a walk needs the customer's stream: a programme comes into force that has new features."""
        return wants_history(self.programmes, state, event)

    def unite(
        self, state: CustomerState, merged: Event, history: Sequence[Event], loser_history: Sequence[Event]
    ) -> tuple[list[Event], CustomerState]:
        """The survivor takes in the loser's closed stream: the state is as if both had been one all along."""
        return merging.unite(self.programmes, state, merged, history, loser_history)

    def close(self, state: CustomerState, merged: Event) -> tuple[list[Event], CustomerState]:
        """The loser's last facts; the very last is the merge."""
        return merging.close(self.programmes, state, merged)

    def give(self, state: CustomerState, split: Event, history: Sequence[Event]) -> tuple[list[Event], CustomerState]:
        """The profile was two people: what belongs to the other leaves, and the state is as if they never were one."""
        return parting.give(self.programmes, state, split, history)

    def receive(
        self, state: CustomerState, split: Event, history: Sequence[Event], giver: Sequence[Event]
    ) -> tuple[list[Event], CustomerState]:
        """The profile takes what belongs to it out of the other's stream."""
        return parting.receive(self.programmes, state, split, history, giver)
