"""What becomes of an event at the front door."""

from enum import StrEnum

import msgspec


class Fate(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one arrival; `reason` and `field` say why it is in quarantine, `quarantine_id` under which id."""

    fate: Fate
    event_id: str = ""
    reason: str = ""
    field: str = ""
    quarantine_id: str = ""
