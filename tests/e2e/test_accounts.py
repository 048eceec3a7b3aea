"""A company's journey on real servers: Segment's `group` calls tell who belongs, and a message reaches who pays."""

import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.faults.waiting import until
from typer.testing import CliRunner

from cairn.journey.v1 import journey_pb2
from cairn_journey import load_text
from cairn_journey.subjects.told import subject_id
from cairn_kernel.time import to_datetime
from cairn_runtime.clock import now_us
from journeyctl.apply import apply_everywhere
from journeyctl.demo.front_door import FrontDoor
from journeyctl.demo.households import Call
from journeyctl.demo.stage import Stage, set_up
from journeyctl.embedded import THROWAWAY
from journeyctl.main import app
from journeyctl.services import ServiceRefused, ask

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(600)]

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "households.md"
PROGRAMME = """
kind: SubjectKind
name: account
roles: [admin, payer]
member_of: {group: company, ends: [group.left]}
rolls_up: {events: [seat.used, bill.overdue]}
---
kind: Journey
name: dunning
subject: account
features: {seats: {count: seat.used}}
key: event.bill
entry: [{on: bill.overdue}]
goal: {on: bill.paid, within: 60d}
stages: [{name: overdue, on: bill.overdue}]
interventions:
  - name: ask
    trigger: {stage: overdue}
    steps: [{decide: {actions: [pay-please], to: {role: payer}}}]
---
kind: Action
name: pay-please
class: service
treatments: [{channel: email, template: bill}]
---
kind: Template
name: bill
channel: email
subject: A bill is open
body: "{{ subject.plan }}: {{ event.amount }} for {{ profile.tier }}, seats used {{ features.seats }}"
---
kind: Connector
name: email
channel: email
contact: email
idempotency: query
doubt: query
"""
SERVICES = ("identity_resolution", "journey_state", "decisioning", "activation", "ingestion")
ACME = subject_id("default", "account", "acme")


def test_a_companys_journey_reaches_who_pays_once_whatever_is_killed(tmp_path: Path) -> None:
    with set_up(tmp_path, postgres_settings=THROWAWAY) as stage:
        apply_everywhere(stage.services, load_text(PROGRAMME))
        with FrontDoor(stage.front_door) as door:
            door.send(
                [
                    *[
                        call("identify", who, email=f"{who}@acme.example", tier=who)
                        for who in ("ann", "bob", "cem", "dan")
                    ],
                    call("group", "ann", "acme", role="admin", group_type="company", plan="Gold"),
                    call("group", "bob", "acme", role="payer"),
                    call("group", "bob", "beta", role="admin"),
                    call("group", "cem", "acme"),
                    call("group", "cem", "pitch", group_type="team"),
                ]
            )
            eventually(lambda: len(lines(stage, "members", "account:acme")) == 3)
            assert [line.split()[1] for line in lines(stage, "members", "account:beta")] == ["admin"]
            door.send([call("track", who, "Seat Used", number=n) for n in range(6) for who in ("bob", "cem")])
            for name in SERVICES:  # whatever happens to be under way
                stage.supervisor.kill(name)
                stage.supervisor.start(name)
            eventually(lambda: touchpoints(stage, ACME) == {"seat.used": 12})  # two people's events have no order
            door.send([call("track", "cem", "Bill Overdue", bill="B1", amount=120)])
            eventually(lambda: sum(stage.sinks.mails().values()) >= 1)
            ((recipient, text),) = mails(stage)
            assert (recipient, text) == ("bob@acme.example", "Gold: 120 for bob, seats used 12")
            assert touchpoints(stage, ACME) == {"seat.used": 12, "bill.overdue": 1}
            assert touchpoints(stage, subject_id("default", "account", "beta")) == {"seat.used": 6}

            journeyctl(stage, "unrelate", "account:acme", "user_id:bob", "--role", "payer", "--reason", "moved on")
            journeyctl(stage, "relate", "account:acme", "cem", "--role", "payer", "--reason", "pays now")
            with pytest.raises(AssertionError, match="nobody can be boss"):
                journeyctl(stage, "relate", "account:acme", "cem", "--role", "boss", "--reason", "so they say")
            assert "pays now" in journeyctl(stage, "show", "cem")
            roles = sorted(line.split()[1] for line in lines(stage, "members", "account:acme"))
            assert roles == ["admin", "member", "payer"]
            assert len(lines(stage, "members", "account:acme", "--all")) == 4

            withdrawn = call("track", "ann", "Consent Withdrawn", channel="email")
            door.send([withdrawn, call("track", "ann", "Bill Overdue", bill="B2", amount=80)])
            eventually(lambda: sum(stage.sinks.mails().values()) >= 2)
            assert [recipient for recipient, _ in mails(stage)] == ["bob@acme.example", "cem@acme.example"]
            assert set(stage.sinks.mails().values()) == {1}
            for command in guide():
                result = CliRunner().invoke(app, [*command, "--home", str(stage.supervisor.home)])
                assert result.exit_code == 0, (command, result.output)


def guide() -> list[list[str]]:
    """The commands of docs/guides/households.md, in order."""
    text = GUIDE.read_text(encoding="utf-8")
    lines = [line for block in text.split("```sh")[1:] for line in block.split("```")[0].strip().splitlines()]
    return [shlex.split(line)[1:] for line in lines]


def call(kind: Literal["track", "identify", "group"], who: str, event: str = "", /, **body: Any) -> Call:
    at = now_us()
    body |= {} if kind != "track" else {"email": f"{who}@acme.example"}
    name = "-".join([kind, who, event, *(str(value) for value in body.values())])
    return Call(to_datetime(at) - timedelta(seconds=1), name, kind, event, who, None, body)


def eventually(holds: Callable[[], bool]) -> None:
    def asked() -> bool:
        try:
            return holds()
        except ServiceRefused:
            return False

    until(asked)


def journeyctl(stage: Stage, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["identity", *arguments, "--home", str(stage.supervisor.home)])
    assert result.exit_code == 0, result.output or str(result.exception)
    return result.output


def lines(stage: Stage, *arguments: str) -> list[str]:
    return [line for line in journeyctl(stage, *arguments).splitlines() if "  " in line]


def touchpoints(stage: Stage, profile_id: str) -> dict[str, int]:
    entries = ask(stage.services.journeys.GetTimeline, journey_pb2.GetTimelineRequest(profile_id=profile_id)).entries
    types = [entry.type for entry in entries if entry.type in ("seat.used", "bill.overdue")]
    return {type: types.count(type) for type in dict.fromkeys(types)}


def mails(stage: Stage) -> list[tuple[str, str]]:
    """(recipient, text) of the e-mails that arrived, in order."""
    with closing(sqlite3.connect(f"file:{stage.sinks.folder / 'mail.sqlite'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT recipient, body FROM arrivals ORDER BY number").fetchall()
    return [(recipient, _text(body)) for recipient, body in rows]


def _text(body: bytes) -> str:
    message = message_from_bytes(body)
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    return (parts[0].get_payload(decode=True) or b"").decode().strip()  # type: ignore[union-attr]
