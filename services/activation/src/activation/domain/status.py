"""What can become of a delivery, and which word counts."""

from typing import Final

PLANNED: Final = "planned"
DISPATCHED: Final = "dispatched"
RETURNED: Final = "returned"
IN_DOUBT: Final = "in_doubt"
SUPPRESSED: Final = "suppressed"
EXPIRED: Final = "expired"
ACCEPTED: Final = "accepted"
SENT: Final = "sent"
DELIVERED: Final = "delivered"
OPENED: Final = "opened"
CLICKED: Final = "clicked"
REJECTED: Final = "rejected"
BOUNCED: Final = "bounced"

PRECEDENCE: Final = (
    PLANNED,
    DISPATCHED,
    IN_DOUBT,
    SUPPRESSED,
    EXPIRED,
    ACCEPTED,
    SENT,
    DELIVERED,
    OPENED,
    CLICKED,
    REJECTED,
    BOUNCED,
)
"""Later wins, whatever came first: what the channel says outranks what we assumed, a failure for good all else."""

_RANK: Final = {status: rank for rank, status in enumerate(PRECEDENCE)}

OPEN: Final = frozenset({PLANNED, DISPATCHED, IN_DOUBT})
"""Nobody has said yet what became of it."""
REPORTED: Final = frozenset({ACCEPTED, SENT, DELIVERED, OPENED, CLICKED, REJECTED, BOUNCED})
"""What a connector can report besides `returned` and `in_doubt`."""


def stronger(one: str, other: str) -> str:
    """The status that counts of two; the order in which they came does not matter."""
    return one if _RANK[one] >= _RANK[other] else other
