"""What a customer did, read back from a stream: through merges, splits, and events that came late."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from cairn_journey.engine import facts
from cairn_kernel.event import CONSENT_CHANGED, CONTROL_TYPES, MERGED, Event
from cairn_kernel.identifiers import CAIRN_PROFILE

_CONTROLS: Final = CONTROL_TYPES - {CONSENT_CHANGED}


def is_touchpoint(event: Event) -> bool:
    """Whether it is something that happened to the customer, neither a fact of ours nor a control event."""
    return event.source != facts.SOURCE and event.type not in _CONTROLS


def touchpoints_of(history: Iterable[Event]) -> list[Event]:
    """The touchpoints that are the profile's at the end of its stream, in order of the stream.

    Those of profiles it has taken in are among them; those that left with a split are not, nor is anything of a
    profile that was itself taken in: its touchpoints are the survivor's. Events that interventions emitted are none:
    they follow from the others.
    """
    found: list[Event] = []
    for event in history:
        if event.type == facts.UNITED and facts.is_fact(event):
            found.extend(msgspec.convert(event.data["touchpoints"], list[Event]))
        elif event.type == facts.PARTED and facts.is_fact(event):
            gone = set(event.data["moved"])
            found = [touchpoint for touchpoint in found if touchpoint.id not in gone]
            found.extend(msgspec.convert(event.data["touchpoints"], list[Event]))
        elif event.type == MERGED and event.data.get("from") == event.profile_id:
            found = []
        elif is_touchpoint(event):
            found.append(event)
    return found


def moving(split: Mapping[str, Any], touchpoints: Sequence[Event]) -> set[str]:
    """Ids of the touchpoints that go to `to`, by the data of a split (see `cairn_kernel.event.SPLIT`)."""
    moved, kept = set(split.get("moved", ())), set(split.get("kept", ()))
    moved.add(f"{CAIRN_PROFILE}:{split['to']}")
    kept.add(f"{CAIRN_PROFILE}:{split['from']}")
    named = set(split.get("events", ()))
    going = named & {touchpoint.id for touchpoint in touchpoints}
    alone = frozenset(split.get("alone", ()))
    since, until = split.get("since"), split.get("until")
    for touchpoint in touchpoints:
        if (since is not None and touchpoint.event_time < since) or (
            until is not None and touchpoint.event_time >= until
        ):
            continue
        names = [":".join(identifier) for identifier in touchpoint.identifiers]
        for name in [name for name in names if name not in alone] or names:
            if name in moved or name in kept:
                if name in moved:
                    going.add(touchpoint.id)
                break
    going |= {one.id for one in touchpoints if not one.identifiers and one.causation_id in going}
    return going
