"""What a tenant's programme says of whoever is at the door: how its clock is taken, and how much it may send."""

import time
from typing import Final

from ingestion.application import metrics
from ingestion.application.event_types import EventTypes
from ingestion.application.receive import RETRY_AFTER_MOST_S, RETRY_AFTER_S, Overloaded
from ingestion.domain.event_types import Catalogue
from ingestion.domain.told import Source

BURST_S: Final = 60.0
"""A source that was silent may send as much as it may send in so many seconds at once."""


class Entrance:
    """Quotas are kept by each process for itself."""

    def __init__(self, types: EventTypes) -> None:
        self._types = types
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        """Events that a source may still send, and when that was reckoned."""

    def enter(self, source: Source, events: int) -> tuple[Source, Catalogue]:
        """The source as its tenant describes it, and what the tenant says of events. Raises Overloaded (QUOTA)."""
        catalogue = self._types.of(source.tenant)
        rule = catalogue.sources.get(source.name)
        if rule is None:
            return source, catalogue
        if rule.per_second is not None:
            self._take(source, events, rule.per_second)
        return source._replace(clock=rule.clock), catalogue

    def _take(self, source: Source, events: int, per_second: int) -> None:
        now, most = time.monotonic(), per_second * BURST_S
        left, reckoned = self._left.get((source.tenant, source.name), (most, now))
        left = min(most, left + (now - reckoned) * per_second)
        if left < min(events, most):
            metrics.REFUSED.labels("QUOTA").inc()
            wait = (min(events, most) - left) / per_second
            raise Overloaded(int(min(max(wait, RETRY_AFTER_S), RETRY_AFTER_MOST_S)), "QUOTA")
        self._left[source.tenant, source.name] = left - events, now
