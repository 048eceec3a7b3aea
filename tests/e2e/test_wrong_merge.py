"""Two households of the demo's data that share a card at one till are one person until somebody takes them apart."""

import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.faults.waiting import until
from typer.testing import CliRunner

from cairn.decisioning.v1 import decisioning_pb2
from cairn.identity.v1 import identity_pb2
from cairn.journey.v1 import journey_pb2
from cairn_kernel.time import to_datetime
from cairn_runtime.clock import now_us
from journeyctl.apply import apply_everywhere
from journeyctl.demo.front_door import WRITE_KEY, FrontDoor
from journeyctl.demo.households import PERIODS, Call, calls
from journeyctl.demo.stage import Stage, set_up
from journeyctl.embedded import THROWAWAY
from journeyctl.main import app
from journeyctl.services import ServiceRefused, ask
from journeyctl.validate import load_or_tell

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(600)]

PROGRAMME = Path(__file__).parents[2] / "deploy" / "examples" / "retail"
RULES = PROGRAMME.parent / "identity" / "rules.yaml"
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "identity.md"
BASKETS = 4
AGO = timedelta(minutes=5)


def test_two_households_joined_by_a_shared_card_are_found_and_taken_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The households `ada` and `bob` share a card once; `eve` and `dan` live the same lives and do not."""
    first, second = lives()
    mixed = [*named(first, "ada", card="29001"), *without_account(second, "bob", shared="29001")]
    apart = [*named(first, "eve", card="29002"), *without_account(second, "dan", shared=None)]
    with set_up(tmp_path, postgres_settings=THROWAWAY) as stage:
        apply_everywhere(stage.services, load_or_tell(PROGRAMME))
        with FrontDoor(stage.front_door) as door:
            door.send(apart)
            door.send(mixed)
            eventually(lambda: profile(stage, "user_id", "ada") == profile(stage, "email", "bob@households.example"))
            joined = profile(stage, "user_id", "ada")
            eventually(lambda: sum(touchpoints(stage, joined).values()) >= len(mixed))

            said = journeyctl(stage, "explain", "user_id:ada", "email:bob@households.example")
            assert "One person" in said
            assert "email" in said
            assert "card" in said
            journeyctl(
                stage, "split", "ada", "email:bob@households.example", "anonymous_id:bob", "--reason", "one till"
            )
            bob = profile(stage, "email", "bob@households.example")
            assert bob != profile(stage, "user_id", "ada")
            eventually(lambda: alike(stage, "ada", "eve") and alike(stage, "bob", "dan"))
            said = journeyctl(stage, "explain", "user_id:ada", "email:bob@households.example")
            assert "Not one person" in said
            assert "denied" in said

            door.send([campaign("bob"), campaign("dan")])
            eventually(lambda: in_journey(stage, "bob", "campaign") and alike(stage, "bob", "dan"))
            assert last_decision(stage, "bob") == last_decision(stage, "dan")
            journeyctl(stage, "undeny", "user_id:ada", "email:bob@households.example")
            shutil.copytree(PROGRAMME, tmp_path / "programme")
            shutil.copy(RULES, tmp_path / "programme")
            monkeypatch.chdir(tmp_path)
            for command in guide():
                run(stage, *command)
            said = journeyctl(stage, "rules")
            assert "deterministic-" not in said
            assert "all identifiers stand as they say" in said


def eventually(holds: Callable[[], bool]) -> None:
    """Wait; whoever is not known yet will be."""

    def asked() -> bool:
        try:
            return holds()
        except ServiceRefused:
            return False

    until(asked)


def guide() -> list[list[str]]:
    """The commands of docs/guides/identity.md, in order."""
    text = GUIDE.read_text(encoding="utf-8")
    lines = [line for block in text.split("```sh")[1:] for line in block.split("```")[0].strip().splitlines()]
    return [shlex.split(line)[1:] for line in lines]


def lives() -> tuple[list[Call], list[Call]]:
    """The first baskets of two households of January, as if they had happened just now, in turn."""
    baskets: dict[str, list[Call]] = {}
    for call in calls(PERIODS["small"]):
        if call.event == "Basket Purchased" and call.user_id is not None:
            baskets.setdefault(call.user_id, []).append(call)
    chosen = [own[:BASKETS] for _, own in sorted(baskets.items()) if len(own) >= BASKETS][:2]
    start = to_datetime(now_us()) - AGO
    return (
        [call._replace(at=start + timedelta(seconds=2 * n)) for n, call in enumerate(chosen[0])],
        [call._replace(at=start + timedelta(seconds=2 * n + 1)) for n, call in enumerate(chosen[1])],
    )


def named(life: Sequence[Call], name: str, card: str) -> list[Call]:
    """Somebody with an account, who shows their card at each till."""
    return [
        call._replace(user_id=name, message_id=f"{name}-{n}", body={**call.body, "card": card})
        for n, call in enumerate(life)
    ]


def without_account(life: Sequence[Call], name: str, shared: str | None) -> list[Call]:
    """Somebody known by browser and e-mail address, who once hands over a card of somebody else."""
    found = []
    for n, call in enumerate(life):
        body = {key: value for key, value in call.body.items() if key != "card"}
        body["email"] = f"{name}@households.example"
        if shared and n == len(life) - 1:
            body["card"] = shared
        found.append(call._replace(user_id=None, anonymous_id=name, message_id=f"{name}-{n}", body=body))
    return found


def campaign(name: str) -> Call:
    body = {
        "campaign_id": "1",
        "campaign_type": "TypeA",
        "ends_on": "2099-01-01",
        "email": f"{name}@households.example",
    }
    return Call(to_datetime(now_us()), f"campaign-{name}", "track", "Campaign Received", None, name, body)


def journeyctl(stage: Stage, *arguments: str) -> str:
    return run(stage, "identity", *arguments)


def run(stage: Stage, *arguments: str) -> str:
    """A plan with changes has exit code 2."""
    runner = CliRunner(env={"CAIRN_WRITE_KEY": WRITE_KEY})
    result = runner.invoke(app, [*arguments, "--home", str(stage.supervisor.home)])
    assert result.exit_code == (2 if arguments[0] == "plan" else 0), result.output
    return result.output


def profile(stage: Stage, namespace: str, value: str) -> str:
    request = identity_pb2.ResolveRequest(namespace=namespace, value=value)
    return ask(stage.services.identity.Resolve, request).profile_id


def of(stage: Stage, name: str) -> str:
    account = name in ("ada", "eve")
    return profile(stage, "user_id", name) if account else profile(stage, "email", f"{name}@households.example")


def touchpoints(stage: Stage, profile_id: str) -> Counter[str]:
    request = journey_pb2.GetTimelineRequest(profile_id=profile_id)
    entries = ask(stage.services.journeys.GetTimeline, request).entries
    return Counter(entry.type for entry in entries if entry.type in ("basket.purchased", "campaign.received"))


def standing(stage: Stage, profile_id: str) -> list[tuple[object, ...]]:
    request = journey_pb2.GetCustomerRequest(profile_id=profile_id)
    instances = ask(stage.services.journeys.GetCustomer, request).instances
    return sorted(
        (one.journey, one.occurrence, one.stage, one.HasField("goal_time"), one.goal_value, one.exit_reason)
        for one in instances
    )


def alike(stage: Stage, one: str, other: str) -> bool:
    left, right = of(stage, one), of(stage, other)
    return touchpoints(stage, left) == touchpoints(stage, right) and standing(stage, left) == standing(stage, right)


def in_journey(stage: Stage, name: str, journey: str) -> bool:
    return any(row[0] == journey for row in standing(stage, of(stage, name)))


def last_decision(stage: Stage, name: str) -> tuple[str, str]:
    request = decisioning_pb2.ListDecisionsRequest(profile_id=of(stage, name))
    made = ask(stage.services.decisions.ListDecisions, request).decisions
    return (made[-1].action, made[-1].reason) if made else ("", "")
