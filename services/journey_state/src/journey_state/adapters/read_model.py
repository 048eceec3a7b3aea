"""The read model's rows for what a batch changed; they commit with the facts they tell of.

They follow from the states before and after alone, so that folding all streams anew gives the same rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Final

from cairn_eventstore import UnitOfWork, columns
from cairn_journey import WELL, CustomerState, Instance, count
from cairn_runtime import Change

INSERT_CUSTOMERS = """
INSERT INTO customers (tenant, profile_id, partition) SELECT * FROM unnest($1::text[], $2::uuid[], $3::smallint[])
ON CONFLICT (tenant, profile_id) DO UPDATE SET merged_into = NULL
"""
CLOSE_CUSTOMERS = """
INSERT INTO customers (tenant, profile_id, partition, merged_into)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::smallint[], $4::uuid[])
ON CONFLICT (tenant, profile_id) DO UPDATE SET merged_into = excluded.merged_into
"""
DELETE_INSTANCES = """
DELETE FROM instances i USING unnest($1::text[], $2::uuid[], $3::uuid[]) AS g(tenant, instance_id, profile_id)
WHERE i.tenant = g.tenant AND i.instance_id = g.instance_id AND i.profile_id = g.profile_id
"""
UPSERT_INSTANCES = """
INSERT INTO instances SELECT tenant, instance_id, profile_id, partition, journey, key, version, stage, entered,
    stage_entered, held, CASE WHEN waits = '' THEN '{}' ELSE string_to_array(waits, E'\\n') END
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::text[])
    AS n(tenant, instance_id, profile_id, partition, journey, key, version, stage, entered, stage_entered, held, waits)
ON CONFLICT (tenant, instance_id) DO UPDATE SET
    profile_id = excluded.profile_id, partition = excluded.partition, version = excluded.version,
    stage = excluded.stage, stage_entered = excluded.stage_entered, held = excluded.held, waits = excluded.waits
"""
ADD_TO_COUNTERS = """
INSERT INTO counters SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::numeric[])
ON CONFLICT (tenant, partition, journey, name) DO UPDATE SET value = counters.value + excluded.value
"""

CUSTOMERS: Final = "customers"
CounterKey = tuple[str, int, str, str]
"""tenant, partition, journey, name"""
InstanceRow = tuple[str, str, str, int, str, str, str, str, int, int | None, int | None, str]


def project(work: UnitOfWork, changes: Sequence[Change[CustomerState]]) -> None:
    """Add the rows to the unit of work."""
    born = [change for change in changes if _is_customer(change) and not _was_customer(change)]
    closed = [change for change in changes if change.state.closed_into and not change.before.closed_into]
    if born:
        rows = [(c.tenant, c.profile_id, c.partition) for c in born]
        work.rows.append((INSERT_CUSTOMERS, [columns(rows)]))
    if closed:
        ends = [(c.tenant, c.profile_id, c.partition, c.state.closed_into) for c in closed]
        work.rows.append((CLOSE_CUSTOMERS, [columns(ends)]))
    _instances(work, changes)
    _counters(work, changes)


def _is_customer(change: Change[CustomerState]) -> bool:
    return not change.state.closed_into


def _was_customer(change: Change[CustomerState]) -> bool:
    return bool(change.known) and not change.before.closed_into


def _instances(work: UnitOfWork, changes: Sequence[Change[CustomerState]]) -> None:
    gone: list[tuple[str, str, str]] = []  # an instance that went to another profile may be there already
    here: list[InstanceRow] = []
    for change in changes:
        before, after = change.before.open, change.state.open
        if before is after:
            continue
        now = {instance.instance_id for instance in after.values()}
        left = [one.instance_id for one in before.values() if one.instance_id not in now]
        gone += [(change.tenant, instance_id, change.profile_id) for instance_id in left]
        here += [_row(change, one) for slot, one in after.items() if before.get(slot) is not one]
    if gone:
        work.rows.append((DELETE_INSTANCES, [columns(sorted(gone))]))
    if here:
        work.rows.append((UPSERT_INSTANCES, [columns(sorted(here, key=itemgetter(0, 1)))]))


def _row(change: Change[CustomerState], instance: Instance) -> InstanceRow:
    waits = sorted(f"{name}/{run.step}" for name, run in instance.runs.items())
    return (
        change.tenant,
        instance.instance_id,
        change.profile_id,
        change.partition,
        instance.journey,
        instance.key,
        instance.version,
        instance.stage,
        instance.entered,
        instance.stage_entered,
        instance.held,
        "\n".join(waits),
    )


def _counters(work: UnitOfWork, changes: Sequence[Change[CustomerState]]) -> None:
    moved: dict[CounterKey, int | Decimal] = defaultdict(int)
    for change in changes:
        tenant, partition = change.tenant, change.partition
        more = _is_customer(change) - _was_customer(change)
        if more:
            moved[tenant, partition, "", CUSTOMERS] += more
        for journey, name, difference in differences(change.before, change.state):
            moved[tenant, partition, journey, name] += difference
    rows = [(*key, value) for key, value in sorted(moved.items()) if value]
    if rows:
        work.rows.append((ADD_TO_COUNTERS, [columns(rows)]))


def differences(before: CustomerState, after: CustomerState) -> Iterator[tuple[str, str, int | Decimal]]:
    """(journey, counter, difference) of what one customer's change moved. What was not touched costs nothing."""
    if before.records is after.records and before.open is after.open:
        return
    touched = {
        name
        for name in before.records.keys() | after.records.keys()
        if before.records.get(name) is not after.records.get(name)
    }
    touched |= {
        one.journey
        for mine, others in ((before.open, after.open), (after.open, before.open))
        for slot, one in mine.items()
        if others.get(slot) is not one
    }
    for journey in touched:
        old, new = _numbers(before, journey), _numbers(after, journey)
        for name in sorted(old.keys() | new.keys()):
            if difference := new.get(name, 0) - old.get(name, 0):
                yield journey, name, difference


def _numbers(state: CustomerState, journey: str) -> Mapping[str, int | Decimal]:
    if journey not in state.records:
        return {}
    one = count(state, journey)
    numbers: dict[str, int | Decimal] = {
        "entered": one.entered,
        "in_flight": one.in_flight,
        "goal": one.goal,
        "exited": one.exited,
        "attributed": one.attributed,
    }
    for kind, found in (
        ("stage", one.stages),
        ("entries", one.stage_entries),
        ("moves", one.stage_transitions),
        ("dwell", one.dwell),
        ("friction", one.frictions),
        ("value", one.values),
    ):
        for name, number in found.items():
            numbers[f"{kind}:{name}"] = number
    for band, number in one.health.items():
        if band != WELL:
            numbers[f"health:{band}"] = number
    return numbers
