"""The ledger on PostgreSQL: each method is one statement, whatever the size of the batch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from cairn_kernel.event import Event, from_canonical_json, to_canonical_json
from ingestion.application.ports import KeptAside, NewKey
from ingestion.domain.clock import Clock, Mode

SLOTS: Final = 4
CLOCK: Final = """
SELECT mode, step, starts, ends, last, as_of, outcomes, ARRAY(SELECT day FROM seen_days ORDER BY slot)
FROM clock FOR UPDATE OF clock
"""
SET_CLOCK: Final = "UPDATE clock SET mode = $1, step = $2, starts = $3, ends = $4, last = $5, as_of = $6, outcomes = $7"
HEADS: Final = "SELECT partition, position FROM heads"
SEEN: Final = """
SELECT event_id::text, digest FROM seen_0 WHERE event_id = ANY($1::uuid[])
UNION ALL SELECT event_id::text, digest FROM seen_1 WHERE event_id = ANY($1::uuid[])
UNION ALL SELECT event_id::text, digest FROM seen_2 WHERE event_id = ANY($1::uuid[])
UNION ALL SELECT event_id::text, digest FROM seen_3 WHERE event_id = ANY($1::uuid[])
"""
BEGIN_DAY: Final = "SELECT begin_seen_day($1) FROM seen_days WHERE slot = $1::bigint % 4 AND day < $1"
REMEMBER: Final = """
WITH remembered AS (INSERT INTO seen_0 SELECT * FROM unnest($1::uuid[], $2::bytea[]))
UPDATE clock SET as_of = greatest(as_of, $3)
"""
REMEMBER_ON: Final = tuple(REMEMBER.replace("seen_0", f"seen_{slot}") for slot in range(SLOTS))
KEYS: Final = "SELECT key_id::text, wrapped FROM subject_keys WHERE key_id = ANY($1::uuid[])"
ADD_KEYS: Final = "INSERT INTO subject_keys SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])"
KEEP_ASIDE: Final = """
INSERT INTO quarantine SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::uuid[], $9::bytea[],
    $10::text[], $11::boolean[]
) ON CONFLICT (quarantine_id) DO NOTHING
"""
STORED: Final = """
SELECT originator_id::text FROM events WHERE originator_id = ANY($1::uuid[]) AND originator_version = 1
"""
RETURNED: Final = "SELECT partition, step, live FROM steps_returned"
SET_RETURNED: Final = """
UPDATE steps_returned r SET step = n.step, live = n.live
FROM unnest($1::smallint[], $2::bigint[], $3::boolean[]) AS n(partition, step, live) WHERE r.partition = n.partition
"""
LET_WAIT: Final = """
INSERT INTO outcomes_waiting SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])
ON CONFLICT (event_id) DO NOTHING
"""
TAKE_WAITING: Final = "DELETE FROM outcomes_waiting WHERE step <= $1 RETURNING state"


class PostgresLedger:
    """A Ledger on an asyncpg connection with an open transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._days: Sequence[int] = [-1] * SLOTS
        """Which day's events each slot holds, as far as known: every transaction begins with the clock."""

    async def clock(self) -> Clock:
        mode, *rest, self._days = await self._connection.fetchrow(CLOCK)
        return Clock(Mode(mode), *rest)

    async def set_clock(self, clock: Clock) -> None:
        await self._connection.execute(SET_CLOCK, *clock)

    async def heads(self) -> dict[int, int]:
        return dict(await self._connection.fetch(HEADS))

    async def seen(self, event_ids: Collection[str]) -> dict[str, bytes]:
        return dict(await self._connection.fetch(SEEN, list(event_ids)))

    async def remember(self, day: int, digests: Mapping[str, bytes], as_of: int) -> None:
        if self._days[day % SLOTS] < day:
            await self._connection.execute(BEGIN_DAY, day)
        await self._connection.execute(REMEMBER_ON[day % SLOTS], list(digests), list(digests.values()), as_of)

    async def keys(self, key_ids: Collection[str]) -> dict[str, bytes]:
        return dict(await self._connection.fetch(KEYS, list(key_ids)))

    async def add_keys(self, keys: Sequence[NewKey]) -> None:
        await self._connection.execute(ADD_KEYS, *_columns(keys))

    async def keep_aside(self, rows: Sequence[KeptAside]) -> None:
        await self._connection.execute(KEEP_ASIDE, *_columns(rows))

    async def stored(self, event_ids: Collection[str]) -> set[str]:
        return {row[0] for row in await self._connection.fetch(STORED, list(event_ids))}

    async def returned(self) -> dict[int, tuple[int, bool]]:
        return {partition: (step, live) for partition, step, live in await self._connection.fetch(RETURNED)}

    async def set_returned(self, returned: Mapping[int, tuple[int, bool]]) -> None:
        rows = [(partition, step, live) for partition, (step, live) in sorted(returned.items())]
        await self._connection.execute(SET_RETURNED, *_columns(rows))

    async def let_wait(self, outcomes: Sequence[tuple[int, Event]]) -> None:
        rows = [(event.id, step, to_canonical_json(event)) for step, event in outcomes]
        await self._connection.execute(LET_WAIT, *_columns(rows))

    async def take_waiting(self, step: int) -> list[Event]:
        return [from_canonical_json(row["state"]) for row in await self._connection.fetch(TAKE_WAITING, step)]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
