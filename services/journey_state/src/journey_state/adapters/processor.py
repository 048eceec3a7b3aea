"""The runtime's processor, noting what operators do to journeys, and counting conditions and steps that fail."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from prometheus_client import Counter

from cairn_eventstore import UnitOfWork
from cairn_journey import CustomerState, Programmes
from cairn_journey.engine.facts import CONDITION_FAILED, STEP_FAILED
from cairn_journey.engine.walking import OPERATED
from cairn_kernel.event import Event
from cairn_runtime import ProfileProcessor
from cairn_runtime.walks import Walk

log = structlog.get_logger()

FAILURES: Final = Counter(
    "cairn_expressions_failed_total",
    "Customers for whom a condition failed, and steps that failed, by journey or audience, place and sort of error.",
    ["definition", "place", "error"],
)


class JourneyProcessor(ProfileProcessor[CustomerState]):
    """From a walk's first page on nobody of its partition enters a journey that it pauses or stops.

    Failures are counted once they are committed; of each place the first in this process is logged.
    """

    def __init__(self, programmes: Programmes, **wiring: Any) -> None:
        super().__init__(**wiring)
        self._programmes = programmes

    async def walk(self, pages: Sequence[tuple[Walk, Sequence[str]]], work: UnitOfWork) -> list[int]:
        for walk, _ in pages:
            if walk.event.type in OPERATED:
                self._programmes.operate(walk.tenant, walk.event, walk.partition)
        return await super().walk(pages, work)

    def committed(self, work: UnitOfWork) -> None:
        super().committed(work)
        count(new.event for new in work.appends)


_logged: set[tuple[str, str, str]] = set()


def count(events: Iterable[Event]) -> None:
    """Add the failures among these events to the metric."""
    for event in events:
        if event.type in _PLACES:
            data = event.data
            labels = (
                str(data.get("journey") or data.get("audience")),
                _PLACES[event.type].format(**data),
                data["error"],
            )
            FAILURES.labels(*labels).inc()
            if labels not in _logged:
                _logged.add(labels)
                definition, place, error = labels
                log.warning("expression.failed", definition=definition, place=place, error=error)


_PLACES: Final = {CONDITION_FAILED: "{condition}", STEP_FAILED: "intervention {intervention}, step {step}"}
