"""ActivationService: translate in, ask, translate out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from activation.adapters.postgres_deliveries import PostgresDeliveries
from activation.application.state_hash import state_hash
from activation.domain.delivery import Delivery
from cairn.activation.v1 import activation_pb2 as pb
from cairn.activation.v1.activation_pb2_grpc import ActivationServiceServicer
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.event import Event
from cairn_kernel.time import to_datetime

DEFAULT_TENANT: Final = "default"


class ActivationApi(ActivationServiceServicer):
    def __init__(self, deliveries: PostgresDeliveries) -> None:
        self._deliveries = deliveries

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: Any) -> pb.GetDeliveryResponse:
        found = await self._deliveries.get(request.tenant or DEFAULT_TENANT, _uuid(request.delivery_id))
        if found is None:
            raise _unknown()
        return pb.GetDeliveryResponse(delivery=to_proto(*found))

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Any) -> pb.ListDeliveriesResponse:
        if not request.profile_id:
            raise Invalid("profile_id is missing", reason="FIELD_REQUIRED", field="profile_id")
        found = await self._deliveries.of_profile(request.tenant or DEFAULT_TENANT, _uuid(request.profile_id))
        return pb.ListDeliveriesResponse(deliveries=[to_proto(*each) for each in found])

    async def GetCounts(self, request: pb.GetCountsRequest, context: Any) -> pb.GetCountsResponse:
        statuses, actions = await self._deliveries.counts(request.tenant or DEFAULT_TENANT)
        return pb.GetCountsResponse(statuses=statuses, actions=actions)

    async def GetStateHash(self, request: pb.GetStateHashRequest, context: Any) -> pb.GetStateHashResponse:
        hashed, count = await state_hash(self._deliveries.all(request.tenant or DEFAULT_TENANT))
        return pb.GetStateHashResponse(state_hash=hashed, deliveries=count)


def to_proto(delivery: Delivery, history: Sequence[Event]) -> pb.Delivery:
    data = delivery.planned.data
    told = pb.Delivery(
        delivery_id=delivery.id,
        decision_id=data["decision_id"],
        profile_id=delivery.profile_id,
        channel=delivery.channel,
        action=data["action"],
        status=delivery.status,
        reason=delivery.reason,
    )
    told.planned_time.FromDatetime(to_datetime(delivery.planned.as_of))
    for event in history:
        fact = told.facts.add(type=event.type, reason=str(event.data.get("reason", "")))
        fact.time.FromDatetime(to_datetime(event.as_of))
        if "refused_by" in event.data:
            fact.refused_by.CopyFrom(_refused_by(event.data["refused_by"]))
    return told


def _refused_by(entry: Mapping[str, Any]) -> pb.RefusedBy:
    told = pb.RefusedBy(**{name: value for name, value in entry.items() if name != "at"})
    if "at" in entry:
        told.time.FromMicroseconds(entry["at"])
    return told


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise _unknown() from error


def _unknown() -> NotFound:
    return NotFound("there is nothing under that id", reason="NO_SUCH_DELIVERY")
