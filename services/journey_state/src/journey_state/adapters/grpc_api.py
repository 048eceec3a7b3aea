"""JourneyService."""

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any, Final
from uuid import UUID

from cairn.journey.v1 import journey_pb2 as pb
from cairn.journey.v1.journey_pb2_grpc import JourneyServiceServicer
from cairn_journey import JourneyDomain, explain, timeline
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.time import micros
from journey_state.adapters.protos import (
    context_to_proto,
    counts_to_proto,
    customer_to_proto,
    entry_to_proto,
    instance_to_proto,
)
from journey_state.application.customers import Customers
from journey_state.application.listing import Listing, ListInstances
from journey_state.application.ports import CustomerReader
from journey_state.application.state_hash import state_hash
from journey_state.application.unknown import in_force, no_such_journey
from journey_state.application.watching import Watching

DEFAULT_TENANT: Final = "default"


class JourneyApi(JourneyServiceServicer):
    """Answers from what is stored."""

    def __init__(self, reader: CustomerReader, customers: Customers, domain: JourneyDomain) -> None:
        self._reader = reader
        self._customers = customers
        self._programmes = domain.programmes
        self._list = ListInstances(reader, customers, domain.programmes)
        self._watching = Watching(reader)

    async def GetCustomer(self, request: pb.GetCustomerRequest, context: Any) -> pb.GetCustomerResponse:
        tenant, as_of, profile = request.tenant or DEFAULT_TENANT, _instant(request), _profile(request.profile_id)
        if as_of is None:
            found = await self._customers.now(tenant, profile)
        else:
            found = await self._customers.past(tenant, profile, as_of)
        return customer_to_proto(found.state, found.version, self._programmes, found.at)

    async def GetContext(self, request: pb.GetContextRequest, context: Any) -> pb.GetContextResponse:
        found = await self._customers.now(request.tenant or DEFAULT_TENANT, _profile(request.profile_id))
        return context_to_proto(found, self._programmes)

    async def ListInstances(self, request: pb.ListInstancesRequest, context: Any) -> pb.ListInstancesResponse:
        await self._check_journey(request.tenant or DEFAULT_TENANT, request.journey)
        page = await self._list.page(
            Listing(
                tenant=request.tenant or DEFAULT_TENANT,
                journey=request.journey,
                stage=request.stage if request.HasField("stage") else None,
                filter=request.filter,
                size=request.page_size,
                token=request.page_token,
            )
        )
        return pb.ListInstancesResponse(
            instances=[
                pb.ListedInstance(
                    profile_id=customer.state.profile_id,
                    instance=instance_to_proto(customer.state, instance, self._programmes, customer.at),
                )
                for customer, instance in page.found
            ],
            next_page_token=page.next_token,
            looked_at=page.looked_at,
        )

    async def WatchJourney(
        self, request: pb.WatchJourneyRequest, context: Any
    ) -> AsyncIterator[pb.WatchJourneyResponse]:
        async for customers, journeys in self._watching.watch(request.tenant or DEFAULT_TENANT, request.journey):
            yield pb.WatchJourneyResponse(customers=customers, journeys=[counts_to_proto(one) for one in journeys])

    async def ExplainInstance(self, request: pb.ExplainInstanceRequest, context: Any) -> pb.ExplainInstanceResponse:
        tenant = request.tenant or DEFAULT_TENANT
        events = await self._customers.history(tenant, _profile(request.profile_id))
        state = self._customers.fold(tenant, events[0].profile_id, events)
        told = explain(self._programmes, state, request.journey, max(event.as_of for event in events), events)
        return pb.ExplainInstanceResponse(
            summary=told.summary,
            conditions=[
                pb.Condition(role=item.role, expression=item.expression, holds=item.holds, saw=item.saw)
                for item in told.conditions
            ],
            facts=[entry_to_proto(event) for event in events if event.data.get("journey") == request.journey],
        )

    async def GetTimeline(self, request: pb.GetTimelineRequest, context: Any) -> pb.GetTimelineResponse:
        tenant = request.tenant or DEFAULT_TENANT
        events = await self._customers.history(tenant, _profile(request.profile_id))
        return pb.GetTimelineResponse(entries=[entry_to_proto(event) for event in timeline(events)])

    async def GetCounts(self, request: pb.GetCountsRequest, context: Any) -> pb.GetCountsResponse:
        customers, counts = await self._reader.counts(request.tenant or DEFAULT_TENANT)
        return pb.GetCountsResponse(customers=customers, journeys=[counts_to_proto(count) for count in counts])

    async def _check_journey(self, tenant: str, journey: str) -> None:
        """Raises NotFound (NO_SUCH_JOURNEY) unless it is in force, or anybody ever was in it."""
        if not journey or in_force(self._programmes, tenant, journey):
            return
        _, counts = await self._reader.counts(tenant)
        if journey not in {count.journey for count in counts}:
            raise no_such_journey(self._programmes, tenant, journey)

    async def GetStateHash(self, request: pb.GetStateHashRequest, context: Any) -> pb.GetStateHashResponse:
        tenant = request.tenant or DEFAULT_TENANT
        hashed, customers = await state_hash(self._customers, tenant, self._reader.streams(tenant))
        return pb.GetStateHashResponse(state_hash=hashed, customers=customers)


def _profile(text: str) -> str:
    if not text:
        raise Invalid("profile_id is missing", reason="FIELD_REQUIRED", field="profile_id")
    try:
        return str(UUID(text))
    except ValueError as error:
        raise NotFound("nothing is known of such a profile", reason="NO_SUCH_PROFILE") from error


def _instant(request: pb.GetCustomerRequest) -> int | None:
    if not request.HasField("as_of_time"):
        return None
    return micros(request.as_of_time.ToDatetime(tzinfo=UTC))
