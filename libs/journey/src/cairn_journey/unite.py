"""Two profiles become one: what would be known had they been one all along."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from cairn_journey import facts
from cairn_journey.registry import Programmes
from cairn_journey.state import CustomerState, state_to_plain
from cairn_journey.turn import Turn, stamped
from cairn_kernel.event import CONSENT_CHANGED, CONTROL_TYPES, Event

_CONTROLS: Final = CONTROL_TYPES - {CONSENT_CHANGED}


def touchpoints_of(history: Iterable[Event]) -> list[Event]:
    """The touchpoints in a stream, with those of the profiles it has taken in, in order of the stream."""
    found: list[Event] = []
    for event in history:
        if event.type == facts.UNITED and facts.is_fact(event):
            found.extend(msgspec.convert(event.data["touchpoints"], list[Event]))
        elif not facts.is_fact(event) and event.type not in _CONTROLS:
            found.append(event)
    return found


def refold(programmes: Programmes, initial: CustomerState, touchpoints: Iterable[Event], upto: int) -> CustomerState:
    """The state after the touchpoints in order of (as_of, event_time, id), each once, and time `upto`; quietly."""
    once = {event.id: event for event in touchpoints}
    turn = Turn(programmes, initial, quiet=True)
    for event in sorted(once.values(), key=lambda event: (event.as_of, event.event_time, event.id)):
        turn.fire_due(event.as_of)
        turn.touch(stamped(event, initial.profile_id, event.definition_version))
    turn.fire_due(upto)
    return turn.state


def unite(
    programmes: Programmes,
    state: CustomerState,
    merged: Event,
    history: Sequence[Event],
    loser_history: Sequence[Event],
) -> tuple[list[Event], CustomerState]:
    """Timers due by now fire as usual; then the state becomes that of the united history, and nothing is caused."""
    turn = Turn(programmes, state)
    turn.fire_due(merged.as_of)
    gained = touchpoints_of(loser_history)
    initial = CustomerState(tenant=state.tenant, profile_id=state.profile_id)
    united = refold(programmes, initial, [*touchpoints_of(history), *gained], merged.as_of)
    united.united = state.united + 1
    data: dict[str, Any] = {
        "from": merged.data["from"],
        "to": merged.data["to"],
        "state": state_to_plain(united),
        "touchpoints": msgspec.to_builtins(gained),
    }
    turn.record(facts.make(merged, state.profile_id, facts.UNITED, "", merged.id, data))
    turn.record(merged)
    return turn.facts, turn.state


def close(programmes: Programmes, state: CustomerState, merged: Event) -> tuple[list[Event], CustomerState]:
    """Timers due by now fire as usual; then the stream ends with the merge itself."""
    turn = Turn(programmes, state)
    turn.fire_due(merged.as_of)
    turn.record(merged)
    return turn.facts, turn.state
