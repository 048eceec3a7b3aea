"""A customer's stream as people read it: what happened and still holds, and what was known when."""

from collections.abc import Sequence
from typing import Final

import msgspec

from cairn_journey.engine import facts
from cairn_journey.engine.touchpoints import is_touchpoint, touchpoints_of
from cairn_kernel.event import MEMBER_ADDRESSED, Event

_OUTWARD: Final = frozenset({facts.MOMENT_REACHED, facts.MOMENT_WITHDRAWN, MEMBER_ADDRESSED}) | facts.WHOLE
"""What stays told although a split or a late event has changed the rest: others have heard of it."""


def timeline(history: Sequence[Event]) -> list[Event]:
    """Touchpoints (with those of profiles taken in, without those that left) and facts that hold, oldest first."""
    touchpoints = {touchpoint.id: touchpoint for touchpoint in touchpoints_of(history)}
    held = facts_in_force(history)
    told = {fact.id for fact in history}
    stays = [
        event for event in history if (event.id in touchpoints if is_touchpoint(event) else _stays_told(event, held))
    ]
    others = [event for id, event in (touchpoints | held).items() if id not in told]
    return sorted([*stays, *others], key=lambda event: event.event_time)


def known_at(history: Sequence[Event], instant: int) -> list[Event]:
    """The part of a stream that was known at an instant (µs): an event that came late counts from when it came in."""
    later = {fact.data["late"] for fact in history if fact.type == facts.REVISED and fact.as_of > instant}
    return [fact for fact in history if fact.as_of <= instant and fact.id not in later]


def facts_in_force(history: Sequence[Event]) -> dict[str, Event]:
    """The journey facts that hold at the end of a stream, by id: after late events and splits have changed some."""
    held: dict[str, Event] = {}
    for fact in history:
        if fact.source != facts.SOURCE:
            continue
        if fact.type == facts.REVISED:
            for id in fact.data["undone"]:
                held.pop(id, None)
            held |= _carried(fact, "done")
        elif fact.type == facts.PARTED:
            held = {id: one for id, one in held.items() if one.type in _OUTWARD} | _carried(fact, "facts")
        if fact.type != facts.MOMENT_WITHDRAWN:
            held[fact.id] = fact
    return held


def _carried(fact: Event, name: str) -> dict[str, Event]:
    return {one.id: one for one in msgspec.convert(fact.data.get(name, []), list[Event])}


def _stays_told(event: Event, held: dict[str, Event]) -> bool:
    return event.source != facts.SOURCE or event.id in held or event.type in _OUTWARD
