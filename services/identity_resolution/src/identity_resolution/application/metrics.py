"""What identity resolution counts, next to what every service counts."""

from typing import Final

from prometheus_client import Counter, Gauge

MERGES: Final = Counter("cairn_identity_merges_total", "Profiles that became part of another.")
SPLITS: Final = Counter("cairn_identity_splits_total", "Profiles that lost identifiers to new evidence: alarm on it.")
BLOCKED: Final = Counter("cairn_identity_blocked_total", "Identifiers blocked for holding a crowd: alarm on it.")
UNRESOLVABLE: Final = Counter("cairn_identity_unresolvable_total", "Events the graph failed on: alarm on it.")
IDENTIFIERS_CACHED: Final = Gauge("cairn_identity_identifiers_cached", "Identifiers in memory.")
TOLD_SUBJECTS: Final = Counter(
    "cairn_identity_subject_events_total", "What accounts and households were told, by kind and what.", ["kind", "what"]
)
TOLD: Final = Counter("cairn_identity_told_total", "Events that told traits or consent, kept by kind.", ["kind"])
RECORDS: Final = Counter("cairn_identity_records_total", "Records of people that were new and were compared.")
COMPARED: Final = Counter("cairn_identity_pairs_compared_total", "Pairs of records that were compared.")
SUGGESTIONS: Final = Counter(
    "cairn_identity_suggestions_total", "Pairs of identifiers that matching suggests, by what follows.", ["how"]
)
UNREADABLE: Final = Counter(
    "cairn_identity_unreadable_total", "Sealed fields that could not be opened though there is a key: alarm on it."
)
DEAD_LISTS: Final = Counter("cairn_identity_dead_lists_total", "Blocking keys that too many records have.")
RULES_VERSION: Final = Gauge(
    "cairn_identity_rules_version", "1 for the rules in force of each tenant.", ["tenant", "version"]
)
RULES_LEFT: Final = Gauge(
    "cairn_identity_rules_changing", "Tenants whose identifiers do not all stand as the rules say."
)
REASSESSED: Final = Counter("cairn_identity_reassessed_total", "Identifiers looked at since the rules changed.")
REMATCHED: Final = Counter(
    "cairn_identity_rematched_total", "Records compared anew since the rules of matching changed."
)
