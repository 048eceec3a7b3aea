"""How the read models follow from the log: `python -m activation.rebuild` makes them anew.

`receipts`, `consents`, `merges` and `splits` are records themselves: what channels and the upstream log said.
"""

from collections.abc import Sequence
from typing import Final

from activation.application.turn import LOG, UPSERT_DELIVERY, UPSERT_MODE, row_of
from activation.domain.delivery import PREFIX, Delivery, folded
from activation.domain.status import PLANNED
from activation.domain.stored import STORED
from cairn_eventstore import UnitOfWork
from cairn_kernel.event import MARKER, Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_runtime.rebuild import ReadModel
from cairn_runtime.rebuild_command import main

Mode = tuple[int, int, str]
"""Partition, step and mode of a partition's last marker."""


class DeliveryFolding:
    """One stream per delivery, and one of markers per partition."""

    def __init__(self) -> None:
        self._partitions = {stable_id("markers", LOG, partition): partition for partition in range(PARTITIONS)}

    def change(self, stream: str, events: list[Event], known: int) -> Delivery | Mode | None:
        """See Folding.change."""
        last = events[-1]
        if last.type == MARKER:
            return self._partitions[stream], int(last.data["step"]), str(last.data["mode"])
        return folded(events) if events[0].type == PREFIX + PLANNED else None

    def write(self, work: UnitOfWork, changes: Sequence[Delivery | Mode]) -> None:
        """See Folding.write."""
        deliveries = [row_of(one, None) for one in changes if isinstance(one, Delivery)]
        modes = [one for one in changes if not isinstance(one, Delivery)]
        work.rows += [(UPSERT_DELIVERY, deliveries), (UPSERT_MODE, modes)]


READ_MODEL: Final = ReadModel[Delivery | Mode](
    service="activation",
    folding=lambda _: DeliveryFolding(),
    tables={
        "deliveries": """
            SELECT delivery_id, tenant, partition, profile_id, decision_id, channel, connector, action, status, reason,
                open, planned_at, due, expires_at, attempt
            FROM {table}
        """,
        "modes": "SELECT * FROM {table}",
    },
    stored=STORED,
    log_tables=(),  # timers are only for what waits long; the service sets them as it needs them
    keep="""
        UPDATE {shadow}.deliveries s SET not_after = l.not_after FROM {live}.deliveries l
        WHERE l.delivery_id = s.delivery_id AND l.attempt = s.attempt AND l.not_after > 0
    """,
)

if __name__ == "__main__":
    main("activation.rebuild:READ_MODEL")
