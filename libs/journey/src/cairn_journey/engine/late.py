"""Events that come late or out of order: when they take effect, and how the recent past is told anew.

An event takes effect at its `event_time`, but never more than the programme's `lateness` before it came in. If
something has taken effect later already, what followed since is told again in the order of effect: moments that are
new are stated, moments that were stated and no longer hold are withdrawn, and `journey.revised` carries the rest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from cairn_journey.engine import facts
from cairn_journey.engine.acts import Past, acts_of
from cairn_journey.engine.evolve import evolve
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import CustomerState, Draft, state_to_plain
from cairn_journey.engine.timeline import facts_in_force
from cairn_journey.engine.touchpoints import is_touchpoint
from cairn_journey.engine.turn import Turn, stamped
from cairn_kernel.event import MEMBER_ADDRESSED, MERGED, SPLIT, Event

Order = tuple[int, int, str]
"""(instant of effect, event time, id): the order in which touchpoints take effect."""

_FLOORS: Final = frozenset(
    {
        facts.UNITED,
        facts.PARTED,
        facts.HELD,
        facts.RELEASED,
        facts.MIGRATED,
        facts.ARMED,
        facts.FEATURES_FILLED,
        MERGED,
        SPLIT,
    }
)
"""Nothing before these is told anew: no touchpoint brings them about."""

_ABOUT: Final = ("journey", "instance_id", "key", "intervention", "step", "moment_id")
"""What a withdrawal says of its moment."""


def taken_in(programmes: Programmes, state: CustomerState, event: Event) -> Event:
    """The touchpoint as it goes into the stream: under the programme in force, `as_of` when it takes effect."""
    active = programmes.active(state.tenant)
    if active is None:
        return stamped(event, state.profile_id, "")
    if not active.lateness:
        return stamped(event, state.profile_id, active.version)
    effect = min(event.as_of, max(event.event_time, event.as_of - active.lateness))
    return stamped(event, state.profile_id, active.version, effect)


def order_of(touchpoint: Event) -> Order:
    """Where a touchpoint stands among all of a customer's."""
    return (touchpoint.as_of, touchpoint.event_time, touchpoint.id)


def disordered(programmes: Programmes, state: CustomerState, event: Event) -> bool:
    """Whether something has taken effect that comes after this event. Costs a comparison where nothing may be late."""
    return bool(state.latest[0]) and order_of(taken_in(programmes, state, event)) < state.latest


def revise(
    programmes: Programmes, state: CustomerState, event: Event, history: Sequence[Event]
) -> tuple[list[Event], CustomerState]:
    """Take in an event that comes after what it should have preceded; `history` is the whole stream so far."""
    floor = _floor(history)
    late = taken_in(programmes, state, event)
    if floor and late.as_of < history[floor - 1].as_of:
        late = msgspec.structs.replace(late, as_of=history[floor - 1].as_of)
    cut = _cut(history, floor, late)
    tail = history[cut:]
    told = _tell(
        programmes, state, [*_touchpoints(tail), late], history[:cut], event.as_of, Past.of(acts_of(tail), late.id)
    )
    before = {id: fact for id, fact in facts_in_force(tail).items() if fact.type != facts.REVISED}
    after = {fact.id: fact for fact in told.facts if fact.source == facts.SOURCE}
    return _stated(programmes, state, event, late, told.state, _Difference.of(tail, before, after))


class _Difference(NamedTuple):
    """What no longer holds, what holds instead, and which of that was stated once before."""

    undone: list[Event]
    done: list[Event]
    known: frozenset[str]

    @classmethod
    def of(cls, tail: Sequence[Event], before: dict[str, Event], after: dict[str, Event]) -> "_Difference":
        return cls(
            undone=[fact for id, fact in before.items() if id not in after],
            done=[fact for id, fact in after.items() if id not in before],
            known=frozenset(fact.id for fact in tail),
        )


def _tell(
    programmes: Programmes,
    state: CustomerState,
    touchpoints: Iterable[Event],
    settled: Sequence[Event],
    upto: int,
    past: Past,
) -> Turn:
    draft = Draft(CustomerState(tenant=state.tenant, profile_id=state.profile_id))
    for fact in settled:
        evolve(programmes, draft, fact)
    turn = Turn(programmes, draft.state, past=past)
    for touchpoint in sorted(touchpoints, key=order_of):
        turn.fire_due(touchpoint.as_of)
        turn.touch(touchpoint)
    turn.fire_due(upto)
    return turn


def _stated(
    programmes: Programmes,
    state: CustomerState,
    event: Event,
    late: Event,
    revised: CustomerState,
    difference: _Difference,
) -> tuple[list[Event], CustomerState]:
    cause = msgspec.structs.replace(event, profile_id=state.profile_id)
    moments = [fact for fact in difference.done if fact.id not in difference.known and _heard_by_others(fact)]
    gone = [fact for fact in difference.undone if fact.type == facts.MOMENT_REACHED]
    withdrawn = [_withdrawn(moment, cause) for moment in gone]
    data: dict[str, Any] = {
        "late": late.id,
        "by": event.as_of - late.event_time,
        "undone": [fact.id for fact in difference.undone],
        "done": msgspec.to_builtins([fact for fact in difference.done if fact not in moments]),
        "state": state_to_plain(revised),
    }
    out = [late, *moments, *withdrawn, facts.make(cause, state.profile_id, facts.REVISED, "", event.id, data)]
    draft = Draft(state)
    for fact in out:
        evolve(programmes, draft, fact)
    return out, draft.state


def _heard_by_others(fact: Event) -> bool:
    """Whether it has to stand in the log itself: moments, and events that interventions emit."""
    return fact.type in (facts.MOMENT_REACHED, MEMBER_ADDRESSED) or fact.type not in facts.FACTS


def _withdrawn(moment: Event, cause: Event) -> Event:
    about: dict[str, Any] = {name: moment.data[name] for name in _ABOUT if name in moment.data}
    return facts.make(cause, moment.profile_id, facts.MOMENT_WITHDRAWN, moment.definition_version, cause.id, about)


def _floor(history: Sequence[Event]) -> int:
    """Index after the last fact before which nothing is told anew; 0 if there is none."""
    for index in range(len(history) - 1, -1, -1):
        if history[index].type in _FLOORS or history[index].data.get("reason") == facts.STOPPED_NOW:
            return index + 1
    return 0


def _cut(history: Sequence[Event], floor: int, late: Event) -> int:
    """Where the part to be told anew begins.

    Everything before it took effect before the late event and before all touchpoints after it; an earlier late event
    stays together with what was told of it.
    """
    earliest = order_of(late)
    place = {fact.id: index for index, fact in enumerate(history) if index >= floor and is_touchpoint(fact)}
    cut = len(history)
    while True:
        first = next((index for index in range(floor, cut) if _later(history[index], earliest)), cut)
        for fact in history[first:]:
            if fact.type == facts.REVISED:
                first = min(first, place.get(fact.data["late"], first))
        if first == cut:
            return cut
        cut = first
        earliest = min([earliest, *map(order_of, _touchpoints(history[cut:]))])


def _later(fact: Event, earliest: Order) -> bool:
    return order_of(fact) > earliest if is_touchpoint(fact) else fact.as_of > earliest[0]


def _touchpoints(stream: Sequence[Event]) -> list[Event]:
    return [fact for fact in stream if is_touchpoint(fact)]
