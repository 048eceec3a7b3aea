"""Controls over PostgreSQL: a command is one transaction over all partitions."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from cairn_eventstore import UnitOfWork
from cairn_eventstore.postgres import commit_on
from cairn_journey import Programmes
from cairn_journey.engine.walking import OPERATED
from cairn_kernel.errors import Conflict
from cairn_kernel.event import Event, from_canonical_json
from cairn_kernel.time import micros
from cairn_messaging import Publisher
from cairn_runtime.fencing import FENCE, LOCK
from cairn_runtime.walks import Command, at_instant, begin_walk
from journey_state.application.ports import Control, Keeping, WalkProgress

ANSWERED = "SELECT ordinal, request FROM control_requests WHERE tenant = $1 AND request_id = $2"
INSERT_REQUEST = "INSERT INTO control_requests (tenant, request_id, request, ordinal) VALUES ($1, $2, $3, $4)"
MODE = "SELECT mode FROM controls WHERE tenant = $1 AND journey = $2"
UPSERT = """
INSERT INTO controls (tenant, journey, mode, ordinal) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, journey) DO UPDATE SET mode = excluded.mode, ordinal = excluded.ordinal, since = now()
"""
DELETE = "DELETE FROM controls WHERE tenant = $1 AND journey = $2"
OCCUPIED = "SELECT EXISTS (SELECT 1 FROM instances WHERE tenant = $1 AND journey = $2)"
PROGRESS = """
SELECT min(event) AS event, sum(visited)::bigint AS visited, sum(changed)::bigint AS changed,
       count(*) FILTER (WHERE NOT done) AS partitions_left
FROM walks WHERE ordinal = $1 HAVING count(*) > 0
"""
LIST = "SELECT journey, mode, since, ordinal FROM controls WHERE tenant = $1 ORDER BY journey"
BEGUN = """
SELECT partition, tenant, event, as_of FROM walks WHERE in_flight <> '{}' AND (done OR visited > 0)
ORDER BY partition, ordinal
"""
TIMEOUT_S: Final = 10.0


class PostgresControls:
    """See Controls; also tells this process which journeys were closed when."""

    def __init__(self, log_name: str, pool: asyncpg.Pool, publisher: Publisher, programmes: Programmes) -> None:
        self._log = log_name
        self._pool = pool
        self._publisher = publisher
        self._programmes = programmes

    async def load(self) -> None:
        """Tell this process what was paused, stopped and resumed in each partition, as far as walks have come."""
        told: dict[tuple[str, int | None], list[Event]] = {}
        for partition, tenant, control, as_of in await self._pool.fetch(BEGUN, timeout=TIMEOUT_S):
            event = from_canonical_json(control)
            if event.type in OPERATED:
                told.setdefault((tenant, partition), []).append(at_instant(event, as_of))
        self._programmes.operated(told)

    async def tell(self, command: Command, request_id: str, digest: bytes, keep: Keeping) -> int:
        tenant, journey = command.tenant, str(command.data.get("journey", ""))
        async with self._pool.acquire(timeout=TIMEOUT_S) as connection, connection.transaction():
            await connection.execute(LOCK)
            answered = await connection.fetchrow(ANSWERED, tenant, request_id) if request_id else None
            if answered is not None:
                if answered["request"] != digest:
                    raise Conflict("this request_id was used for another request", reason="REQUEST_ID_REUSED")
                first: int = answered["ordinal"]
                return first
            mode = await connection.fetchval(MODE, tenant, journey) or ""
            wanted = keep(mode)
            await connection.execute(FENCE)
            ordinal, controls = await begin_walk(connection, self._log, command)
            if wanted:
                await connection.execute(UPSERT, tenant, journey, wanted, ordinal)
            else:
                await connection.execute(DELETE, tenant, journey)
            if request_id:
                await connection.execute(INSERT_REQUEST, tenant, request_id, digest, ordinal)
            committed = await commit_on(connection, UnitOfWork(appends=controls))
        await self._publisher.publish((run.partition, run.first, run.events) for run in committed)
        return ordinal

    async def occupied(self, tenant: str, journey: str) -> bool:
        found: bool = await self._pool.fetchval(OCCUPIED, tenant, journey, timeout=TIMEOUT_S)
        return found

    async def progress(self, walk: int) -> WalkProgress | None:
        row = await self._pool.fetchrow(PROGRESS, walk, timeout=TIMEOUT_S)
        if row is None:
            return None
        type = from_canonical_json(row["event"]).type
        return WalkProgress(type, row["visited"], row["changed"], row["partitions_left"])

    async def list(self, tenant: str) -> Sequence[Control]:
        rows = await self._pool.fetch(LIST, tenant, timeout=TIMEOUT_S)
        return [Control(journey, mode, micros(since), ordinal) for journey, mode, since, ordinal in rows]
