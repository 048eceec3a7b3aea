"""Merges and splits stand in two profiles' streams: finding one's other copy."""

from collections.abc import Sequence
from typing import Final

from cairn_kernel.event import MERGED, SPLIT, Event

TWO_SIDED: Final = frozenset({MERGED, SPLIT})


def other_copy(control: Event, stream: Sequence[Event]) -> int | None:
    """Where in the other profile's stream its copy of a merge or a split stands; None if it is not there.

    Both say the same, but for the `events` that journey-state adds to a split. One cause may split the same two by
    several intervals of time.
    """
    said = {name: value for name, value in control.data.items() if name != "events"}
    for index in range(len(stream) - 1, -1, -1):
        fact = stream[index]
        if (
            fact.type == control.type
            and fact.causation_id == control.causation_id
            and {name: value for name, value in fact.data.items() if name != "events"} == said
        ):
            return index
    return None


def waits_for(control: Event) -> str:
    """The profile whose stream has to tell of a merge or split before this copy may be taken; empty if none has to.

    Of a merge the loser goes first, of a split the one that gives.
    """
    return str(control.data["from"]) if control.profile_id == control.data["to"] else ""
