"""The read model's rows for what a batch changed; they commit with the facts they tell of."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from cairn_eventstore import UnitOfWork
from cairn_journey import CustomerState, counts
from cairn_journey.facts import ENTERED, EXITED, GOAL_REACHED, STAGE_ENTERED, UNITED
from cairn_kernel.event import MERGED
from cairn_runtime import Change
from journey_state.adapters.postgres_customers import tally_json

INSERT_CUSTOMER = "INSERT INTO customers (tenant, profile_id, partition) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
CLOSE_CUSTOMER = """
INSERT INTO customers (tenant, profile_id, partition, merged_into) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, profile_id) DO UPDATE SET merged_into = excluded.merged_into
"""
UPSERT_STANDING = """
INSERT INTO standings VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (tenant, profile_id, journey) DO UPDATE SET
    entered = excluded.entered, in_flight = excluded.in_flight, goal = excluded.goal,
    goal_value = excluded.goal_value, currency = excluded.currency, exited = excluded.exited,
    stage = excluded.stage, entries = excluded.entries, transitions = excluded.transitions
"""
MOVES: Final = frozenset({ENTERED, STAGE_ENTERED, GOAL_REACHED, EXITED, UNITED})
"""Facts after which a customer may stand elsewhere."""

StandingRow = tuple[str, str, str, int, int, int, Decimal, str, int, str, str, str]


def project(work: UnitOfWork, changes: Sequence[Change[CustomerState]]) -> None:
    """Add the rows to the unit of work."""
    born = [change for change in changes if change.version == len(change.facts) and not change.state.closed_into]
    closed = [change for change in changes if any(_closes(change, fact.type) for fact in change.facts)]
    standings = [
        row for change in changes if any(fact.type in MOVES for fact in change.facts) for row in _standings(change)
    ]
    if born:
        work.rows.append((INSERT_CUSTOMER, [(c.tenant, c.profile_id, c.partition) for c in born]))
    if closed:
        rows = [(c.tenant, c.profile_id, c.partition, c.state.closed_into) for c in closed]
        work.rows.append((CLOSE_CUSTOMER, rows))
    if standings:
        work.rows.append((UPSERT_STANDING, standings))


def _closes(change: Change[CustomerState], type: str) -> bool:
    return type == MERGED and bool(change.state.closed_into)


def _standings(change: Change[CustomerState]) -> Iterator[StandingRow]:
    for journey, count in counts(change.state).items():
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
            tally_json(count.stage_entries),
            tally_json(count.stage_transitions),
        )
