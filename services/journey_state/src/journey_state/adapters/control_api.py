"""JourneyControlService."""

from typing import Any, Final

from cairn.journey.v1 import journey_pb2 as pb
from cairn.journey.v1.journey_pb2_grpc import JourneyControlServiceServicer
from cairn_journey import parse_bundle
from cairn_kernel.errors import Invalid, NotFound
from cairn_runtime.structs import plain
from journey_state.adapters.postgres_places import Plans
from journey_state.adapters.protos import planned_to_proto, timestamp
from journey_state.application.commands import DRAIN, NOW, Commands
from journey_state.application.ports import Controls

DEFAULT_TENANT: Final = "default"
MODES: Final = {pb.STOP_MODE_DRAIN: DRAIN, pb.STOP_MODE_NOW: NOW}


class ControlApi(JourneyControlServiceServicer):
    """Writes commands, and tells how far they have come."""

    def __init__(self, commands: Commands, controls: Controls, plans: Plans) -> None:
        self._commands = commands
        self._plans = plans
        self._controls = controls

    async def Broadcast(self, request: pb.BroadcastRequest, context: Any) -> pb.BroadcastResponse:
        tenant = request.tenant or DEFAULT_TENANT
        walk = await self._commands.broadcast(tenant, request.request_id, request.type, plain(request.data))
        return pb.BroadcastResponse(walk=walk)

    async def PauseJourney(self, request: pb.PauseJourneyRequest, context: Any) -> pb.PauseJourneyResponse:
        tenant = request.tenant or DEFAULT_TENANT
        return pb.PauseJourneyResponse(walk=await self._commands.pause(tenant, request.request_id, request.journey))

    async def ResumeJourney(self, request: pb.ResumeJourneyRequest, context: Any) -> pb.ResumeJourneyResponse:
        tenant = request.tenant or DEFAULT_TENANT
        return pb.ResumeJourneyResponse(walk=await self._commands.resume(tenant, request.request_id, request.journey))

    async def StopJourney(self, request: pb.StopJourneyRequest, context: Any) -> pb.StopJourneyResponse:
        tenant = request.tenant or DEFAULT_TENANT
        if request.mode not in MODES:
            raise Invalid("mode is missing: say DRAIN or NOW", reason="MODE", field="mode")
        mode = MODES[request.mode]
        return pb.StopJourneyResponse(walk=await self._commands.stop(tenant, request.request_id, request.journey, mode))

    async def PlanProgramme(self, request: pb.PlanProgrammeRequest, context: Any) -> pb.PlanProgrammeResponse:
        tenant, programme = request.tenant or DEFAULT_TENANT, parse_bundle(request.bundle)
        planned = await self._plans.of(tenant, programme)
        return pb.PlanProgrammeResponse(
            version=programme.version,
            in_force_version=self._plans.in_force(tenant),
            places=[planned_to_proto(one) for one in planned],
        )

    async def GetWalk(self, request: pb.GetWalkRequest, context: Any) -> pb.GetWalkResponse:
        found = await self._controls.progress(request.walk)
        if found is None:
            raise NotFound("there is no walk of this number", reason="NO_SUCH_WALK")
        return pb.GetWalkResponse(
            type=found.type, visited=found.visited, changed=found.changed, partitions_left=found.partitions_left
        )

    async def ListControls(self, request: pb.ListControlsRequest, context: Any) -> pb.ListControlsResponse:
        found = await self._controls.list(request.tenant or DEFAULT_TENANT)
        return pb.ListControlsResponse(
            controls=[
                pb.Control(journey=one.journey, mode=one.mode, since_time=timestamp(one.since), walk=one.walk)
                for one in found
            ]
        )
