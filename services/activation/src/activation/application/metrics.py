"""What activation counts beyond what every service counts."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

FACTS: Final = Counter("cairn_delivery_facts_total", "Facts of deliveries by status.", ["status"])
OPEN: Final = Gauge("cairn_deliveries_open", "Deliveries of which nobody has said what became of them.")
IN_FLIGHT: Final = Gauge("cairn_deliveries_in_flight", "Deliveries that a connector has.", ["connector"])
MARKERS_HELD: Final = Gauge("cairn_markers_held", "Partitions whose step waits for receipts.")
RECEIPTS: Final = Counter("cairn_receipts_total", "Receipts that came, repeats included.", ["status"])
LATENCY_BUCKETS: Final = (
    0.005,
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.5,
    0.75,
    1,
    1.5,
    2,
    3,
    5,
    10,
    30,
)
DISPATCH_SECONDS: Final = Histogram(
    "cairn_ingest_to_dispatch_seconds",
    "From the commit of a customer's event to the dispatch it caused, live.",
    buckets=LATENCY_BUCKETS,
)
