"""Runs a processor: take a batch, process it, commit it once, publish it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

import asyncpg
import structlog

from cairn_eventstore import EventStore, Fenced, InboxAdvance, StreamConflict, UnitOfWork
from cairn_kernel.errors import Unavailable
from cairn_kernel.time import SECOND
from cairn_messaging import Entry, Follower, Publisher
from cairn_runtime import metrics
from cairn_runtime.clock import now_us
from cairn_runtime.database import AWAY
from cairn_runtime.leases import LeaseKeeper
from cairn_runtime.log_service import LogClient
from cairn_runtime.walks import Walk, Walks

log = structlog.get_logger()

IDLE_S: Final = 0.25
"""How often an idle runner looks for due timers."""
LINGER_S: Final = 0.002
"""How long a small batch waits for company: a commit costs more than that."""
OPEN_S: Final = 0.05
"""How often a runner looks for walks whose time is not fixed yet."""
STALL_S: Final = 0.003
"""Pause when the only entries at hand wait for something else."""
LONG_S: Final = 0.25
"""CPU time of a batch beyond which the next are smaller: nobody who asks is answered meanwhile."""
FEW: Final = 16
"""Events of the smallest batch that one is cut to for taking long."""
RETRY_S: Final = (0.05, 0.2, 0.5, 1.0, 2.0)
COMPLETE_WAIT_S: Final = 2.0
"""Longest wait for the own inbox to reach the upstream's heads before completeness is told."""


class Processor(Protocol):
    """What a service does with its upstream log."""

    async def process(self, entries: Mapping[int, Sequence[Entry]], work: UnitOfWork) -> dict[int, int]:
        """Put into `work` what the entries cause; return how many of each partition's were taken, from the front.

        Fewer than all are taken where the next one must wait (for another batch, a merge's other side).
        """
        ...

    async def tick(self, upto: Mapping[int, int], work: UnitOfWork) -> bool:
        """Fire the timers of partitions due at or before an instant (µs); True if some are left."""
        ...

    async def gained(self, partitions: Mapping[int, InboxAdvance]) -> set[int] | None:
        """These partitions are ours from now on, or again; whatever is cached of them is worthless.

        Return those in which something waits to be done without input: `tick` is called for them.
        """
        ...

    async def lost(self, partitions: set[int]) -> None:
        """These partitions are somebody else's: forget them."""
        ...

    def committed(self, work: UnitOfWork) -> None:
        """`work` has happened."""
        ...


class Walker(Protocol):
    """What a processor does with walks."""

    async def walk(self, pages: Sequence[tuple[Walk, Sequence[str]]], work: UnitOfWork) -> list[int]:
        """Put into `work` what walks cause for profiles; return for how many of each page something followed."""
        ...


