"""A log that a test fills, served as its owner would: for processors that follow it over real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cairn_eventstore import Committed, NewEvent, UnitOfWork
from cairn_kernel.event import Event, marker
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_runtime import Chassis, Settings, open_chassis


class UpstreamLog:
    """The owner of a log; `complete` is what it says of completeness (µs), unless it is `silent`."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.complete = 0
        self.silent = False
        chassis.complete_to = self._complete_to

    async def append(self, *events: Event, publish: bool = True) -> None:
        """Append events to the partitions of their profiles; each is a stream of its own."""
        new = [
            NewEvent(
                partition_of(event.tenant, event.profile_id), stable_id("stream", event.id, event.profile_id), 1, event
            )
            for event in events
        ]
        await self._publish(await self.chassis.store.commit(UnitOfWork(appends=new)), publish)

    async def mark(self, step: int, at: int) -> None:
        """End a step of a time-lapse in every partition."""
        log = self.chassis.log_name
        markers = [
            NewEvent(part, stable_id("m", part), step + 1, marker(log, part, step=step, at=at, mode="step"))
            for part in range(PARTITIONS)
        ]
        await self._publish(await self.chassis.store.commit(UnitOfWork(appends=markers)), True)

    async def _publish(self, committed: list[Committed], publish: bool) -> None:
        if publish:
            await self.chassis.publisher.publish((run.partition, run.first, run.events) for run in committed)

    async def _complete_to(self) -> dict[int, tuple[int, int]]:
        if self.silent:
            return {}
        heads = await self.chassis.store.heads()
        return {partition: (head.position, self.complete) for partition, head in heads.items()}


@asynccontextmanager
async def upstream_log(settings: Settings, service: str, log_name: str) -> AsyncIterator[UpstreamLog]:
    """Serve the log at `settings.grpc_address` for as long as the context lasts."""
    async with open_chassis(settings, service, log_name) as chassis:
        async with serving(chassis):
            yield UpstreamLog(chassis)


@asynccontextmanager
async def serving(chassis: Chassis) -> AsyncIterator[None]:
    """Run a chassis in the background, and end it."""
    task = asyncio.get_running_loop().create_task(chassis.serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
