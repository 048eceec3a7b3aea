"""The commands that tell many customers, and the lists, against a served contract."""

import json
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner

from cairn.journey.v1 import journey_pb2 as pb
from cairn.journey.v1 import journey_pb2_grpc as rpc
from journeyctl import control, customers, watch
from journeyctl.errors import CannotRun
from journeyctl.installation import SERVICES, Installation
from journeyctl.main import app
from journeyctl.services import ServiceRefused, Services


class Keeper(rpc.JourneyControlServiceServicer, rpc.JourneyServiceServicer):
    """Answers as journey-state would, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.left = 2

    def Broadcast(self, request: pb.BroadcastRequest, context: grpc.ServicerContext) -> pb.BroadcastResponse:
        self.asked.append(request)
        return pb.BroadcastResponse(walk=3)

    def StopJourney(self, request: pb.StopJourneyRequest, context: grpc.ServicerContext) -> pb.StopJourneyResponse:
        self.asked.append(request)
        return pb.StopJourneyResponse(walk=4)

    def PauseJourney(self, request: pb.PauseJourneyRequest, context: grpc.ServicerContext) -> pb.PauseJourneyResponse:
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no journey win-bak; those in force are: win-back")
        raise AssertionError

    def GetWalk(self, request: pb.GetWalkRequest, context: grpc.ServicerContext) -> pb.GetWalkResponse:
        self.left -= 1
        return pb.GetWalkResponse(visited=1200, changed=34, partitions_left=max(0, self.left))

    def ListInstances(
        self, request: pb.ListInstancesRequest, context: grpc.ServicerContext
    ) -> pb.ListInstancesResponse:
        self.asked.append(request)
        number = int(request.page_token or 0)
        instance = pb.Instance(instance_id=f"i{number}", journey="win-back", stage="lapsing", waits=["offer/2"])
        listed = [pb.ListedInstance(profile_id=f"p{number}", instance=instance)]
        return pb.ListInstancesResponse(instances=listed, next_page_token=str(number + 1) if number < 4 else "")

    def WatchJourney(
        self, request: pb.WatchJourneyRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchJourneyResponse]:
        for number in (5, 7):
            counts = pb.JourneyCounts(
                journey="win-back", in_flight=number, stages={"lapsing": number}, control="paused"
            )
            yield pb.WatchJourneyResponse(customers=9, journeys=[counts])


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    keeper = Keeper()  # type: ignore[abstract]  # what it does not answer is not asked
    server = grpc.server(futures.ThreadPoolExecutor(2))
    rpc.add_JourneyControlServiceServicer_to_server(keeper, server)
    rpc.add_JourneyServiceServicer_to_server(keeper, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    installation = Installation(dict.fromkeys(SERVICES, address), {}, {}, "", "")
    monkeypatch.setattr(Installation, "load", lambda home: installation)
    yield keeper
    server.stop(None).wait()


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_broadcast_says_how_many_it_reached(keeper: Keeper) -> None:
    said = run("broadcast", "product.recalled", "--data", '{"product": "kettle"}')
    assert "product.recalled was told. 1,200 customers were visited, for 34 something changed." in said
    assert (keeper.asked[0].type, dict(keeper.asked[0].data.items())) == ("product.recalled", {"product": "kettle"})
    assert keeper.asked[0].request_id


def test_a_stop_lets_them_finish_unless_told_otherwise(keeper: Keeper) -> None:
    run("stop", "win-back", "--no-wait")
    run("stop", "win-back", "--now", "--no-wait")
    assert [one.mode for one in keeper.asked] == [pb.STOP_MODE_DRAIN, pb.STOP_MODE_NOW]


def test_what_the_service_refuses_is_told_in_its_words(keeper: Keeper) -> None:
    with pytest.raises(ServiceRefused, match="those in force are: win-back"):
        CliRunner().invoke(app, ["pause", "win-bak"], catch_exceptions=False)


@pytest.mark.parametrize("data", ["[1]", "{"])
def test_fields_must_be_a_json_object(data: str) -> None:
    with pytest.raises(CannotRun, match="--data"):
        control.broadcast("product.recalled", data)


def test_a_list_goes_through_pages_up_to_its_limit(keeper: Keeper) -> None:
    everyone = json.loads(run("customers", "--journey", "win-back", "--stage", "lapsing", "-o", "json"))
    assert [one["profile_id"] for one in everyone] == ["p0", "p1", "p2", "p3", "p4"]
    assert (keeper.asked[0].stage, everyone[0]["instance"]["waits"]) == ("lapsing", ["offer/2"])
    said = run("customers", "--limit", "3")
    assert "p2" in said
    assert "p3" not in said
    assert "More than 3" in said


def test_an_output_nobody_knows_is_refused() -> None:
    with pytest.raises(CannotRun, match="table and json"):
        customers.customers(output="xml")


def test_watching_shows_each_change(keeper: Keeper) -> None:
    said = run("watch", "win-back", "--times", "2")
    assert "win-back" in said
    assert "7" in said
    assert watch.table_of(pb.WatchJourneyResponse()).caption == "Nobody has entered it."


def test_services_are_closed(keeper: Keeper, tmp_path: Path) -> None:
    with Services(Installation.load(tmp_path)) as services:
        assert services.control.GetWalk(pb.GetWalkRequest(walk=1)).visited == 1200
