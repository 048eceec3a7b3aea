"""QuarantineService: translate in, call, translate out."""

import base64
from typing import Any

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import QuarantineServiceServicer
from cairn_kernel.errors import Invalid
from cairn_kernel.time import to_datetime
from cairn_runtime.structs import plain
from ingestion.adapters.grpc_api import give_up, result_to_proto
from ingestion.adapters.grpc_control import AccessToken, is_uuid
from ingestion.adapters.postgres_tables import PostgresTables
from ingestion.application.receive import Overloaded
from ingestion.application.redrive import MOST, Place, Redrive, Redriven, Which

MAX_GROUPS = 1_000


class QuarantineApi(QuarantineServiceServicer):
    def __init__(self, tables: PostgresTables, redrive: Redrive, access: AccessToken) -> None:
        self._tables = tables
        self._redrive = redrive
        self._access = access

    async def ListGroups(self, request: pb.ListGroupsRequest, context: Any) -> pb.ListGroupsResponse:
        rows = await self._tables.groups(request.tenant or "default", MAX_GROUPS)
        return pb.ListGroupsResponse(
            groups=[
                pb.QuarantineGroup(
                    source=row.source,
                    reason=row.reason,
                    field=row.field,
                    count=row.events,
                    first_received_time=_time(row.first),
                    last_received_time=_time(row.last),
                    latest_quarantine_id=row.latest_id,
                )
                for row in rows
            ]
        )

    async def GetPayload(self, request: pb.GetPayloadRequest, context: Any) -> pb.GetPayloadResponse:
        self._access.check(context)
        id = request.quarantine_id if is_uuid(request.quarantine_id) else "00000000-0000-0000-0000-000000000000"
        return pb.GetPayloadResponse(payload=await self._redrive.payload(request.tenant or "default", id))

    async def Redrive(self, request: pb.RedriveRequest, context: Any) -> pb.RedriveResponse:
        self._access.check(context)
        patch = plain(request.merge_patch) if request.HasField("merge_patch") else None
        which = _which(request.selection)._replace(after=_place(request.page_token))
        try:
            page = await self._redrive(which, patch, dry=request.dry_run)
        except Overloaded as error:
            await give_up(context, error)
        return pb.RedriveResponse(
            results=map(_redriven, page.tried), next_page_token=_token(page.last) if page.last else ""
        )

    async def Discard(self, request: pb.DiscardRequest, context: Any) -> pb.DiscardResponse:
        self._access.check(context)
        rows = await self._tables.kept(_which(request.selection), MOST)
        discarded = await self._tables.release([row.quarantine_id for row in rows])
        return pb.DiscardResponse(discarded=discarded)


def _which(selection: pb.QuarantineSelection) -> Which:
    ids = list(selection.quarantine_ids)
    if not ids and not selection.reason:
        raise Invalid("name events by id or by reason", reason="FIELD_REQUIRED", field="selection.reason")
    if len(ids) > MOST or not all(map(is_uuid, ids)):
        raise Invalid("at most 500 ids, each a UUID", reason="FIELD_FORMAT", field="selection.quarantine_ids")
    return Which(selection.tenant or "default", ids, selection.source, selection.reason, selection.field)


def _redriven(item: Redriven) -> pb.RedriveResult:
    kept = item.outcome.quarantine_id
    return pb.RedriveResult(
        quarantine_id=item.quarantine_id,
        result=result_to_proto(item.outcome),
        kept_quarantine_id=kept if kept != item.quarantine_id else "",
    )


def _token(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def _place(token: str) -> Place | None:
    if not token:
        return None
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(token), type=Place)
    except (ValueError, msgspec.MsgspecError):
        place = Place(-1, -1, "")
    if not (is_uuid(place.quarantine_id) and 0 <= place.received <= place.until < 2**63):
        raise Invalid("the page token is none of ours", reason="PAGE_TOKEN", field="page_token")
    return place


def _time(instant: int) -> Timestamp:
    time = Timestamp()
    time.FromDatetime(to_datetime(instant))
    return time
