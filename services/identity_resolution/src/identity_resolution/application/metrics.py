"""What identity resolution counts, next to what every service counts."""

from typing import Final

from prometheus_client import Counter, Gauge

MERGES: Final = Counter("cairn_identity_merges_total", "Profiles that became part of another.")
SPLITS: Final = Counter("cairn_identity_splits_total", "Profiles that lost identifiers to new evidence: alarm on it.")
BLOCKED: Final = Counter("cairn_identity_blocked_total", "Identifiers blocked for holding a crowd: alarm on it.")
UNRESOLVABLE: Final = Counter("cairn_identity_unresolvable_total", "Events the graph failed on: alarm on it.")
IDENTIFIERS_CACHED: Final = Gauge("cairn_identity_identifiers_cached", "Identifiers in memory.")
