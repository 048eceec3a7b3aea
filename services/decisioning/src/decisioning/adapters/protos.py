"""Stored decisions as the contract shows them."""

from collections.abc import Mapping
from typing import Any

from msgspec import ValidationError
from msgspec.structs import replace

from cairn.decisioning.v1 import decisioning_pb2 as pb
from cairn_kernel.errors import Invalid
from cairn_kernel.event import Event, from_msgpack
from cairn_kernel.time import to_datetime
from decisioning.application.explanation import explanation, summary


def decision_to_proto(decision: Event) -> pb.Decision:
    data = decision.data
    chosen: Mapping[str, Any] = data.get("chosen") or {}
    answer = pb.Decision(
        decision_id=decision.id,
        profile_id=decision.profile_id,
        moment_id=data["moment_id"],
        journey=data["journey"],
        action=chosen.get("action", ""),
        channel=chosen.get("channel", ""),
        reason=data["reason"],
        candidates=[_candidate_to_proto(candidate) for candidate in data["candidates"]],
        definition_version=decision.definition_version,
        summary=summary(decision),
    )
    answer.decided_time.FromDatetime(to_datetime(decision.as_of))
    answer.context.update(data["context"])
    return answer


def inputs_from_proto(request: pb.EvaluateBatchRequest, tenant: str) -> list[Event]:
    """The events of a batch, as events of the tenant that asks. Raises Invalid (NOT_AN_INPUT)."""
    try:
        return [replace(from_msgpack(entry.event), tenant=tenant) for entry in request.inputs]
    except ValidationError:
        raise Invalid("an input is not an event", reason="NOT_AN_INPUT", field="inputs") from None


def _candidate_to_proto(candidate: Mapping[str, Any]) -> pb.Candidate:
    factors = {name: float(factor) for name, factor in candidate["factors"].items()}
    return pb.Candidate(
        action=candidate["action"],
        chosen=candidate["chosen"],
        stopped_by=candidate["stopped_by"],
        explanation=explanation(candidate),
        factors={"priority": float(candidate["priority"]), **factors},
        score=float(candidate["score"]),
    )
