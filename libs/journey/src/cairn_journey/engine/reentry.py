"""Whether a customer may enter a journey once more."""

from cairn_journey.engine.state import Record
from cairn_journey.language.model import Reentry


def may_enter(reentry: Reentry, record: Record, key: str, at: int) -> bool:
    """Whether the journey's rule allows an entry at an instant, given the customer's record in it.

    In a journey with a key the rule holds for each key on its own, except `max`, which counts all entries.
    """
    if not record.entered:
        return True
    if reentry.max is not None and record.entered >= reentry.max:
        return False
    ended = last_ended(record, key)
    if ended is None or reentry.rule == "always":
        return True
    return reentry.rule == "after" and at >= ended + reentry.after


def last_ended(record: Record, key: str) -> int | None:
    """When the customer was last through with the journey, for that key if there is one; None: not yet."""
    if key:
        return record.keys.get(key)
    return record.last_ended if record.past else None
