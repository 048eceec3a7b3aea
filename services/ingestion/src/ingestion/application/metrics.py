"""What the front door counts."""

from collections import Counter as Tally
from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ingestion.domain.fates import Fate, Outcome

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

ACCEPTED: Final = Counter("cairn_ingestion_accepted_total", "Events taken in.")
DUPLICATES: Final = Counter("cairn_ingestion_duplicates_total", "Events that had been taken in before.")
QUARANTINED: Final = Counter("cairn_ingestion_quarantined_total", "Events kept aside.", ["reason"])
OUTCOMES: Final = Counter("cairn_ingestion_outcomes_total", "Outcomes of deliveries that became events.")
REFUSED: Final = Counter("cairn_ingestion_refused_total", "Requests refused whole.", ["reason"])
COMMIT_SECONDS: Final = Histogram("cairn_ingestion_commit_seconds", "One group commit.", buckets=BUCKETS)
COMMIT_EVENTS: Final = Histogram(
    "cairn_ingestion_commit_events", "Events of one group commit.", buckets=(1, 10, 50, 100, 250, 500, 1000, 2500)
)
QUEUED: Final = Gauge("cairn_ingestion_queued_events", "Events that wait for a commit.")
STEP: Final = Gauge("cairn_ingestion_step", "The open step of a time-lapse; 0 before one.")


def count(outcomes: Sequence[Outcome]) -> None:
    fates = [outcome.fate for outcome in outcomes]
    ACCEPTED.inc(fates.count(Fate.ACCEPTED))
    DUPLICATES.inc(fates.count(Fate.DUPLICATE))
    COMMIT_EVENTS.observe(len(outcomes))
    if Fate.QUARANTINED in fates:
        for reason, number in Tally(outcome.reason for outcome in outcomes if outcome.reason).items():
            QUARANTINED.labels(reason).inc(number)
