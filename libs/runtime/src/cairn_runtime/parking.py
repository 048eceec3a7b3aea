"""Profiles whose input waits: the domain failed on one of their events, so theirs queue and all others go on."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from cairn.log.v1 import parking_pb2 as pb
from cairn.log.v1.parking_pb2_grpc import ParkingServiceServicer
from cairn_eventstore import UnitOfWork
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.event import MERGED, SPLIT, Event, from_canonical_json, to_canonical_json
from cairn_kernel.stored_types import NewerVersion
from cairn_runtime import metrics

SHARE: Final = 0.01
MINIMUM: Final = 10
"""More faulty profiles than this many and this share of a batch: it is not the profiles' fault."""
MERGE_WAIT_S: Final = 30.0
"""How long a profile waits for the other side of a merge or split before it is parked instead of its partition."""
OTHER_SIDE_MISSING: Final = {MERGED: "MERGE_OTHER_SIDE_MISSING", SPLIT: "SPLIT_OTHER_SIDE_MISSING"}
PAGE_MOST: Final = 1_000

INSERT_PARKED = """
INSERT INTO parked (stream, tenant, partition, reason, event_id) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (stream) DO UPDATE SET reason = excluded.reason, event_id = excluded.event_id, redrive = false
"""
DISARM = "DELETE FROM timers WHERE stream = $1"
INSERT_DEFERRED = """
INSERT INTO deferred (stream, position, walk, partition, state) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
SELECT_PARKED = "SELECT stream::text, partition, redrive FROM parked WHERE partition = ANY($1::smallint[])"
SELECT_DEFERRED = "SELECT position, walk, state FROM deferred WHERE stream = $1 ORDER BY position, walk"
DELETE_DEFERRED = "DELETE FROM deferred WHERE stream = $1 AND position = $2 AND walk = $3"
DELETE_PARKED = "DELETE FROM parked WHERE stream = $1"
LIST = """
SELECT p.stream::text, p.reason, p.event_id::text, count(d.position) AS waiting
FROM parked p LEFT JOIN deferred d USING (stream) WHERE p.tenant = $1
GROUP BY p.stream ORDER BY p.stream LIMIT $2
"""
REDRIVE = "UPDATE parked SET redrive = true WHERE tenant = $1 AND ($2 = '' OR stream::text = $2) RETURNING partition"
FENCE = "UPDATE inbox SET epoch = epoch + 1 WHERE partition = ANY($1::smallint[])"


class Place(NamedTuple):
    """Where an input stands in its partition: upstream position and, for a walk after it, the walk's ordinal."""

    position: int
    walk: int = 0


