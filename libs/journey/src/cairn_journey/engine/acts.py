"""What operators did to a customer's journeys, read back from a stream to be done again when it is gone through."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from cairn_journey.engine import facts
from cairn_kernel.event import MERGED, Event


class Past(NamedTuple):
    """What going through the past again must know of it besides touchpoints."""

    refused: frozenset[tuple[int, str, str]]
    """(instant, journey, key) of entries that a closed journey refused then; all others were open."""
    late: str = ""
    """Id of the touchpoint that was not there: whether it may enter is for now to say."""

    @classmethod
    def of(cls, acts: Iterable[Event], late: str = "") -> "Past":
        """What acts (see `acts_of`) tell of it."""
        refused = [act for act in acts if act.type == facts.ENTRY_REFUSED]
        return cls(frozenset((act.as_of, act.data["journey"], act.data["key"]) for act in refused), late)


def acts_of(history: Iterable[Event]) -> list[Event]:
    """Pauses, resumptions, stops, migrations and refused entries that hold, in order of the stream; also of profiles
    taken in.
    """
    found: list[Event] = []
    for fact in history:
        if fact.type == MERGED and fact.data.get("from") == fact.profile_id:
            found = []
        elif fact.type in (facts.UNITED, facts.PARTED) and facts.is_fact(fact):
            found.extend(msgspec.convert(fact.data.get("acts", []), list[Event]))
        elif fact.type == facts.REVISED:
            undone = set(fact.data["undone"])
            found = [act for act in found if act.id not in undone]
            found.extend(act for act in msgspec.convert(fact.data["done"], list[Event]) if _is_act(act))
        elif _is_act(fact):
            found.append(fact)
    return found


def _is_act(fact: Event) -> bool:
    if fact.type in (facts.HELD, facts.RELEASED, facts.MIGRATED):
        return True
    reason = fact.data.get("reason")
    return (fact.type == facts.EXITED and reason in (facts.STOPPED_NOW, facts.RETIRED)) or (
        fact.type == facts.ENTRY_REFUSED and reason == facts.CLOSED
    )
