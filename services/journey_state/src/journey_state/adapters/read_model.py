"""The read model's rows for what a batch changed; they commit with the facts they tell of."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from cairn_eventstore import UnitOfWork, columns
from cairn_journey import CustomerState, counts
from cairn_journey.facts import ENTERED, EXITED, GOAL_REACHED, PARTED, STAGE_ENTERED, UNITED
from cairn_kernel.event import MERGED, canonical
from cairn_runtime import Change

INSERT_CUSTOMERS = """
INSERT INTO customers (tenant, profile_id, partition) SELECT * FROM unnest($1::text[], $2::uuid[], $3::smallint[])
ON CONFLICT DO NOTHING
"""
CLOSE_CUSTOMERS = """
INSERT INTO customers (tenant, profile_id, partition, merged_into)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::smallint[], $4::uuid[])
ON CONFLICT (tenant, profile_id) DO UPDATE SET merged_into = excluded.merged_into
"""
REOPEN_CUSTOMERS = """
UPDATE customers SET merged_into = NULL WHERE (tenant, profile_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""
DELETE_STANDINGS = """
DELETE FROM standings WHERE (tenant, profile_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""
UPSERT_STANDINGS = """
INSERT INTO standings SELECT * FROM unnest(
    $1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::numeric[], $8::text[],
    $9::bigint[], $10::text[], $11::jsonb[], $12::jsonb[])
ON CONFLICT (tenant, profile_id, journey) DO UPDATE SET
    entered = excluded.entered, in_flight = excluded.in_flight, goal = excluded.goal,
    goal_value = excluded.goal_value, currency = excluded.currency, exited = excluded.exited,
    stage = excluded.stage, entries = excluded.entries, transitions = excluded.transitions
"""
MOVES: Final = frozenset({ENTERED, STAGE_ENTERED, GOAL_REACHED, EXITED, UNITED, PARTED})
"""Facts after which a customer may stand elsewhere."""

StandingRow = tuple[str, str, str, int, int, int, Decimal, str, int, str, str, str]


def project(work: UnitOfWork, changes: Sequence[Change[CustomerState]]) -> None:
    """Add the rows to the unit of work."""
    born = [change for change in changes if change.version == len(change.facts) and not change.state.closed_into]
    closed = [change for change in changes if any(_closes(change, fact.type) for fact in change.facts)]
    standings = [row for change in changes for row in _standings(change)]
    if born:
        rows = [(c.tenant, c.profile_id, c.partition) for c in born]
        work.rows.append((INSERT_CUSTOMERS, [columns(rows)]))
    if closed:
        ends = [(c.tenant, c.profile_id, c.partition, c.state.closed_into) for c in closed]
        work.rows.append((CLOSE_CUSTOMERS, [columns(ends)]))
    if parted := [(c.tenant, c.profile_id) for c in changes if any(fact.type == PARTED for fact in c.facts)]:
        work.rows.append((DELETE_STANDINGS, [columns(parted)]))
    if reopened := [(c.tenant, c.profile_id) for c in changes if _reopened(c)]:
        work.rows.append((REOPEN_CUSTOMERS, [columns(reopened)]))
    if standings:
        work.rows.append((UPSERT_STANDINGS, [columns(standings)]))


def _closes(change: Change[CustomerState], type: str) -> bool:
    return type == MERGED and bool(change.state.closed_into)


def _reopened(change: Change[CustomerState]) -> bool:
    return not change.state.closed_into and any(
        fact.type == PARTED and fact.data["to"] == change.profile_id for fact in change.facts
    )


def _standings(change: Change[CustomerState]) -> Iterator[StandingRow]:
    """Rows of the journeys in which the customer moved; a united customer may stand elsewhere in all of them."""
    moved = {fact.data.get("journey") for fact in change.facts if fact.type in MOVES}
    if not moved:
        return
    for journey, count in counts(change.state).items():
        if journey not in moved and None not in moved:
            continue
        yield (
            change.tenant,
            change.profile_id,
            journey,
            count.entered,
            count.in_flight,
            count.goal,
            Decimal(count.goal_value),
            count.currency,
            count.exited,
            next(iter(count.stages), ""),
            canonical(count.stage_entries).decode(),
            canonical(count.stage_transitions).decode(),
        )