class Parking:
    """Which profiles of the held partitions are parked, and why the last attempt failed."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._parked: dict[str, int] = {}
        self._redrive: dict[str, int] = {}
        self._faults: dict[str, tuple[str, str]] = {}
        self._waiting: dict[str, float] = {}

    def __contains__(self, stream: str) -> bool:
        return stream in self._parked

    async def load(self, partitions: Collection[int]) -> None:
        """Find out what is parked in partitions that became ours."""
        for stream, partition, redrive in await self._pool.fetch(SELECT_PARKED, list(partitions)):
            self._parked[stream] = partition
            if redrive:
                self._redrive[stream] = partition

    def forget(self, partitions: set[int]) -> None:
        """These partitions are not ours."""
        for known in (self._parked, self._redrive):
            for stream in [stream for stream, partition in known.items() if partition in partitions]:
                del known[stream]

    @property
    def to_redrive(self) -> Mapping[str, int]:
        """Streams whose waiting input is to be tried again, with their partitions."""
        return self._redrive

    def note_fault(self, stream: str, event_id: str, reason: str) -> None:
        """Remember that an event failed: the next attempt at the batch parks its profile there."""
        self._faults[stream] = (event_id, reason)

    def failed_on(self, stream: str, event_id: str) -> bool:
        """Whether that event failed in an earlier attempt at this batch."""
        return self._faults.get(stream, ("", ""))[0] == event_id

    def clear_faults(self) -> None:
        """The batch has happened."""
        self._faults.clear()

    def waited_too_long(self, control: Event) -> bool:
        """Whether the other side of a merge or split has not come for so long that the profile has to step aside."""
        since = self._waiting.setdefault(control.id, time.monotonic())
        if time.monotonic() - since < MERGE_WAIT_S:
            return False
        del self._waiting[control.id]
        self.note_other_side_missing(control)
        return True

    def note_other_side_missing(self, control: Event) -> None:
        """The next attempt at the batch parks the profile at this merge or split."""
        self.note_fault(control.profile_id, control.id, OTHER_SIDE_MISSING[control.type])

    def stop_waiting(self, event_id: str) -> None:
        """The other side has come."""
        self._waiting.pop(event_id, None)

    def park(self, stream: str, partition: int, tenant: str, work: UnitOfWork) -> None:
        """Park a profile for its noted fault, and disarm its timers."""
        self._parked[stream] = partition
        self._redrive.pop(stream, None)
        metrics.PROFILES_PARKED.inc()
        event_id, reason = self._faults[stream]
        work.rows.append((INSERT_PARKED, [(stream, tenant, partition, reason, event_id)]))
        work.rows.append((DISARM, [(stream,)]))

    def unpark(self, streams: Collection[str]) -> None:
        """An attempt that parked these is made again."""
        for stream in streams:
            self._parked.pop(stream, None)

    @staticmethod
    def defer(stream: str, partition: int, place: Place, event: Event, work: UnitOfWork) -> None:
        """Let an input of a parked profile wait."""
        work.rows.append((INSERT_DEFERRED, [(stream, *place, partition, to_canonical_json(event))]))

    async def deferred(self, stream: str) -> Sequence[tuple[Place, Event]]:
        """What waits, in order."""
        rows = await self._pool.fetch(SELECT_DEFERRED, stream)
        return [(Place(position, walk), from_canonical_json(state)) for position, walk, state in rows]

    def taken_up(self, stream: str, places: Sequence[Place], *, all_of_it: bool, work: UnitOfWork) -> None:
        """Deferred input was handled; if it was all, the profile is parked no more."""
        self._redrive.pop(stream, None)
        work.rows.append((DELETE_DEFERRED, [(stream, *place) for place in places]))
        if all_of_it:
            self._parked.pop(stream, None)
            work.rows.append((DELETE_PARKED, [(stream,)]))

    def check(self, parked: Collection[str], taken: int) -> None:
        """Raises RuntimeError if so many profiles failed at once that the cause must lie elsewhere.

        Events that only a newer version can read are no such cause: their profiles wait for the upgrade.
        """
        faulty = sum(self._faults.get(stream, ("", ""))[1] != NewerVersion.default_reason for stream in parked)
        if faulty > max(MINIMUM, taken * SHARE):
            raise RuntimeError("too many profiles fail at once; the partition stops")


class ParkingApi(ParkingServiceServicer):
    """ParkingService over the tables: the owners of the partitions do the work."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def ListParked(self, request: pb.ListParkedRequest, context: Any) -> pb.ListParkedResponse:
        """See parking.proto."""
        if request.limit > PAGE_MOST:
            raise Invalid("limit must be at most 1000", reason="LIMIT_RANGE", field="limit")
        rows = await self._pool.fetch(LIST, request.tenant or "default", request.limit or 100)
        return pb.ListParkedResponse(
            profiles=[
                pb.ParkedProfile(profile_id=stream, reason=reason, event_id=event_id, waiting=waiting)
                for stream, reason, event_id, waiting in rows
            ]
        )

    async def Redrive(self, request: pb.RedriveRequest, context: Any) -> pb.RedriveResponse:
        """See parking.proto."""
        async with self._pool.acquire(timeout=10) as connection, connection.transaction():
            marked = await connection.fetch(REDRIVE, request.tenant or "default", request.profile_id)
            await connection.execute(FENCE, sorted({row["partition"] for row in marked}))
        if request.profile_id and not marked:
            raise NotFound("no such profile is parked", reason="NOT_PARKED")
        return pb.RedriveResponse(profiles=len(marked))
