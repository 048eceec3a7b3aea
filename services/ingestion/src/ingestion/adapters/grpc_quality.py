"""QualityService: translate in, call, translate out."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import QualityServiceServicer
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.time import DAY, to_datetime
from ingestion.adapters.postgres_observations import FieldRow, PostgresObservations
from ingestion.application.event_types import EventTypes
from ingestion.domain.proposals import Shape, drift, proposal, shape_of

DAYS: Final = 7
MOST_DAYS: Final = 400


class QualityApi(QualityServiceServicer):
    def __init__(self, table: PostgresObservations, types: EventTypes, now_us: Callable[[], int]) -> None:
        self._table = table
        self._types = types
        self._now_us = now_us

    async def GetQuality(self, request: pb.GetQualityRequest, context: Any) -> pb.GetQualityResponse:
        tenant, since = request.tenant or "default", self._since(request.days)
        volumes = await self._table.volumes(tenant, since)
        rows = await self._table.fields(tenant, since, "")
        return pb.GetQualityResponse(
            sources=[
                pb.SourceQuality(
                    source=volume.source,
                    accepted=volume.accepted,
                    duplicates=volume.duplicates,
                    quarantined=volume.quarantined,
                    last_received_time=_time(volume.latest),
                )
                for volume in volumes
            ],
            event_types=[self._type(tenant, source, type, shape) for (source, type), shape in _shapes(rows).items()],
        )

    async def ProposeSchema(self, request: pb.ProposeSchemaRequest, context: Any) -> pb.ProposeSchemaResponse:
        if not request.event_type:
            raise Invalid("name an event type", reason="FIELD_REQUIRED", field="event_type")
        rows = await self._table.fields(request.tenant or "default", self._since(request.days), request.event_type)
        shape = shape_of((row.path, row.kind, row.events) for row in rows)
        if not shape.events:
            raise NotFound(
                "no event of that type was seen within that time; journeyctl events quality lists the types that were",
                reason="NOT_SEEN",
            )
        return pb.ProposeSchemaResponse(json_schema=json.dumps(proposal(shape)), events=shape.events)

    def _since(self, days: int) -> int:
        if not 0 <= days <= MOST_DAYS:
            raise Invalid("1 to 400 days", reason="FIELD_FORMAT", field="days")
        return self._now_us() - (days or DAYS) * DAY

    def _type(self, tenant: str, source: str, type: str, shape: Shape) -> pb.EventTypeQuality:
        rule = self._types.of(tenant).types.get(type)
        return pb.EventTypeQuality(
            source=source,
            event_type=type,
            events=shape.events,
            fields=[
                pb.FieldQuality(
                    path=field.path, missing_share=1 - field.events / shape.events, kinds=sorted(field.kinds)
                )
                for field in shape.fields.values()
                if "[]" not in field.path and shape.events
            ],
            drift=drift(shape, rule.schema) if rule is not None and rule.schema else [],
            described=rule is not None,
        )


def _shapes(rows: Iterable[FieldRow]) -> Mapping[tuple[str, str], Shape]:
    found: dict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
    for row in rows:
        found[row.source, row.type].append((row.path, row.kind, row.events))
    return {about: shape_of(told) for about, told in found.items()}


def _time(instant: int) -> Timestamp:
    time = Timestamp()
    time.FromDatetime(to_datetime(instant))
    return time
