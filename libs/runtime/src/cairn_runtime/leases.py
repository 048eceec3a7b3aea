"""Which replica works on which partitions. Leases avoid wasted work; the inbox's epoch is what fences."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import asyncpg
import structlog

from cairn_eventstore import InboxAdvance
from cairn_kernel.partitions import PARTITIONS
from cairn_runtime import metrics
from cairn_runtime.database import AWAY
from cairn_runtime.fencing import NO_CHANGE_UNDER_WAY

log = structlog.get_logger()

HEARTBEAT = """
INSERT INTO members VALUES ($1, now() + make_interval(secs => $2))
ON CONFLICT (owner) DO UPDATE SET until = excluded.until
"""
FORGET_MEMBERS = "DELETE FROM members WHERE until < now() - interval '1 minute'"
MEMBERS = "SELECT count(*) FROM members WHERE until > now()"
RENEW = """
UPDATE leases SET until = now() + make_interval(secs => $2) WHERE owner = $1 RETURNING partition
"""
TAKE = """
UPDATE leases SET owner = $1, until = now() + make_interval(secs => $2) WHERE partition IN (
    SELECT partition FROM leases WHERE until < now() AND owner <> $1
    ORDER BY partition LIMIT $3 FOR UPDATE SKIP LOCKED
) RETURNING partition
"""
STILL_HELD = "SELECT partition FROM leases WHERE owner = $1"
RELEASE = "UPDATE leases SET owner = '', until = '-infinity' WHERE owner = $1 AND partition = ANY($2::smallint[])"
OPEN_INBOX = "INSERT INTO inbox (log, partition) SELECT $1, generate_series(0, $2::int - 1) ON CONFLICT DO NOTHING"
NEW_EPOCH = """
UPDATE inbox SET epoch = epoch + 1 WHERE log = $1 AND partition = ANY($2::smallint[])
RETURNING partition, position, epoch
"""
BYE: Final = "DELETE FROM members WHERE owner = $1"

Gained = Callable[[dict[int, InboxAdvance]], Awaitable[None]]
Lost = Callable[[set[int]], Awaitable[None]]


class LeaseKeeper:
    """Holds a fair share of the partitions of one service, or all of them or none if `exclusive`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        owner: str,
        upstream: str,
        *,
        ttl_s: float,
        exclusive: bool,
        gained: Gained,
        lost: Lost,
    ) -> None:
        self._pool = pool
        self._owner = owner
        self._upstream = upstream
        self._ttl_s = ttl_s
        self._exclusive = exclusive
        self._gained = gained
        self._lost = lost
        self._lock = asyncio.Lock()
        self._inbox_is_open = False
        self.held: set[int] = set()

    async def run(self) -> None:
        """Renew and balance until cancelled; then leave what is held to the others."""
        try:
            while True:
                try:
                    await self.refresh()
                except AWAY as error:
                    log.warning("leases.unavailable", error=type(error).__name__)
                await asyncio.sleep(self._ttl_s / 3 if self.held else min(1.0, self._ttl_s / 3))
        finally:
            await asyncio.shield(self._leave())

    async def refresh(self) -> None:
        """Find out what is still held, give up too much, take what is free."""
        async with self._lock:
            async with self._pool.acquire(timeout=10) as connection:
                await self._open_inbox(connection)
                await connection.execute(HEARTBEAT, self._owner, self._ttl_s)
                await connection.execute(FORGET_MEMBERS)
                members = await connection.fetchval(MEMBERS)
                kept = {row["partition"] for row in await connection.fetch(RENEW, self._owner, self._ttl_s)}
                share = PARTITIONS if self._exclusive else math.ceil(PARTITIONS / max(1, members))
                surplus = set(sorted(kept)[share:])
                lost = (self.held - kept) | surplus
                if lost:
                    self.held -= lost
                    await self._lost(lost)
                if surplus:
                    await connection.execute(RELEASE, self._owner, sorted(surplus))
                gained = kept - self.held - surplus
                positions = await self._take(connection, share - len(self.held), gained)
            if positions:
                self.held |= positions.keys()
                await self._gained(positions)
            metrics.PARTITIONS_HELD.set(len(self.held))

    async def still_held(self) -> set[int]:
        """Ask the database what this replica holds, and forget what it lost without being told."""
        rows = await self._pool.fetch(STILL_HELD, self._owner, timeout=10)
        self.held &= {row["partition"] for row in rows}
        return self.held

    async def _open_inbox(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        if not self._inbox_is_open:
            async with connection.transaction():
                await connection.execute(NO_CHANGE_UNDER_WAY)
                await connection.execute(OPEN_INBOX, self._upstream, PARTITIONS)
            self._inbox_is_open = True

    async def _take(
        self, connection: asyncpg.pool.PoolConnectionProxy, room: int, own: Collection[int]
    ) -> dict[int, InboxAdvance]:
        if room <= 0 and not own:
            return {}
        async with connection.transaction():
            rows = await connection.fetch(TAKE, self._owner, self._ttl_s, max(0, room - len(own)))
            taken = {row["partition"] for row in rows} | set(own)
            if self._exclusive and 0 < len(taken) < PARTITIONS:
                if rows:
                    await connection.execute(RELEASE, self._owner, sorted(taken))
                return {}
            if not taken:
                return {}
            epochs = await connection.fetch(NEW_EPOCH, self._upstream, sorted(taken))
        return {part: InboxAdvance(self._upstream, part, at, at, epoch) for part, at, epoch in epochs}

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(3), self._pool.acquire(timeout=2) as connection:
                await connection.execute(RELEASE, self._owner, sorted(self.held))
                await connection.execute(BYE, self._owner)
        except AWAY as error:
            log.warning("leases.not_released", error=type(error).__name__)
