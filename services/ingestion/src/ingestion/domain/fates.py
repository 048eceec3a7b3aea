"""What becomes of an event at the front door."""

from enum import StrEnum
from typing import NamedTuple


class Fate(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class Outcome(NamedTuple):
    """What became of one arrival; `reason` and `field` say why it is in quarantine."""

    fate: Fate
    event_id: str = ""
    reason: str = ""
    field: str = ""
