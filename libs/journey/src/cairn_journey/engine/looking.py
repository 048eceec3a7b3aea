"""Conditions that are looked at again when what they read changes: by an event, or by time alone.

Time alone changes what windowed features say when a bucket leaves the window, and idle days at each full day. One timer
per instance waits for the next such instant; it is never later than that, and when it fires it is set to the first
instant at which one of the conditions would hold if nothing else happened.
"""

from collections.abc import Collection, Iterable
from typing import Final

from cairn_journey.engine.conditions import Condition
from cairn_journey.engine.features import CompiledFeature
from cairn_journey.engine.sight import Sight
from cairn_journey.engine.state import CustomerState

LOOK_AHEAD: Final = 400
"""So many changes by time alone are looked through at once; at the last of them the timer fires to go on from there."""


def next_change(features: Iterable[CompiledFeature], state: CustomerState, at: int) -> int | None:
    """The first instant after `at` at which time alone changes what one of the features says; None: never."""
    kept = state.features
    return min((due for feature in features if (due := feature.changes_after(kept, at)) is not None), default=None)


def turns_at(
    conditions: Collection[Condition], features: Iterable[CompiledFeature], state: CustomerState, at: int, *, now: bool
) -> int | None:
    """The first instant after `at` at which whether any of the conditions holds is no longer `now`, by time alone.

    None: never. If it is further away than can be looked through, the last instant that was looked at.
    """
    read = tuple(features)
    due = next_change(read, state, at)
    for _ in range(LOOK_AHEAD):
        if due is None or any_holds(conditions, Sight(state, due)) is not now:
            return due
        later = next_change(read, state, due)
        if later is None:
            return None
        due = later
    return due


def any_holds(conditions: Iterable[Condition], sight: Sight) -> bool:
    """Whether one of the conditions holds."""
    return any(sight.holds(condition) for condition in conditions)
