"""Talking to a running Cairn: one channel per service, a limit on every wait, refusals as plain sentences."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from cairn.activation.v1.activation_pb2_grpc import ActivationServiceStub
from cairn.decisioning.v1.decisioning_pb2_grpc import DecisioningServiceStub
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.identity.v1.identity_pb2_grpc import IdentityServiceStub
from cairn.identity.v1.relations_pb2_grpc import RelationServiceStub
from cairn.ingestion.v1.ingestion_pb2_grpc import (
    ClockServiceStub,
    IngestionServiceStub,
    QualityServiceStub,
    QuarantineServiceStub,
)
from cairn.journey.v1.journey_pb2_grpc import JourneyControlServiceStub, JourneyServiceStub
from cairn.log.v1.log_pb2_grpc import LogServiceStub
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation

TIMEOUT_S: Final = 30.0
_OPTIONS: Final = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]

Answer = TypeVar("Answer")


class ServiceRefused(CannotRun):
    """A service said no; `reason` is the stable word of its contract."""

    def __init__(self, sentence: str, *, code: grpc.StatusCode, reason: str, violations: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.reason = reason
        self.violations = violations


class Services:
    """Stubs of the five services of an installation. Use as a context manager."""

    def __init__(self, installation: Installation) -> None:
        self._channels = {
            name: grpc.insecure_channel(address, options=_OPTIONS) for name, address in installation.grpc.items()
        }
        self.ingestion = IngestionServiceStub(self._channels["ingestion"])
        self.quality = QualityServiceStub(self._channels["ingestion"])
        self.quarantine = QuarantineServiceStub(self._channels["ingestion"])
        self.clock = ClockServiceStub(self._channels["ingestion"])
        self.identity = IdentityServiceStub(self._channels["identity_resolution"])
        self.relations = RelationServiceStub(self._channels["identity_resolution"])
        self.journeys = JourneyServiceStub(self._channels["journey_state"])
        self.control = JourneyControlServiceStub(self._channels["journey_state"])
        self.decisions = DecisioningServiceStub(self._channels["decisioning"])
        self.deliveries = ActivationServiceStub(self._channels["activation"])

    def definitions(self, service: str) -> DefinitionServiceStub:
        """The keeper of programme versions in one service."""
        return DefinitionServiceStub(self._channels[service])

    def log(self, service: str) -> LogServiceStub:
        """The door to the log of one service."""
        return LogServiceStub(self._channels[service])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels.values():
            channel.close()


def ask(
    method: Callable[..., Answer],
    request: Any,
    *,
    timeout_s: float = TIMEOUT_S,
    wait_for_ready: bool = False,
    metadata: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """One call with a deadline. Raises ServiceRefused, which says in a sentence what the service said."""
    try:
        return method(request, timeout=timeout_s, wait_for_ready=wait_for_ready, metadata=metadata)
    except grpc.RpcError as error:
        raise refusal(error) from None


def refusal(error: Any) -> ServiceRefused:
    """What a failed call says, as a sentence."""
    code, text = error.code(), error.details() or ""
    reason = ""
    violations: list[str] = []
    if code is grpc.StatusCode.UNAVAILABLE and "failed to connect" in text.lower():
        text = "a service cannot be reached; see journeyctl status"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        text = "a service did not answer in time; it may be busy, see journeyctl status"
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(request):
            violations += [f"{item.field}: {item.description}" for item in request.field_violations]
    sentence = f"Refused ({reason or code.name}): {text or 'no reason given'}"
    return ServiceRefused(sentence, code=code, reason=reason or code.name, violations=tuple(violations))
