"""What every service counts. Labels are names of logs and small numbers, never ids of customers."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

EVENTS_PROCESSED: Final = Counter("cairn_events_processed_total", "Upstream events processed.", ["log"])
EVENTS_APPENDED: Final = Counter("cairn_events_appended_total", "Events appended to the own log.", ["log"])
BATCH_SECONDS: Final = Histogram("cairn_batch_seconds", "From taking a batch to its commit.", ["log"], buckets=BUCKETS)
BATCH_FAILURES: Final = Counter("cairn_batch_failures_total", "Batches that had to be done again.", ["log", "reason"])
READ_INSTEAD: Final = Gauge("cairn_entries_read_from_log", "Entries read from the owner's log, not the bus.", ["log"])
PARTITIONS_HELD: Final = Gauge("cairn_partitions_held", "Partitions this replica owns.")
PROFILES_PARKED: Final = Counter("cairn_profiles_parked_total", "Profiles whose input waits after a fault.")
UNKNOWN_VERSIONS: Final = Counter(
    "cairn_unknown_versions_total", "Events whose profile was parked since only a newer Cairn can read them.", ["type"]
)
SNAPSHOTS: Final = Counter("cairn_snapshots_total", "Snapshots of long streams, written and read.", ["what"])
LATE: Final = Counter("cairn_late_events_total", "Events that came after what they should have preceded.")
LATE_READ: Final = Counter("cairn_late_events_read_total", "Events of streams read to take late ones in.")
MERGE_WAITS: Final = Counter("cairn_merge_waits_total", "Times a partition waited for a merge's or split's other side.")
WALKS_PENDING: Final = Gauge("cairn_walks_pending", "Partitions of this replica that a walk holds up.")
WALK_PROFILES: Final = Counter("cairn_walk_profiles_total", "Profiles visited by walks.", ["type"])
RPC_SECONDS: Final = Histogram("cairn_rpc_seconds", "gRPC calls served.", ["method", "code"], buckets=BUCKETS)
