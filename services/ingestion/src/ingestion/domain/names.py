"""Event names are normalised once, here: `Basket Purchased` becomes `basket.purchased`."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from cairn_kernel.event import CONTROL_TYPES
from ingestion.domain.faults import FIELD_FORMAT, FIELD_REQUIRED, TOO_LARGE, BadEvent

PROFILE_IDENTIFIED: Final = "profile.identified"
PAGE_VIEWED: Final = "page.viewed"
SCREEN_VIEWED: Final = "screen.viewed"
GROUP_JOINED: Final = "group.joined"
IDENTITY_ALIASED: Final = "identity.aliased"

MAX_NAME_CHARS: Final = 200

OUTCOMES: Final = frozenset({"sent", "delivered", "opened", "clicked", "bounced", "rejected", "suppressed", "expired"})
"""What becomes of a delivery and comes back as an event."""

RESERVED: Final = frozenset(
    CONTROL_TYPES
    | {f"delivery.{status}" for status in OUTCOMES}
    | {f"delivery.{status}" for status in ("planned", "dispatched", "returned", "in_doubt", "accepted")}
    | {f"journey.{fact}" for fact in ("entered", "stage_entered", "goal_reached", "exited", "moment_reached")}
    | {"decision.made"}
)
"""Facts that only Cairn's own services state."""

_SEPARATED: Final = re.compile(r"[\s._\-/]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAK: Final = re.compile(r"[^\w]+")


@lru_cache(maxsize=10_000)
def normalised(name: str) -> str:
    """Lower case, words joined by dots: blanks and punctuation part words, underscores do not.

    A name in camel case without any separator (`BasketPurchased`) is parted at its capitals.
    """
    text = unicodedata.normalize("NFKC", name).strip()
    if not _SEPARATED.search(text):
        text = _CAMEL.sub(" ", text)
    return _BREAK.sub(".", unicodedata.normalize("NFKC", text.lower())).strip("._")


def event_type(name: object, *, field: str) -> str:
    """The type of an event named so by its source."""
    if name is None or name == "":
        raise BadEvent(FIELD_REQUIRED, field)
    if not isinstance(name, str):
        raise BadEvent(FIELD_FORMAT, field)
    if len(name) > MAX_NAME_CHARS:
        raise BadEvent(TOO_LARGE, field)
    type_ = normalised(name)
    if not type_ or type_ in RESERVED or type_.startswith("cairn."):
        raise BadEvent(FIELD_FORMAT, field)
    return type_