class Runner:
    """One processor over the partitions it holds by lease."""

    def __init__(
        self,
        *,
        upstream: str,
        processor: Processor,
        store: EventStore,
        follower: Follower,
        publisher: Publisher,
        upstream_log: LogClient,
        pool: asyncpg.Pool,
        owner: str,
        lease_ttl_s: float,
        batch_max_events: int,
        exclusive: bool = False,
        reload: Callable[[], Awaitable[None]] | None = None,
        walking: tuple[Walks, Walker] | None = None,
    ) -> None:
        """`walking`: the walks of the partitions, and who takes them; None if this service has none."""
        self._upstream = upstream
        self._walks = walking[0] if walking is not None else None
        self._walker = walking[1] if walking is not None else None
        self._processor = processor
        self._store = store
        self._follower = follower
        self._publisher = publisher
        self._upstream_log = upstream_log
        self._reload_definitions = reload
        self._exclusive = exclusive
        self._max = self._limit = batch_max_events
        self._inbox: dict[int, InboxAdvance] = {}
        self._ticks: dict[int, tuple[int, int]] = {}
        self._failures = 0
        self._woken = False
        self._keeper = LeaseKeeper(
            pool, owner, upstream, ttl_s=lease_ttl_s, exclusive=exclusive, gained=self._gained, lost=self._lost
        )
        self._busy = asyncio.Lock()

    async def run(self) -> None:
        """Process until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeper.run())
            group.create_task(self._follower.run())
            group.create_task(self._watch_timers())
            if self._walks is not None:
                group.create_task(self._open_walks(self._walks))
            group.create_task(self._work())

    def wake(self) -> None:
        """Call the processor soon even if its upstream has nothing for it: something else has come (a receipt).

        It is then given no entries, and fences what it does by inbox rows that move nothing.
        """
        self._woken = True
        self._follower.wake()

    async def complete_to(self) -> dict[int, tuple[int, int]]:
        """For LogService.Heads: own positions and the instants to which each partition is complete.

        Waits until this service (any replica) has read up to the upstream's heads; partitions that do not
        get there in time are left out.
        """
        upstream = await self._upstream_log.complete_to()
        deadline = time.monotonic() + COMPLETE_WAIT_S
        while True:
            read = await self._store.inbox(self._upstream)
            late = [part for part, (at, _) in upstream.items() if part not in read or read[part].last < at]
            if not late or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.01)
        due = await self._store.next_due(upstream.keys())
        heads = await self._store.heads()
        if self._walks is not None:
            late += await self._walks.unfinished()
        complete = {
            part: (heads[part].position, min(upto, due.get(part, upto + 1) - 1))
            for part, (_, upto) in upstream.items()
            if part not in late
        }
        if self._exclusive and complete:  # partitions of this log are not those of the upstream
            upto = min(instant for _, instant in complete.values())
            return {} if late else {part: (head.position, upto) for part, head in heads.items()}
        return complete

    async def _gained(self, positions: dict[int, InboxAdvance]) -> None:
        async with self._busy:
            await self._adopt(positions)
        log.info("partitions.gained", partitions=len(positions))

    async def _lost(self, partitions: set[int]) -> None:
        async with self._busy:
            await self._let_go(partitions)
        log.info("partitions.lost", partitions=len(partitions))

    async def _let_go(self, partitions: set[int]) -> None:
        for partition in partitions:
            self._inbox.pop(partition, None)
            self._ticks.pop(partition, None)
        await self._follower.leave(partitions)
        await self._processor.lost(partitions)
        if self._walks is not None:
            self._walks.forget(partitions)

    async def _adopt(self, positions: Mapping[int, InboxAdvance]) -> None:
        if self._reload_definitions is not None:
            await self._reload_definitions()
        self._inbox.update(positions)
        restless = await self._processor.gained(positions) or set()
        if self._walks is not None:
            await self._walks.load(positions)
        self._ticks.update({partition: (0, 0) for partition in restless})
        await self._follower.follow({partition: row.last for partition, row in positions.items()})

    async def _work(self) -> None:
        while True:
            if await self._walk_on():
                continue
            ready = await self._follower.wait(IDLE_S) or bool(self._ticks)
            if not ready:
                await self._publisher.flush()
                await self._notice_new_epoch()
                continue
            if self._follower.buffered < self._limit:
                await asyncio.sleep(LINGER_S)
            async with self._busy:
                progressed = await self._attempt()
            if not progressed:
                await self._publisher.flush()
                await asyncio.sleep(STALL_S)

    async def _walk_on(self) -> bool:
        """Take the next page of the walks whose turn has come; whether there was one."""
        walks = self._walks
        if walks is None or not walks.pending:
            return False
        async with self._busy:
            ready = walks.ready({partition: row.last for partition, row in self._inbox.items()})
            return bool(ready) and await self._attempt(ready)

    async def _open_walks(self, walks: Walks) -> None:
        """Fix when walks happen as soon as the upstream tells how complete it is; input goes on meanwhile."""
        while True:
            await asyncio.sleep(OPEN_S)
            if not walks.unopened:
                continue
            try:
                complete = await self._upstream_log.complete_to()
                if not complete and not any((await self._upstream_log.positions()).values()):
                    complete = dict.fromkeys(walks.pending, (0, 0))  # nothing ever came: there is nothing to wait for
                async with self._busy:
                    await walks.open(complete, self._store)
                self._follower.wake()
            except (Unavailable, *AWAY) as error:
                log.warning("walk.waits", upstream=self._upstream, error=type(error).__name__)
                await asyncio.sleep(RETRY_S[-1])

    async def _notice_new_epoch(self) -> None:
        """Without input no commit would tell that a programme came into force or a redrive was asked for."""
        try:
            rows = await self._store.inbox(self._upstream)
            async with self._busy:
                if any(rows[part].epoch != row.epoch for part, row in self._inbox.items() if part in rows):
                    await self._start_over()
        except AWAY as error:
            log.warning("database.unavailable", error=type(error).__name__)

    async def _attempt(self, ready: Sequence[Walk] = ()) -> bool:
        taken = {} if ready else self._follower.take(self._limit)
        count, began = sum(map(len, taken.values())), time.thread_time()
        try:
            progressed = await (self._one_page(ready) if ready else self._one_batch(taken))
        except (Fenced, StreamConflict, Unavailable) as error:
            await self._failed(error, error.reason)
            return False
        except Exception as error:
            log.error("batch.failed", upstream=self._upstream, limit=self._limit, exc_info=error)
            self._limit = max(1, self._limit // 2)  # a poisonous batch is cut down to its event
            await self._failed(error, type(error).__name__)
            return False
        if progressed:
            self._failures = 0
            long = count and time.thread_time() - began > LONG_S
            self._limit = min(max(FEW, count // 2) if long else self._limit * 2, self._max)
        return progressed

    async def _one_batch(self, taken: dict[int, list[Entry]]) -> bool:
        started = time.perf_counter()
        work = UnitOfWork()
        woken, self._woken = self._woken, False
        self._hold_back(taken)
        counts = await self._processor.process(taken, work) if taken or woken else {}
        for partition, entries in taken.items():
            done = counts.get(partition, 0)
            if done < len(entries):
                self._follower.give_back(entries[done:])
            if done:
                row = self._inbox[partition]
                work.inbox.append(row._replace(last=entries[done - 1].position))
        await self._tick_idle(work)
        if work.empty:
            return False
        await self._commit(work)
        metrics.BATCH_SECONDS.labels(self._upstream).observe(time.perf_counter() - started)
        metrics.EVENTS_PROCESSED.labels(self._upstream).inc(sum(counts.values()))
        metrics.READ_INSTEAD.labels(self._upstream).set(self._follower.caught_up_by_read)
        return True

    async def _one_page(self, ready: Sequence[Walk]) -> bool:
        if self._walks is None or self._walker is None:
            return False
        work = UnitOfWork()
        self._walks.begin()
        pages = await self._walks.pages(ready)
        changed = await self._walker.walk(pages, work)
        for (walk, profiles), count in zip(pages, changed, strict=True):
            self._walks.advance(walk, profiles, count, work)
            work.inbox.append(self._inbox[walk.partition])
        await self._commit(work)
        self._walks.committed()
        return True

    async def _commit(self, work: UnitOfWork) -> None:
        work.inbox.sort()
        committed = await self._store.commit(work)
        for move in work.inbox:
            self._inbox[move.partition] = move._replace(before=move.last)
        self._processor.committed(work)
        await self._publisher.publish((run.partition, run.first, run.events) for run in committed)
        metrics.EVENTS_APPENDED.labels(self._upstream).inc(len(work.appends))

    def _hold_back(self, taken: dict[int, list[Entry]]) -> None:
        """Leave what comes after a walk for later."""
        limits = self._walks.limits if self._walks is not None else {}
        for partition in limits.keys() & taken.keys():
            entries, limit = taken.pop(partition), limits[partition]
            first = [entry for entry in entries if entry.position <= limit]
            self._follower.give_back(entries[len(first) :])
            if first:
                taken[partition] = first

    async def _tick_idle(self, work: UnitOfWork) -> None:
        """Fire timers of partitions that are complete and not touched by this batch."""
        touched = {move.partition for move in work.inbox}
        walked = self._walks.limits if self._walks is not None else {}
        now = {
            partition: upto
            for partition, (position, upto) in self._ticks.items()
            if partition not in touched
            and partition not in walked
            and partition in self._inbox
            and self._inbox[partition].last >= position
        }
        for partition in now:
            self._ticks.pop(partition)
        if not now:
            return
        more = await self._processor.tick(now, work)
        work.inbox.extend(self._inbox[partition] for partition in now)
        if more:
            self._ticks.update({partition: (0, upto) for partition, upto in now.items()})

    async def _failed(self, error: Exception, reason: str) -> None:
        metrics.BATCH_FAILURES.labels(self._upstream, reason).inc()
        pause = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._failures += 1
        if self._failures > 1:
            log.warning("batch.retried", upstream=self._upstream, reason=reason, failures=self._failures)
            await asyncio.sleep(pause)
        while True:
            try:
                await self._start_over()
                return
            except (Unavailable, *AWAY) as again:
                log.warning("batch.waits", upstream=self._upstream, error=type(again).__name__)
                await asyncio.sleep(RETRY_S[-1])

    async def _start_over(self) -> None:
        """Read where things stand and go on from there; what was lost by lease is told by the keeper."""
        rows = await self._store.inbox(self._upstream)
        held = await self._keeper.still_held()
        gone = self._inbox.keys() - held
        if gone:
            await self._let_go(set(gone))
        await self._adopt({part: row for part, row in rows.items() if part in self._inbox})

    async def _watch_timers(self) -> None:
        """Ask the upstream how complete it is, only when a timer is due by this machine's clock."""
        pause = IDLE_S
        while True:
            await asyncio.sleep(pause)
            pause = IDLE_S
            if not self._inbox:
                continue
            try:
                due = await self._store.next_due(self._inbox.keys())
                now = now_us()
                late = {partition for partition, instant in due.items() if instant <= now}
                if not late:
                    pause = min(IDLE_S, (min(due.values(), default=now + SECOND) - now) / SECOND)
                    continue
                complete = await self._upstream_log.complete_to()
            except (Unavailable, *AWAY):
                continue
            rings = {partition: complete[partition] for partition in late & complete.keys()}
            rings = {partition: told for partition, told in rings.items() if due[partition] <= told[1]}
            if rings:
                self._ticks.update(rings)
                self._follower.wake()
