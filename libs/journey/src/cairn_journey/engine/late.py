"""Events that come late or out of order: when they take effect, and how the recent past is told anew.

An event takes effect at its `event_time`, but never more than the programme's `lateness` before it came in. If
something has taken effect later already, what followed since is told again in the order of effect: moments that are
new are stated, moments that were stated and no longer hold are withdrawn, and `journey.revised` carries the rest.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from cairn_journey.engine import facts
from cairn_journey.engine.evolve import evolve
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import CustomerState, Draft, state_to_plain
from cairn_journey.engine.timeline import facts_in_force
from cairn_journey.engine.touchpoints import is_touchpoint
from cairn_journey.engine.turn import Turn, stamped
from cairn_kernel.event import MEMBER_ADDRESSED, MERGED, SPLIT, Event
from cairn_kernel.stretch import Revision, Stretch

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

_FIRST: Final = -(2**63)
"""An event time before any other."""

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
    if effect < event.as_of:
        effect = min(event.as_of, max(effect, programmes.settled(state.tenant, state.profile_id)))
    return stamped(event, state.profile_id, active.version, effect)


def order_of(touchpoint: Event) -> Order:
    """Where a touchpoint stands among all of a customer's."""
    return (touchpoint.as_of, touchpoint.event_time, touchpoint.id)


def disordered(programmes: Programmes, state: CustomerState, event: Event) -> bool:
    """Whether something has taken effect that comes after this event. Costs a comparison where nothing may be late."""
    return bool(state.latest[0]) and order_of(taken_in(programmes, state, event)) < state.latest


def revise(
    programmes: Programmes, state: CustomerState, event: Event, stretch: Stretch[CustomerState]
) -> Revision[CustomerState] | None:
    """Take in an event that comes after what it should have preceded; None if the stretch begins too late for that.

    What is stated is the same whichever stretch it is told from, the whole stream included (ADR 13).
    """
    history = stretch.events
    floor = _floor(history)
    late = taken_in(programmes, state, event)
    if floor and late.as_of < history[floor - 1].as_of:
        late = msgspec.structs.replace(late, as_of=history[floor - 1].as_of)
    course = _Course.of(history, floor)
    cut, earliest = course.cut(len(history), order_of(late))
    if not floor and earliest[0] < stretch.told_from:
        return None
    settled = _settled(programmes, event, stretch, course, cut, earliest)
    tail = history[cut:]
    start = _folded(programmes, settled.state, settled.events[: len(settled.events) - len(tail)])
    told = _tell(programmes, start, [*_touchpoints(tail), late], event.as_of)
    before = {id: fact for id, fact in facts_in_force(tail).items() if fact.type != facts.REVISED}
    after = {fact.id: fact for fact in told.facts if fact.source == facts.SOURCE}
    stated, revised = _stated(programmes, state, event, late, told.state, _Difference.of(tail, before, after))
    return Revision(stated, revised, settled)


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


def _folded(programmes: Programmes, state: CustomerState, settled: Iterable[Event]) -> CustomerState:
    draft = Draft(state)
    for fact in settled:
        evolve(programmes, draft, fact)
    return draft.state


def _tell(programmes: Programmes, start: CustomerState, touchpoints: Iterable[Event], upto: int) -> Turn:
    turn = Turn(programmes, start)
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
        fact = history[index]
        if fact.type in _FLOORS or (fact.type == facts.EXITED and fact.data["reason"] == facts.STOPPED_NOW):
            return index + 1
    return 0


class _Course(NamedTuple):
    """A stream by what took effect when, from the last fact on before which nothing is told anew."""

    history: Sequence[Event]
    floor: int
    heights: list[Order]
    """The last of what had taken effect with each fact since the floor."""
    places: dict[str, int]
    """Of touchpoints, by id."""

    @classmethod
    def of(cls, history: Sequence[Event], floor: int) -> "_Course":
        places = {history[index].id: index for index in range(floor, len(history)) if is_touchpoint(history[index])}
        return cls(history, floor, list(accumulate(map(_effect, history[floor:]), max)), places)

    def cut(self, end: int, earliest: Order) -> tuple[int, Order]:
        """Where the part to be told anew begins, at `end` at the latest, if something takes effect at `earliest`; and
        what takes effect first in that part.

        Everything before it took effect before `earliest` and before all touchpoints after it; an earlier late event
        stays together with what was told of it.
        """
        cut = seen = end
        while True:
            first = self.floor + bisect_right(self.heights, earliest, 0, cut - self.floor)
            while first < seen:
                revised = [fact for fact in self.history[first:seen] if fact.type == facts.REVISED]
                seen = first
                first = min([first, *(self.places.get(fact.data["late"], first) for fact in revised)])
            if first == cut:
                return cut, earliest
            earliest = min([earliest, *map(order_of, _touchpoints(self.history[first:cut]))])
            cut = first


def _settled(
    programmes: Programmes,
    event: Event,
    stretch: Stretch[CustomerState],
    course: _Course,
    cut: int,
    earliest: Order,
) -> Stretch[CustomerState]:
    """The stretch from where on it may be told anew again: nothing comes in any more with an effect before that.

    A fact before which nothing is told anew stays in it as long as events may come in that happened before.
    """
    history, floor = course.history, course.floor
    active = programmes.active(event.tenant)
    until = event.as_of - (active.lateness if active is not None else 0)
    if floor and history[floor - 1].as_of >= until:
        end, told_from = floor - 1, 0
    else:
        end, _ = course.cut(cut, min(earliest, (until, _FIRST, "")))
        told_from = max(map(_told_from, history[:end]), default=0)
        told_from = told_from if floor else max(told_from, stretch.told_from)
    return Stretch(_folded(programmes, stretch.state, history[:end]), told_from, history[end:])


def _effect(fact: Event) -> Order:
    """The last of what took effect with a fact, in the order of touchpoints."""
    if is_touchpoint(fact):
        return order_of(fact)
    if fact.type == facts.REVISED:
        return (max((one["as_of"] for one in fact.data["done"]), default=0), 0, "")
    return (0 if fact.type == facts.MOMENT_WITHDRAWN else fact.as_of, 0, "")


def _told_from(fact: Event) -> int:
    """The first instant at which nothing takes effect before the fact."""
    return fact.as_of + 1 if is_touchpoint(fact) else _effect(fact)[0]


def _touchpoints(stream: Sequence[Event]) -> list[Event]:
    return [fact for fact in stream if is_touchpoint(fact)]
