"""IngestionService: translate in, call, translate out."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import to_status

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import IngestionServiceServicer
from cairn_kernel.errors import Invalid
from cairn_kernel.time import to_datetime
from cairn_runtime.structs import plain
from ingestion.adapters.http_requests import traceparent, write_key
from ingestion.adapters.postgres_tables import PostgresTables, QuarantineRow
from ingestion.application.entrance import Entrance
from ingestion.application.receive import Overloaded, Receive
from ingestion.application.sources import Sources
from ingestion.domain.arriving import Request
from ingestion.domain.declared import Declared, arrive_declared
from ingestion.domain.drafts import Secrets
from ingestion.domain.fates import Fate, Outcome
from ingestion.domain.told import Source

MAX_EVENTS: Final = 500
MAX_PAGE: Final = 1_000
IN_FLIGHT: Final = 16
"""Requests of one stream that wait for a commit."""
DEFAULT_PAGE: Final = 100
NEWEST: Final = (2**63 - 1, "ffffffff-ffff-ffff-ffff-ffffffffffff")
SENTENCES: Final = {"OVERLOADED": "too much is waiting", "QUOTA": "this source sends more than it may"}
FATES: Final = {
    Fate.ACCEPTED: pb.IngestResult.OUTCOME_ACCEPTED,
    Fate.DUPLICATE: pb.IngestResult.OUTCOME_DUPLICATE,
    Fate.QUARANTINED: pb.IngestResult.OUTCOME_QUARANTINED,
}


class IngestionApi(IngestionServiceServicer):
    def __init__(
        self,
        receive: Receive,
        sources: Sources,
        entrance: Entrance,
        tables: PostgresTables,
        secrets: Secrets,
        now_us: Callable[[], int],
    ) -> None:
        self._receive = receive
        self._sources = sources
        self._entrance = entrance
        self._tables = tables
        self._secrets = secrets
        self._now_us = now_us

    async def Ingest(self, request: pb.IngestRequest, context: Any) -> pb.IngestResponse:
        source, trace = await self._caller(context)
        try:
            return pb.IngestResponse(results=await self._take(source, trace, request))
        except Overloaded as error:
            await give_up(context, error)

    async def IngestStream(
        self, requests: AsyncIterator[pb.IngestStreamRequest], context: Any
    ) -> AsyncIterator[pb.IngestStreamResponse]:
        """Answers come in the order of the requests; so many are under way at once, then reading pauses."""
        source, trace = await self._caller(context)
        answers: asyncio.Queue[asyncio.Task[pb.IngestStreamResponse] | None] = asyncio.Queue(IN_FLIGHT)

        async def read() -> None:
            async for request in requests:
                await answers.put(group.create_task(self._stream_answer(source, trace, request)))
            await answers.put(None)

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            while (task := await answers.get()) is not None:
                yield await task

    async def _stream_answer(
        self, source: Source, trace: str, request: pb.IngestStreamRequest
    ) -> pb.IngestStreamResponse:
        answer = pb.IngestStreamResponse(sequence=request.sequence)
        try:
            answer.results.extend(await self._take(source, trace, request.request))
        except Overloaded as error:
            answer.retry_delay.seconds = error.retry_after_s
        return answer

    async def _caller(self, context: Any) -> tuple[Source, str]:
        """The source whose key the caller gives, and its trace."""
        metadata = dict(context.invocation_metadata())
        source = await self._sources.find(write_key(_bytes(metadata.get("authorization"))))
        if source is None:
            await _abort(context, grpc.StatusCode.UNAUTHENTICATED, "the write key is unknown", "WRITE_KEY")
        return source, traceparent(_bytes(metadata.get("traceparent")))

    async def _take(self, source: Source, trace: str, request: pb.IngestRequest) -> list[pb.IngestResult]:
        if not 1 <= len(request.events) <= MAX_EVENTS:
            raise Invalid("a request has 1 to 500 events", reason="BATCH_SIZE", field="events")
        source, catalogue = self._entrance.enter(source, len(request.events))
        common = Request(source, self._now_us(), traceparent=trace, historical=request.historical, catalogue=catalogue)
        arrivals = [
            arrive_declared(_declared(event), common, self._secrets, place=f"events[{index}]")
            for index, event in enumerate(request.events)
        ]
        return [result_to_proto(outcome) for outcome in await self._receive(arrivals)]

    async def ListQuarantine(self, request: pb.ListQuarantineRequest, context: Any) -> pb.ListQuarantineResponse:
        if not 0 <= request.page_size <= MAX_PAGE:
            raise Invalid("a page has 1 to 1000 rows", reason="PAGE_SIZE", field="page_size")
        key = write_key(_bytes(dict(context.invocation_metadata()).get("authorization")))
        source: Source | None = await self._sources.find(key)
        if key and source is None:
            await _abort(context, grpc.StatusCode.UNAUTHENTICATED, "the write key is unknown", "WRITE_KEY")
        size = request.page_size or DEFAULT_PAGE
        rows = await self._tables.quarantine(_place(request.page_token), source.tenant if source else "", size)
        answer = pb.ListQuarantineResponse(events=[_quarantined(row) for row in rows])
        if len(rows) == size:
            answer.next_page_token = _token(rows[-1])
        return answer


def _declared(event: pb.IngestEvent) -> Declared:
    time = event.event_time
    return Declared(
        message_id=event.message_id,
        type=event.type,
        event_time=time.seconds * 1_000_000 + time.nanos // 1_000 if event.HasField("event_time") else None,
        identifiers=event.identifiers,
        properties=plain(event.properties),
        size_bytes=event.ByteSize(),
        unreadable=event.unreadable,
    )


def result_to_proto(outcome: Outcome) -> pb.IngestResult:
    return pb.IngestResult(
        outcome=FATES[outcome.fate], event_id=outcome.event_id, reason=outcome.reason, field=outcome.field
    )


def _quarantined(row: QuarantineRow) -> pb.QuarantinedEvent:
    event = pb.QuarantinedEvent(
        quarantine_id=row.quarantine_id,
        source=row.source,
        reason=row.reason,
        field=row.field,
        message_id=row.message_id,
    )
    event.received_time.FromDatetime(to_datetime(row.received))
    return event


def _token(row: QuarantineRow) -> str:
    return base64.urlsafe_b64encode(f"{row.received}|{row.quarantine_id}".encode()).decode()


def _place(token: str) -> tuple[int, str]:
    if not token:
        return NEWEST
    try:
        received, _, quarantine_id = base64.urlsafe_b64decode(token).decode().partition("|")
        if len(quarantine_id) != 36:
            raise ValueError
        return int(received), quarantine_id
    except (ValueError, binascii.Error):
        raise Invalid("the page token is none of ours", reason="PAGE_TOKEN", field="page_token") from None


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


async def give_up(context: Any, error: Overloaded) -> NoReturn:
    """Tell the caller when to come back."""
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    await _abort(context, code, SENTENCES[error.reason], error.reason, error.retry_after_s)


async def _abort(context: Any, code: grpc.StatusCode, sentence: str, reason: str, retry_after_s: int = 0) -> NoReturn:
    details = [AnyMessage()]
    details[0].Pack(ErrorInfo(reason=reason, domain="cairn"))
    if retry_after_s:
        details.append(AnyMessage())
        retry = RetryInfo()
        retry.retry_delay.seconds = retry_after_s
        details[1].Pack(retry)
    await context.abort_with_status(to_status(Status(code=code.value[0], message=sentence, details=details)))
    raise AssertionError("unreachable")
