"""DecisioningService."""

from typing import Any, Final
from uuid import UUID

from cairn.decisioning.v1 import decisioning_pb2 as pb
from cairn.decisioning.v1.decisioning_pb2_grpc import DecisioningServiceServicer
from cairn_decisions.decide import CHOSEN
from cairn_kernel.errors import Invalid, NotFound
from decisioning.adapters.protos import decision_to_proto, inputs_from_proto
from decisioning.application.evaluation import Evaluation
from decisioning.application.ports import DecisionReader
from decisioning.application.state_hash import state_hash

DEFAULT_TENANT: Final = "default"
MOST_LISTED: Final = 1_000
"""ListDecisions returns at most the latest so many."""


class DecisioningApi(DecisioningServiceServicer):
    """Answers from what is stored; what would be decided, without storing it."""

    def __init__(self, decisions: DecisionReader, evaluation: Evaluation) -> None:
        self._decisions = decisions
        self._evaluation = evaluation

    async def ExplainDecision(self, request: pb.ExplainDecisionRequest, context: Any) -> pb.ExplainDecisionResponse:
        if not _is_uuid(request.decision_id):
            raise NotFound("there is no decision under that id", reason="NO_SUCH_DECISION")
        decision = await self._decisions.get(request.tenant or DEFAULT_TENANT, request.decision_id)
        return pb.ExplainDecisionResponse(decision=decision_to_proto(decision))

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Any) -> pb.ListDecisionsResponse:
        if not _is_uuid(request.profile_id):
            raise Invalid("profile_id must be the id of a profile", reason="FIELD_REQUIRED", field="profile_id")
        tenant = request.tenant or DEFAULT_TENANT
        decisions = await self._decisions.of_customer(tenant, request.profile_id, MOST_LISTED)
        return pb.ListDecisionsResponse(decisions=[decision_to_proto(decision) for decision in decisions])

    async def GetCounts(self, request: pb.GetCountsRequest, context: Any) -> pb.GetCountsResponse:
        counts = await self._decisions.counts(request.tenant or DEFAULT_TENANT)
        return pb.GetCountsResponse(
            moments=sum(counts.by_reason.values()),
            made=counts.by_reason.get(CHOSEN, 0),
            suppressed={reason: number for reason, number in counts.by_reason.items() if reason != CHOSEN},
            actions=counts.by_action,
        )

    async def GetStateHash(self, request: pb.GetStateHashRequest, context: Any) -> pb.GetStateHashResponse:
        hashed, decisions = await state_hash(self._decisions.all(request.tenant or DEFAULT_TENANT))
        return pb.GetStateHashResponse(state_hash=hashed, decisions=decisions)

    async def EvaluateBatch(self, request: pb.EvaluateBatchRequest, context: Any) -> pb.EvaluateBatchResponse:
        inputs = inputs_from_proto(request, request.tenant or DEFAULT_TENANT)
        decisions = await self._evaluation.evaluate(inputs, bundle=request.bundle, stored=request.with_stored_ledgers)
        return pb.EvaluateBatchResponse(decisions=[decision_to_proto(decision) for decision in decisions])


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
