"""What a plan says, to people and to programs."""

import json
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cairn.definition.v1 import definition_pb2
from cairn.definition.v1 import definition_pb2_grpc as definitions
from cairn.identity.v1 import identity_pb2
from cairn.identity.v1 import identity_pb2_grpc as identities
from cairn.journey.v1 import journey_pb2 as pb
from cairn.journey.v1 import journey_pb2_grpc as journeys
from cairn_journey import load_text
from journeyctl.apply import ORDER
from journeyctl.installation import SERVICES, Installation
from journeyctl.main import app
from journeyctl.plan import Plan, tell

JOURNEY = """\
kind: Journey
name: win-back
entry: [{on: basket.purchased}]
goal: {on: coupon.redeemed, within: 30d}
---
kind: EventType
name: basket.purchased
mode: strict
schema: {required: [amount]}
"""
OLD = load_text(JOURNEY)


RULES = """\
---
kind: IdentityRules
name: shop
namespaces: [{name: email, max: 3}]
"""


class Keeper(
    definitions.DefinitionServiceServicer, journeys.JourneyControlServiceServicer, identities.IdentityServiceServicer
):
    """Has a programme in force and people in flight."""

    def __init__(self) -> None:
        self.applied: list[definition_pb2.ApplyRequest] = []
        self.asked = 0
        self.places = [
            pb.PlannedPlace(
                journey="win-back",
                definition_version=OLD.version,
                stage="lapsing",
                waits=["offer/2"],
                instances=1200,
                outcome=pb.OUTCOME_MIGRATE,
                to_stage="drowsy",
                to_waits=["offer/3"],
            )
        ]

    def PlanProgramme(
        self, request: pb.PlanProgrammeRequest, context: grpc.ServicerContext
    ) -> pb.PlanProgrammeResponse:
        version = "new" if request.bundle != OLD.bundle() else OLD.version
        return pb.PlanProgrammeResponse(version=version, in_force_version=OLD.version, places=self.places)

    def GetActive(
        self, request: definition_pb2.GetActiveRequest, context: grpc.ServicerContext
    ) -> definition_pb2.GetActiveResponse:
        return definition_pb2.GetActiveResponse(version=OLD.version, bundle=OLD.bundle())

    def GetPrevious(
        self, request: definition_pb2.GetPreviousRequest, context: grpc.ServicerContext
    ) -> definition_pb2.GetPreviousResponse:
        return definition_pb2.GetPreviousResponse(version=OLD.version, bundle=OLD.bundle())

    def Check(
        self, request: definition_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> definition_pb2.CheckResponse:
        return definition_pb2.CheckResponse(version="new")

    def Apply(
        self, request: definition_pb2.ApplyRequest, context: grpc.ServicerContext
    ) -> definition_pb2.ApplyResponse:
        self.applied.append(request)
        return definition_pb2.ApplyResponse(version="new", changed=True, walk=9)

    def PreviewRules(
        self, request: identity_pb2.PreviewRulesRequest, context: grpc.ServicerContext
    ) -> Iterator[identity_pb2.PreviewRulesResponse]:
        found = identity_pb2.PreviewRulesResponse(
            rules_version="b", in_force_version="a", seen=5, total=9, profiles=3, profiles_then=3
        )
        yield found
        found.seen, found.profiles, found.profiles_then, found.merges, found.splits = 9, 5, 4, 2, 1
        found.records = 1200
        found.samples.add(
            profile_id="p",
            identifiers=3,
            to_profile_ids=["p", "q"],
            sizes=[2, 1],
            refusal="CARDINALITY",
            rule="email max 3",
        )
        yield found

    def GetRules(
        self, request: identity_pb2.GetRulesRequest, context: grpc.ServicerContext
    ) -> identity_pb2.GetRulesResponse:
        self.asked += 1
        return identity_pb2.GetRulesResponse(version="b", done=self.asked > 1, share=0.5, merges=2, splits=1)

    def GetWalk(self, request: pb.GetWalkRequest, context: grpc.ServicerContext) -> pb.GetWalkResponse:
        return pb.GetWalkResponse(visited=1200, changed=1200)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    keeper = Keeper()  # type: ignore[abstract]  # what it does not answer is not asked
    server = grpc.server(futures.ThreadPoolExecutor(2))
    definitions.add_DefinitionServiceServicer_to_server(keeper, server)
    journeys.add_JourneyControlServiceServicer_to_server(keeper, server)
    identities.add_IdentityServiceServicer_to_server(keeper, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    monkeypatch.setattr(
        Installation, "load", lambda home: Installation(dict.fromkeys(SERVICES, address), {}, {}, "", "")
    )
    yield keeper
    server.stop(None).wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "win-back.yaml").write_text(JOURNEY.replace("30d", "21d"))
    return tmp_path


def test_it_shows_the_changes_and_what_becomes_of_whom(keeper: Keeper, folder: Path) -> None:
    result = CliRunner().invoke(app, ["plan", str(folder)])
    assert result.exit_code == 2
    assert "~ Journey win-back" in result.output
    assert "goal.within: 30d → 21d" in result.output
    assert "1,200" in result.output
    assert "go on at drowsy, waiting at offer/3" in " ".join(result.output.split())


def test_programs_read_it_as_json(keeper: Keeper, folder: Path) -> None:
    result = CliRunner().invoke(app, ["plan", str(folder), "-o", "json"])
    told = json.loads(result.output)
    assert told["changes"] == [
        {
            "action": "changed",
            "kind": "Journey",
            "name": "win-back",
            "fields": [{"path": "goal.within", "before": "30d", "after": "21d"}],
        }
    ]
    assert (told["in_flight"], told["stranded"], told["places"][0]["outcome"]) == (1200, 0, "migrate")


def test_nothing_to_do_is_exit_code_0(keeper: Keeper, folder: Path) -> None:
    (folder / "win-back.yaml").write_text(JOURNEY)
    result = CliRunner().invoke(app, ["plan", str(folder)])
    assert (result.exit_code, "nothing would change" in result.output) == (0, True)


def test_people_who_would_be_stranded_are_exit_code_1_with_the_cure(keeper: Keeper, folder: Path) -> None:
    keeper.places[0].outcome = pb.OUTCOME_STRAND
    keeper.places[0].problems.append("win-back has no stage lapsing any more; map it")
    result = CliRunner().invoke(app, ["plan", str(folder)])
    assert result.exit_code == 1
    assert "win-back has no stage lapsing any more; map it" in result.output
    assert "apply will refuse this" in result.output


def test_schemas_that_would_refuse_what_they_allowed_are_exit_code_1_with_the_cure(
    keeper: Keeper, folder: Path
) -> None:
    (folder / "win-back.yaml").write_text(JOURNEY.replace("[amount]", "[amount, till]"))
    result = CliRunner().invoke(app, ["plan", str(folder)])
    assert result.exit_code == 1
    assert "✗ EventType basket.purchased: till: it must be there now" in result.output
    assert "apply will refuse this (BREAKING_SCHEMA). Raise the version" in result.output
    told = json.loads(CliRunner().invoke(app, ["plan", str(folder), "-o", "json"]).output)
    assert told["breaking_schemas"] == [
        {"event_type": "basket.purchased", "path": "till", "why": "it must be there now"}
    ]
    (folder / "win-back.yaml").write_text(
        JOURNEY.replace("[amount]", "[amount, till]").replace("mode: strict", "mode: strict\nversion: 2")
    )
    assert CliRunner().invoke(app, ["plan", str(folder)]).exit_code == 2


def test_other_rules_of_identity_are_shown_with_what_they_make_of_profiles(keeper: Keeper, folder: Path) -> None:
    (folder / "win-back.yaml").write_text(JOURNEY + RULES)
    said = " ".join(CliRunner().invoke(app, ["plan", str(folder)]).output.split())
    assert "Rules of identity, from a to b: 5 profiles would be 4:" in said
    assert "2 would become part of another, 1 would lose identifiers" in said
    assert "1,200 records will be compared anew" in said
    assert "p 3 p (2), q (1) email max 3" in said
    told = json.loads(CliRunner().invoke(app, ["plan", str(folder), "-o", "json"]).output)["identity"]
    assert (told["merges"], told["splits"], told["identifiers"]) == (2, 1, 9)
    assert told["samples"][0]["becomes"] == {"p": 2, "q": 1}


def test_profiles_that_would_move_are_asked_about_and_waited_for(keeper: Keeper, folder: Path) -> None:
    keeper.places.clear()
    (folder / "win-back.yaml").write_text(JOURNEY + RULES)
    result = CliRunner().invoke(app, ["apply", str(folder)])
    assert "say --yes" in str(result.exception)
    assert keeper.applied == []
    result = CliRunner().invoke(app, ["apply", str(folder), "--yes"])
    assert "Rules b: all identifiers stand as they say, 2 merges and 1 splits by the change." in result.output
    assert keeper.asked == 2


def test_the_same_rules_under_another_owner_move_nobody(keeper: Keeper, folder: Path) -> None:
    told = json.loads(CliRunner().invoke(app, ["plan", str(folder), "-o", "json"]).output)
    assert told["identity"] is None


def test_apply_asks_before_it_moves_people(keeper: Keeper, folder: Path) -> None:
    result = CliRunner().invoke(app, ["apply", str(folder)])
    assert "go on at drowsy" in result.output
    assert "say --yes" in str(result.exception)
    assert keeper.applied == []
    result = CliRunner().invoke(app, ["apply", str(folder), "--yes"])
    assert "1,200 customers were visited, for 1,200 something changed" in result.output
    assert [request.revert for request in keeper.applied] == [False] * len(ORDER)


def test_a_revert_goes_through_all_services_as_one(keeper: Keeper) -> None:
    result = CliRunner().invoke(app, ["revert"])
    assert f"Version {OLD.version} is in force again" in result.output
    assert [(request.revert, request.bundle) for request in keeper.applied] == [(True, OLD.bundle())] * len(ORDER)


def test_nobody_in_flight_is_said() -> None:
    console = Console(record=True, width=100)
    tell(console, Plan("a", "", [], []))
    assert "Nobody is in flight." in console.export_text()
