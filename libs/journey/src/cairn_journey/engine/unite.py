"""Two profiles become one: what would be known had they been one all along."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from cairn_journey.engine import facts
from cairn_journey.engine.acts import acts_of
from cairn_journey.engine.evolve import evolve
from cairn_journey.engine.merge_rules import Side, follow_rules
from cairn_journey.engine.migrating import migrate_again
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import CustomerState, Draft, state_to_plain
from cairn_journey.engine.touchpoints import touchpoints_of
from cairn_journey.engine.turn import Turn, stamped
from cairn_journey.engine.walking import OPERATED, operate
from cairn_kernel.event import BROADCAST, Event
from cairn_kernel.two_sided import other_copy


def refold(
    programmes: Programmes,
    initial: CustomerState,
    touchpoints: Iterable[Event],
    upto: int,
    acts: Sequence[Event] = (),
) -> CustomerState:
    """The state after the touchpoints in order of (as_of, event_time, id), each once, and time `upto`; quietly."""
    return retold(programmes, initial, touchpoints, upto, acts).state


def retold(
    programmes: Programmes,
    initial: CustomerState,
    touchpoints: Iterable[Event],
    upto: int,
    acts: Sequence[Event] = (),
) -> Turn:
    """As `refold`, with what would have been stated but for the moments.

    `acts` (see `acts_of`) are done again, and so is what operators did in the profile's partition.
    """
    once = {_once(event): event for event in touchpoints}
    again = [*acts, *programmes.controls(initial.tenant, initial.profile_id)]
    ahead = deque(sorted(again, key=lambda act: act.as_of))
    turn = Turn(programmes, initial, quiet=True)
    for event in sorted(once.values(), key=lambda event: (event.as_of, event.event_time, event.id)):
        _do_again(programmes, turn, ahead, event.as_of)
        turn.fire_due(event.as_of)
        turn.home = event.profile_id
        turn.touch(stamped(event, initial.profile_id, event.definition_version))
        turn.home = ""
    _do_again(programmes, turn, ahead, upto)
    turn.fire_due(upto)
    active = programmes.active(initial.tenant)
    if active is not None and active.lateness:
        turn.state.latest = max(turn.state.latest, (upto, 0, ""))  # what happened earlier is not told anew
    return turn


def _once(touchpoint: Event) -> str:
    """What makes it the same: an event of the business that both have met is one."""
    return touchpoint.causation_id if touchpoint.source == BROADCAST else touchpoint.id


def _do_again(programmes: Programmes, turn: Turn, ahead: deque[Event], upto: int) -> None:
    """Do what was done up to an instant to all instances of its journey, as it was done then."""
    while ahead and ahead[0].as_of <= upto:
        act = ahead.popleft()
        turn.fire_due(act.as_of)
        turn.cause, turn.occasion = act, act.id
        if act.type == facts.MIGRATED:
            migrate_again(programmes, turn, act)
        elif act.type in OPERATED:
            operate(turn, act)
        else:
            for instance in turn.state.instances(act.data["journey"]):
                turn.tell(instance, facts.EXITED, reason=act.data["reason"])


def unite(
    programmes: Programmes,
    state: CustomerState,
    merged: Event,
    history: Sequence[Event],
    loser_history: Sequence[Event],
) -> tuple[list[Event], CustomerState]:
    """Timers due by now fire as usual; then the state becomes that of the united history, and nothing is caused.

    Journeys with a rule of their own for merges go by it; `profile.united` says what was done to them.
    """
    turn = Turn(programmes, state)
    turn.fire_due(merged.as_of)
    theirs = loser_history[: other_copy(merged, loser_history)]
    gained, their_acts = touchpoints_of(theirs), acts_of(theirs)
    initial = CustomerState(tenant=state.tenant, profile_id=state.profile_id)
    whole = refold(
        programmes, initial, [*touchpoints_of(history), *gained], merged.as_of, [*acts_of(history), *their_acts]
    )
    mine = Side(turn.state, [*history, *turn.facts])
    united, journeys = follow_rules(programmes, whole, mine, Side(_folded(programmes, state, theirs), theirs), merged)
    united.united = state.united + 1
    data: dict[str, Any] = {
        "from": merged.data["from"],
        "to": merged.data["to"],
        "state": state_to_plain(united),
        "touchpoints": msgspec.to_builtins(gained),
        **({"acts": msgspec.to_builtins(their_acts)} if their_acts else {}),
        **({"journeys": journeys} if journeys else {}),
    }
    turn.record(facts.make(merged, state.profile_id, facts.UNITED, "", merged.id, data))
    turn.record(merged)
    return turn.facts, turn.state


def _folded(programmes: Programmes, state: CustomerState, stream: Sequence[Event]) -> CustomerState:
    draft = Draft(CustomerState(tenant=state.tenant, profile_id=stream[0].profile_id if stream else ""))
    for fact in stream:
        evolve(programmes, draft, fact)
    return draft.state


def close(programmes: Programmes, state: CustomerState, merged: Event) -> tuple[list[Event], CustomerState]:
    """Timers due by now fire as usual; then the stream ends with the merge itself."""
    turn = Turn(programmes, state)
    turn.fire_due(merged.as_of)
    turn.record(merged)
    return turn.facts, turn.state
