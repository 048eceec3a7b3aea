"""The read model's rows for what a batch changed; they commit with the facts they tell of."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cairn_decisions.decide import DECISION_MADE
from cairn_decisions.facts import ProfileState
from cairn_eventstore import UnitOfWork, columns
from cairn_kernel.event import MERGED, SPLIT
from cairn_runtime import Change

INSERT_DECISIONS = """
INSERT INTO decisions
    (tenant, decision_id, profile_id, stream_version, partition, moment_id, journey, action, reason, decided)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::smallint[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::bigint[])
ON CONFLICT DO NOTHING
"""
ADD_COUNTS = """
INSERT INTO decision_counts AS c (tenant, partition, reason, action, decisions)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (tenant, partition, reason, action) DO UPDATE SET decisions = c.decisions + excluded.decisions
"""
INSERT_MERGE = "INSERT INTO merged_profiles (tenant, survivor, loser) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
DELETE_MERGE = "DELETE FROM merged_profiles WHERE tenant = $1 AND survivor = $2 AND loser = $3"

DecisionRow = tuple[str, str, str, int, int, str, str, str, str, int]


def project(work: UnitOfWork, changes: Sequence[Change[ProfileState]]) -> None:
    """Add the rows to the unit of work."""
    decisions = [row for change in changes for row in _decisions(change)]
    if decisions:
        counts = Counter((tenant, part, reason, action) for tenant, _, _, _, part, _, _, action, reason, _ in decisions)
        work.rows.append((INSERT_DECISIONS, [columns(decisions)]))
        work.rows.append((ADD_COUNTS, [columns([(*key, count) for key, count in sorted(counts.items())])]))
    for change in changes:
        for fact in change.facts:
            if fact.type == MERGED and fact.data["to"] == change.profile_id:
                work.rows.append((INSERT_MERGE, [(change.tenant, fact.data["to"], fact.data["from"])]))
            elif fact.type == SPLIT and fact.data["from"] == change.profile_id:
                work.rows.append((DELETE_MERGE, [(change.tenant, fact.data["from"], fact.data["to"])]))


def _decisions(change: Change[ProfileState]) -> Iterator[DecisionRow]:
    for version, fact in enumerate(change.facts, start=change.known + 1):
        if fact.type == DECISION_MADE:
            data = fact.data
            action = (data["chosen"] or {}).get("action", "")
            yield (
                change.tenant,
                fact.id,
                change.profile_id,
                version,
                change.partition,
                data["moment_id"],
                data["journey"],
                action,
                data["reason"],
                fact.as_of,
            )
