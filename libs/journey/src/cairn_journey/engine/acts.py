"""What became of a customer's journeys by programmes that came into force, read back from a stream to be done again."""

from collections.abc import Iterable

import msgspec

from cairn_journey.engine import facts
from cairn_kernel.event import MERGED, Event


def acts_of(history: Iterable[Event]) -> list[Event]:
    """Migrations and exits from journeys out of service, in order of the stream; also of profiles taken in."""
    found: list[Event] = []
    for fact in history:
        if fact.type == MERGED and fact.data.get("from") == fact.profile_id:
            found = []
        elif fact.type in (facts.UNITED, facts.PARTED) and facts.is_fact(fact):
            carried = msgspec.convert(fact.data.get("acts", []), list[Event])
            found.extend(act for act in carried if _is_act(act))  # older releases carried what operators did, too
        elif _is_act(fact):
            found.append(fact)
    return found


def _is_act(fact: Event) -> bool:
    return fact.type == facts.MIGRATED or (fact.type == facts.EXITED and fact.data.get("reason") == facts.RETIRED)
