"""The types of events: what sources may call theirs, and what only Cairn states."""

from functools import lru_cache
from typing import Final

from cairn_kernel.event import ADDRESSED, CONTROL_TYPES, MEMBER_ADDRESSED, RELATION_CHANGED
from cairn_kernel.event_names import normalised
from ingestion.domain.faults import FIELD_FORMAT, FIELD_REQUIRED, TOO_LARGE, BadEvent

PROFILE_IDENTIFIED: Final = "profile.identified"
PAGE_VIEWED: Final = "page.viewed"
SCREEN_VIEWED: Final = "screen.viewed"
GROUP_JOINED: Final = "group.joined"
IDENTITY_ALIASED: Final = "identity.aliased"

MAX_NAME_CHARS: Final = 200

OUTCOMES: Final = frozenset({"sent", "delivered", "opened", "clicked", "bounced", "rejected", "suppressed", "expired"})
"""What becomes of a delivery and comes back as an event."""

CONSENT_PREFERENCES: Final = frozenset({"segment.consent.preference", "segment.consent.preference.updated"})
"""What consent managers send when somebody changes preferences, which stand in `context.consent`."""

RESERVED: Final = frozenset(
    CONTROL_TYPES
    | {f"delivery.{status}" for status in OUTCOMES}
    | {f"delivery.{status}" for status in ("planned", "dispatched", "returned", "in_doubt", "accepted")}
    | {f"journey.{fact}" for fact in ("entered", "stage_entered", "goal_reached", "exited", "moment_reached")}
    | {"decision.made", RELATION_CHANGED, MEMBER_ADDRESSED, ADDRESSED}
)
"""Facts that only Cairn's own services state."""


def event_type(name: object, *, field: str) -> str:
    """The type of an event named so by its source."""
    if name is None or name == "":
        raise BadEvent(FIELD_REQUIRED, field)
    if not isinstance(name, str):
        raise BadEvent(FIELD_FORMAT, field)
    if len(name) > MAX_NAME_CHARS:
        raise BadEvent(TOO_LARGE, field)
    type_ = _free(name)
    if not type_:
        raise BadEvent(FIELD_FORMAT, field)
    return type_


@lru_cache(maxsize=10_000)
def _free(name: str) -> str:
    """The spelling of a name that sources may use; empty for another."""
    type_ = normalised(name)
    return "" if type_ in RESERVED or type_.startswith("cairn.") else type_
