"""Serving the own log and reading another's."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import grpc

from cairn.event.v1.event_pb2 import Batch
from cairn.log.v1 import log_pb2 as pb
from cairn.log.v1.log_pb2_grpc import LogServiceServicer, LogServiceStub
from cairn_eventstore import EventStore
from cairn_kernel.errors import Invalid, Unavailable
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import micros, to_datetime
from cairn_messaging.frames import batch_of

MAX_READ = 10_000
RPC_S = 10.0

CompleteTo = Callable[[], Awaitable[dict[int, tuple[int, int]]]]
"""Asks for each partition: its head position, and the instant (µs) to which it is complete there."""


class LogServer(LogServiceServicer):
    """LogService over the own store."""

    def __init__(self, log: str, store: EventStore, complete_to: CompleteTo) -> None:
        self._log = log
        self._store = store
        self._complete_to = complete_to

    async def Read(self, request: pb.ReadRequest, context: Any) -> pb.ReadResponse:
        """See log.proto."""
        if request.partition >= PARTITIONS:
            raise Invalid("partition is out of range", reason="PARTITION_RANGE", field="partition")
        if not 1 <= request.limit <= MAX_READ:
            raise Invalid("limit must be 1 to 10000", reason="LIMIT_RANGE", field="limit")
        stored = await self._store.read(request.partition, request.after, request.limit)
        if not stored:
            return pb.ReadResponse()
        batch = batch_of(self._log, request.partition, stored[0].position, [item.event for item in stored])
        return pb.ReadResponse(batch=batch)

    async def Heads(self, request: pb.HeadsRequest, context: Any) -> pb.HeadsResponse:
        """See log.proto."""
        if not request.with_complete_to:
            heads = await self._store.heads()
            return pb.HeadsResponse(
                heads=[pb.Head(partition=number, position=head.position) for number, head in sorted(heads.items())]
            )
        complete = await self._complete_to()
        answer = pb.HeadsResponse()
        for number, (position, upto) in sorted(complete.items()):
            head = answer.heads.add(partition=number, position=position)
            head.complete_to_time.FromDatetime(to_datetime(upto))
        return answer


class LogClient:
    """A LogReader over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = LogServiceStub(channel)

    async def read(self, partition: int, after: int, limit: int) -> Batch | None:
        """See LogReader.read."""
        request = pb.ReadRequest(partition=partition, after=after, limit=limit)
        try:
            answer = await self._stub.Read(request, timeout=RPC_S)
        except grpc.aio.AioRpcError as error:
            raise Unavailable("the owner of the log does not answer", reason="UPSTREAM_UNREACHABLE") from error
        return answer.batch if answer.HasField("batch") else None

    async def positions(self) -> dict[int, int]:
        """See LogReader.positions."""
        try:
            answer = await self._stub.Heads(pb.HeadsRequest(), timeout=RPC_S)
        except grpc.aio.AioRpcError as error:
            raise Unavailable("the owner of the log does not answer", reason="UPSTREAM_UNREACHABLE") from error
        return {head.partition: head.position for head in answer.heads}

    async def complete_to(self) -> dict[int, tuple[int, int]]:
        """Position and completeness (µs) of each partition that knows it. Raises Unavailable."""
        try:
            answer = await self._stub.Heads(pb.HeadsRequest(with_complete_to=True), timeout=RPC_S)
        except grpc.aio.AioRpcError as error:
            raise Unavailable("the owner of the log does not answer", reason="UPSTREAM_UNREACHABLE") from error
        return {
            head.partition: (head.position, micros(head.complete_to_time.ToDatetime(tzinfo=UTC)))
            for head in answer.heads
            if head.HasField("complete_to_time")
        }
