"""A complaint of a browser that turns out to be a customer's stops messages to that customer, and can be proved."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cairn.decisioning.v1 import decisioning_pb2
from cairn.identity.v1 import identity_pb2
from cairn_journey import load_text
from cairn_kernel.time import to_datetime
from cairn_runtime.clock import now_us
from journeyctl.apply import apply_everywhere
from journeyctl.demo.front_door import WRITE_KEY, FrontDoor
from journeyctl.demo.households import Call
from journeyctl.demo.stage import Stage, set_up
from journeyctl.embedded import THROWAWAY
from journeyctl.main import app
from journeyctl.services import ask

from .test_wrong_merge import eventually

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(600)]

PROGRAMME = """
kind: Journey
name: news
entry: [{on: news.published}]
reentry: always
goal: {on: news.read, within: 30d}
interventions: [{name: tell, trigger: {on: news.published}, steps: [{decide: {actions: [news]}}]}]
---
{kind: Action, name: news, class: marketing, treatments: [{channel: email, template: news}]}
---
{kind: Template, name: news, channel: email, subject: News, body: News}
---
{kind: Connector, name: email, channel: email, idempotency: query}
---
{kind: IdentityRules, name: shop, traits: [{name: tier, keep: max}]}
"""
HOUR = timedelta(hours=1)


def test_a_complaint_that_comes_late_and_through_a_merge_stops_messages_until_it_is_lifted(tmp_path: Path) -> None:
    with set_up(tmp_path, postgres_settings=THROWAWAY) as stage:
        apply_everywhere(stage.services, load_text(PROGRAMME))
        now = to_datetime(now_us())
        with FrontDoor(stage.front_door) as door:
            for name in ("ada", "eve"):
                who = {"email": f"{name}@households.example", "tier": 7}
                door.send([Call(now - 3 * HOUR, f"i-{name}", "identify", "", name, None, who)])
                door.send([track(now, "Consent Granted", name, {"channel": "email", "proof": f"form of {name}"})])
                door.send([Call(now, f"j-{name}", "identify", "", name, None, {"tier": 3})])
            door.send([track(now - HOUR, "Email Marked as Spam", None, {}, browser="b1")])
            eventually(lambda: "form of ada" in journeyctl(stage, "consents", "ada"))
            door.send([track(now, "Signed In", "ada", {}, browser="b1")])
            eventually(lambda: profile_of(stage, "user_id", "ada") == profile_of(stage, "anonymous_id", "b1"))
            eventually(lambda: "complaint" in journeyctl(stage, "consents", "ada"))

            door.send([track(to_datetime(now_us()), "News Published", name, {}) for name in ("ada", "eve")])
            eventually(lambda: decisions(stage, "ada") == [("", "CONSENT_WITHHELD")])
            eventually(lambda: decisions(stage, "eve") == [("news", "CHOSEN")])
            said = journeyctl(stage, "consents", "ada", "--channel", "email")
            assert "suppressed (complaint)" in said
            assert "Messages must not go out." in said

            journeyctl(
                stage, "consent", "lift", "user_id:ada", "--reason", "complaint", "--channel", "email",
                "--proof", "she called", "--author", "ops",
            )  # fmt: skip
            eventually(lambda: "she called" in journeyctl(stage, "consents", "ada"))
            assert "Messages may go out." in journeyctl(stage, "consents", "ada", "--channel", "email")
            door.send([track(to_datetime(now_us()), "News Published", "ada", {}, number=2)])
            eventually(lambda: decisions(stage, "ada")[-1:] == [("news", "CHOSEN")])

            told = journeyctl(stage, "profile", "ada")
            assert "(sealed)" in told
            assert "ada@households.example" not in told
            tier = next(line.split() for line in told.splitlines() if line.startswith("tier"))
            assert tier[:3] == ["tier", "7", "max"]


def track(
    at: datetime, event: str, user_id: str | None, body: dict[str, Any], *, browser: str | None = None, number: int = 1
) -> Call:
    return Call(at, f"{event}-{user_id}-{browser}-{number}", "track", event, user_id, browser, body)


def journeyctl(stage: Stage, *arguments: str) -> str:
    result = CliRunner(env={"CAIRN_WRITE_KEY": WRITE_KEY}).invoke(
        app, ["identity", *arguments, "--home", str(stage.supervisor.home)]
    )
    assert result.exit_code == 0, result.output
    return result.output


def profile_of(stage: Stage, namespace: str, value: str) -> str:
    request = identity_pb2.ResolveRequest(namespace=namespace, value=value)
    return ask(stage.services.identity.Resolve, request).profile_id


def decisions(stage: Stage, name: str) -> list[tuple[str, str]]:
    request = decisioning_pb2.ListDecisionsRequest(profile_id=profile_of(stage, "user_id", name))
    made = ask(stage.services.decisions.ListDecisions, request).decisions
    return [(one.action, one.reason) for one in made]
