"""The runtime's processor, counting what it decided."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter

from cairn_decisions.decide import DECISION_MADE
from cairn_decisions.facts import ProfileState
from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event
from cairn_runtime import ProfileProcessor

DECISIONS: Final = Counter("cairn_decisions_total", "Decisions made, by how they came out.", ["reason"])


class DecisioningProcessor(ProfileProcessor[ProfileState]):
    """Counts decisions once they are committed, not when they are tried."""

    def committed(self, work: UnitOfWork) -> None:
        super().committed(work)
        count(new.event for new in work.appends)


def count(events: Iterable[Event]) -> None:
    """Add the decisions among these events to the metric."""
    for event in events:
        if event.type == DECISION_MADE:
            DECISIONS.labels(event.data["reason"]).inc()
