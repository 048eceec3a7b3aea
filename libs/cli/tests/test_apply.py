"""A programme comes into force everywhere or nowhere."""

from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from cairn.definition.v1 import definition_pb2 as pb
from cairn.definition.v1 import definition_pb2_grpc as rpc
from cairn_journey import Programme, load_text
from journeyctl.apply import ORDER, apply_everywhere
from journeyctl.installation import SERVICES, Installation
from journeyctl.services import ServiceRefused, Services

PROGRAMME = """\
kind: Journey
name: {name}
entry: [{{on: basket.purchased}}]
goal: {{on: basket.purchased, within: 30d}}
"""


class Keeper(rpc.DefinitionServiceServicer):
    """Keeps programmes as a service does, and refuses those that contain a word."""

    def __init__(self) -> None:
        self.bundle = b""
        self.answered: dict[str, pb.ApplyResponse] = {}
        self.refuses = b"\0"
        self.foresees = True

    def Apply(self, request: pb.ApplyRequest, context: grpc.ServicerContext) -> pb.ApplyResponse:
        if request.request_id in self.answered:
            return self.answered[request.request_id]
        if self.refuses in request.bundle:
            context.abort_with_status(_refusal())
        answer = pb.ApplyResponse(version="v", changed=request.bundle != self.bundle)
        self.bundle = request.bundle
        self.answered[request.request_id] = answer
        return answer

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        if self.refuses in request.bundle and self.foresees:
            context.abort_with_status(_refusal())
        return pb.CheckResponse(version="v", in_force=request.bundle == self.bundle)

    def GetPrevious(self, request: pb.GetPreviousRequest, context: grpc.ServicerContext) -> pb.GetPreviousResponse:
        context.abort(grpc.StatusCode.NOT_FOUND, "no other programme was in force before")
        raise AssertionError

    def GetActive(self, request: pb.GetActiveRequest, context: grpc.ServicerContext) -> pb.GetActiveResponse:
        if not self.bundle:
            context.abort(grpc.StatusCode.NOT_FOUND, "nothing in force")
        return pb.GetActiveResponse(version="v", bundle=self.bundle)

    def GetVersion(self, request: pb.GetVersionRequest, context: grpc.ServicerContext) -> pb.GetVersionResponse:
        return pb.GetVersionResponse(version=request.version, bundle=self.bundle)


def _refusal() -> grpc.Status:
    fault = error_details_pb2.BadRequest.FieldViolation(field="a.yaml:1:1", description="not with me")
    found = [
        error_details_pb2.ErrorInfo(reason="DEFINITION"),
        error_details_pb2.BadRequest(field_violations=[fault]),
    ]
    packed = [any_pb2.Any() for _ in found]
    for one, detail in zip(packed, found, strict=True):
        one.Pack(detail)
    code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
    return rpc_status.to_status(status_pb2.Status(code=code, message="refused", details=packed))


@pytest.fixture
def keepers() -> dict[str, Keeper]:
    return {name: Keeper() for name in ORDER}


@pytest.fixture
def services(keepers: dict[str, Keeper]) -> Iterator[Services]:
    addresses = dict.fromkeys(SERVICES, "127.0.0.1:9")
    servers = []
    for name, keeper in keepers.items():
        server = grpc.server(futures.ThreadPoolExecutor(2))
        rpc.add_DefinitionServiceServicer_to_server(keeper, server)
        addresses[name] = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        servers.append(server)
    with Services(Installation(addresses, {}, {}, "", "")) as found:
        yield found
    for server in servers:
        server.stop(None).wait()


def programme(name: str) -> Programme:
    return load_text(PROGRAMME.format(name=name))


def test_all_services_get_the_same_bundle(services: Services, keepers: dict[str, Keeper]) -> None:
    assert apply_everywhere(services, programme("first"))
    assert {keeper.bundle for keeper in keepers.values()} == {programme("first").bundle()}


def test_what_is_in_force_already_changes_nothing(services: Services) -> None:
    assert apply_everywhere(services, programme("first"))
    assert not apply_everywhere(services, programme("first"))


def test_one_that_was_replaced_can_come_back(services: Services, keepers: dict[str, Keeper]) -> None:
    for name in ("first", "second", "first", "second"):
        assert apply_everywhere(services, programme(name))
        assert {keeper.bundle for keeper in keepers.values()} == {programme(name).bundle()}


def test_if_the_last_refuses_the_very_first_programme_nobody_keeps_it(
    services: Services, keepers: dict[str, Keeper]
) -> None:
    keepers["journey_state"].refuses = b"first"
    with pytest.raises(ServiceRefused):
        apply_everywhere(services, programme("first"))
    assert {keeper.bundle for keeper in keepers.values()} == {b""}


def test_if_the_last_refuses_the_others_get_back_what_they_had(services: Services, keepers: dict[str, Keeper]) -> None:
    apply_everywhere(services, programme("first"))
    keepers["journey_state"].refuses = b"second"
    keepers["journey_state"].foresees = False
    with pytest.raises(ServiceRefused) as refused:
        apply_everywhere(services, programme("second"))
    assert refused.value.reason == "DEFINITION"
    assert refused.value.violations == ("a.yaml:1:1: not with me",)
    assert {keeper.bundle for keeper in keepers.values()} == {programme("first").bundle()}


def test_a_service_that_cannot_be_reached_is_told_in_a_sentence() -> None:
    nowhere = Installation(dict.fromkeys(SERVICES, "127.0.0.1:9"), {}, {}, "", "")
    with Services(nowhere) as services, pytest.raises(ServiceRefused, match="cannot be reached"):
        apply_everywhere(services, programme("first"))
