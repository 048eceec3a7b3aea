"""What a control event that concerns many customers brings about for one of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cairn_journey.engine import facts
from cairn_journey.engine.filling import fill
from cairn_journey.engine.migrating import migrate
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.sight import Sight
from cairn_journey.engine.state import CustomerState
from cairn_journey.engine.turn import Turn
from cairn_kernel.event import BROADCAST, DEFINITION_ACTIVATED, PAUSED, RESUMED, STOPPED, Event
from cairn_kernel.ids import stable_id

NOW: Final = "now"
OPERATED: Final = (PAUSED, RESUMED, STOPPED)
"""What operators do to a journey."""


def walk(
    programmes: Programmes, state: CustomerState, event: Event, history: Sequence[Event] = ()
) -> tuple[list[Event], CustomerState]:
    """Timers due by the event's `as_of`, then what the event brings about; no facts if nothing follows from it.

    `history` is the whole stream, from which features are filled that are new.
    """
    follow = _BY_TYPE.get(event.type)
    if state.closed_into or follow is None:
        return [], state
    turn = Turn(programmes, state)
    turn.fire_due(event.as_of)
    before = len(turn.facts)
    turn.cause, turn.occasion = event, event.id
    turn.sight = Sight(turn.state, event.as_of, event.data)
    if history:
        fill(programmes, turn, event, history)
    follow(programmes, turn, event)
    return (turn.facts, turn.state) if len(turn.facts) > before else ([], state)


def _broadcast(programmes: Programmes, turn: Turn, event: Event) -> None:
    """The event of the business, as if the customer had met it; not told to those for whom it changes nothing.

    One hop: it comes from us, so it is no sign of life of the customer's.
    """
    state, type = turn.state, str(event.data["type"])
    active = programmes.active(state.tenant)
    version = active.version if active is not None else ""
    if not _listens(programmes, state, type):
        return
    attempt = Turn(programmes, state)
    attempt.touch(
        Event(
            id=stable_id("broadcast", event.id, state.profile_id),
            tenant=event.tenant,
            type=type,
            event_time=event.event_time,
            as_of=event.as_of,
            source=BROADCAST,
            profile_id=state.profile_id,
            causation_id=event.id,
            correlation_id=event.id,
            hops=1,
            definition_version=version,
            data=dict(event.data.get("data", {})),
        )
    )
    if _more_than_one(attempt.facts) or attempt.state.features != state.features:
        for fact in attempt.facts:
            turn.record(fact)


def _activated(programmes: Programmes, turn: Turn, event: Event) -> None:
    """A programme came into force: those in flight go where it says; its schedules begin, its audiences enter."""
    migrate(programmes, turn, event)
    state = turn.state
    active = programmes.active(state.tenant)
    if active is None or active.version != event.data.get("version") or state.version == active.version:
        return
    active = active.about(state.subject)
    if not active.arms and not state.version:
        return
    attempt = Turn(programmes, state)
    attempt.come_under(active, event)
    if (
        _more_than_one(attempt.facts)
        or attempt.state.timers != state.timers
        or attempt.state.audiences != state.audiences
    ):
        for fact in attempt.facts:
            turn.record(fact)


def _more_than_one(told: Sequence[Event]) -> bool:
    """Whether more than the cause itself is told; that conditions fail makes nobody hear of it."""
    return sum(fact.type != facts.CONDITION_FAILED for fact in told) > 1


def _listens(programmes: Programmes, state: CustomerState, type: str) -> bool:
    active = programmes.active(state.tenant)
    versions = {instance.version for instance in state.open.values()}
    running = [programmes.version(state.tenant, version) for version in versions]
    known = (*running, active) if active is not None else running
    return any(type in programme.about(state.subject).by_type for programme in known)


def operate(turn: Turn, control: Event) -> None:
    """A journey is paused, resumed or stopped for a customer who may be in it."""
    for instance in turn.state.instances(str(control.data["journey"])):
        if control.type == PAUSED and instance.held is None:
            turn.tell(instance, facts.HELD)
        elif control.type == RESUMED and instance.held is not None:
            turn.tell(instance, facts.RELEASED)
        elif control.type == STOPPED and control.data.get("mode") == NOW:
            turn.tell(instance, facts.EXITED, reason=facts.STOPPED_NOW)


def _operated(_: Programmes, turn: Turn, event: Event) -> None:
    operate(turn, event)


_BY_TYPE: Final[Mapping[str, Callable[[Programmes, Turn, Event], None]]] = {
    BROADCAST: _broadcast,
    DEFINITION_ACTIVATED: _activated,
    **dict.fromkeys(OPERATED, _operated),
}
