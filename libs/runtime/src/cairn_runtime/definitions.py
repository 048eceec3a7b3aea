"""Programmes of a service: stored for ever, one in force per tenant."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from msgspec.structs import replace

from cairn.definition.v1 import definition_pb2 as pb
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceServicer
from cairn_eventstore import NewEvent, UnitOfWork
from cairn_eventstore.postgres import commit_on
from cairn_kernel.errors import NotFound
from cairn_kernel.event import DEFINITION_ACTIVATED, Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_messaging import Publisher
from cairn_runtime.clock import now_us
from cairn_runtime.fencing import FENCE, LOCK
from cairn_runtime.walks import Command, begin_walk

ACTIVE = "SELECT version, bundle, activated, ordinal FROM definitions WHERE tenant = $1 ORDER BY ordinal DESC LIMIT 1"
PREVIOUS = """
SELECT version, bundle FROM definitions d WHERE tenant = $1 AND version <> (
    SELECT version FROM definitions WHERE tenant = $1 ORDER BY ordinal DESC LIMIT 1
) ORDER BY ordinal DESC LIMIT 1
"""
VERSION = "SELECT bundle FROM definitions WHERE tenant = $1 AND version = $2 LIMIT 1"
ALL = "SELECT tenant, version, bundle FROM definitions ORDER BY tenant, ordinal"
ANSWERED = "SELECT version FROM definition_requests WHERE tenant = $1 AND request_id = $2"
INSERT = "INSERT INTO definitions (tenant, ordinal, version, bundle) VALUES ($1, $2, $3, $4)"
INSERT_REQUEST = "INSERT INTO definition_requests VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"

Check = Callable[[bytes], str]
"""Check a bundle whole and return its version. Raises Invalid (DEFINITION)."""
Install = Callable[[str, str, bytes], None]
"""Put (tenant, version, bundle) in force in this process; called with the oldest first."""


Transition = Callable[[Any, str, bytes | None, bytes, bool], Awaitable[Command | None]]
"""What a programme that comes into force does to profiles under way.

Called in the open transaction (asyncpg connection) with tenant, the bundle in force, the bundle that is to be, and
whether that is a way back. Returns what profiles are to be told, if anything. Raises Refused (WOULD_STRAND).
"""


async def nobody_concerned(
    connection: Any, tenant: str, before: bytes | None, after: bytes, reverted: bool
) -> Command | None:
    """The transition of a service in which nobody is under way."""
    return None


class Definitions(DefinitionServiceServicer):
    """DefinitionService, and the loader of what it stored.

    Apply moves the epoch of every inbox row: a batch that was processed under the old programme cannot
    commit any more; its owner reloads and processes it under the new one.
    """

    def __init__(
        self,
        log: str,
        pool: asyncpg.Pool,
        publisher: Publisher,
        *,
        check: Check,
        install: Install,
        transition: Transition = nobody_concerned,
        announce: bool = True,
    ) -> None:
        """Without `announce`, the log is not told: for a log that holds nothing but what customers did."""
        self._log = log
        self._pool = pool
        self._publisher = publisher
        self._check = check
        self._install = install
        self._transition = transition
        self._announce = announce
        self._installed: dict[str, int] = {}

    async def load(self) -> None:
        """Install what was stored since the last call."""
        seen: dict[str, int] = {}
        for tenant, version, bundle in await self._pool.fetch(ALL, timeout=30):
            seen[tenant] = seen.get(tenant, 0) + 1
            if seen[tenant] > self._installed.get(tenant, 0):
                self._install(tenant, version, bundle)
                self._installed[tenant] = seen[tenant]

    async def Apply(self, request: pb.ApplyRequest, context: Any) -> pb.ApplyResponse:
        """See definition.proto."""
        tenant = request.tenant or "default"
        version = self._check(request.bundle)
        await self.load()
        async with self._pool.acquire(timeout=10) as connection, connection.transaction():
            await connection.execute(LOCK)
            active = await connection.fetchrow(ACTIVE, tenant)
            answered = await connection.fetchval(ANSWERED, tenant, request.request_id)
            if answered == version or (active is not None and active["version"] == version):
                return pb.ApplyResponse(version=version, changed=False)
            walk = 0
            ordinal = 1 if active is None else active["ordinal"] + 1
            await connection.execute(FENCE)
            before = active["bundle"] if active is not None else None
            command = await self._transition(connection, tenant, before, request.bundle, request.revert)
            await connection.execute(INSERT, tenant, ordinal, version, request.bundle)
            if request.request_id:
                await connection.execute(INSERT_REQUEST, tenant, request.request_id, version)
            controls = self._control(tenant, version, ordinal) if self._announce else []
            if command is not None:
                told = [replace(new.event, data=dict(command.data)) for new in controls]
                walk, _ = await begin_walk(connection, self._log, command, told)
            committed = await commit_on(connection, UnitOfWork(appends=controls))
        await self.load()
        await self._publisher.publish((run.partition, run.first, run.events) for run in committed)
        return pb.ApplyResponse(version=version, changed=True, walk=walk)

    async def Check(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        """See definition.proto."""
        tenant = request.tenant or "default"
        version = self._check(request.bundle)
        await self.load()
        async with self._pool.acquire(timeout=10) as connection, connection.transaction(readonly=True):
            active = await connection.fetchrow(ACTIVE, tenant)
            in_force = active is not None and active["version"] == version
            if not in_force:
                before = active["bundle"] if active is not None else None
                await self._transition(connection, tenant, before, request.bundle, request.revert)
        return pb.CheckResponse(version=version, in_force=in_force)

    async def GetPrevious(self, request: pb.GetPreviousRequest, context: Any) -> pb.GetPreviousResponse:
        """See definition.proto."""
        row = await self._pool.fetchrow(PREVIOUS, request.tenant or "default", timeout=10)
        if row is None:
            raise NotFound("no other programme was in force before", reason="NO_PROGRAMME")
        return pb.GetPreviousResponse(version=row["version"], bundle=row["bundle"])

    async def GetActive(self, request: pb.GetActiveRequest, context: Any) -> pb.GetActiveResponse:
        """See definition.proto."""
        row = await self._pool.fetchrow(ACTIVE, request.tenant or "default", timeout=10)
        if row is None:
            raise NotFound("no programme is in force", reason="NO_PROGRAMME")
        answer = pb.GetActiveResponse(version=row["version"], bundle=row["bundle"])
        answer.activated_time.FromDatetime(row["activated"])
        return answer

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.GetVersionResponse:
        """See definition.proto."""
        bundle = await self._pool.fetchval(VERSION, request.tenant or "default", request.version, timeout=10)
        if bundle is None:
            raise NotFound("this version was never in force", reason="NO_SUCH_PROGRAMME", version=request.version)
        return pb.GetVersionResponse(version=request.version, bundle=bundle)

    def _control(self, tenant: str, version: str, ordinal: int) -> list[NewEvent]:
        at = now_us()
        return [
            NewEvent(
                partition,
                stable_id("definitions", self._log, tenant, partition),
                ordinal,
                Event(
                    id=stable_id("definition", self._log, tenant, partition, ordinal),
                    tenant=tenant,
                    type=DEFINITION_ACTIVATED,
                    event_time=at,
                    as_of=0,
                    source=self._log,
                    definition_version=version,
                    data={"version": version},
                ),
            )
            for partition in range(PARTITIONS)
        ]
