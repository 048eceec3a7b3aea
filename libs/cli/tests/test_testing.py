"""`journeyctl test`: every scenario of the examples, and what it says when one differs."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from cairn_journey import DefinitionFaults
from journeyctl.main import app
from journeyctl.testing.command import judged
from journeyctl.testing.judging import Verdict
from journeyctl.testing.reading import find, read

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
PROGRAMME = """
kind: Journey
name: win-back
entry: [{on: basket.purchased}]
goal: {on: coupon.redeemed, value: event.amount, currency: EUR, within: 200d}
stages: [{name: lapsed, after: {idle: basket.purchased, for: 30d}}]
interventions:
  - {name: offer, trigger: {stage: lapsed}, steps: [{decide: {actions: [come-back]}}]}
---
{kind: Connector, name: smtp, channel: email}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: Hello}
---
{kind: Action, name: come-back, class: marketing, treatments: [{channel: email, template: hello}]}
---
{kind: ContactPolicy, name: default, quiet_hours: {from: "21:00", to: "08:00", zone: Europe/Berlin}}
"""
SCENARIO = """kind: Scenario
name: quiet for a month
given:
  - {at: 0, identify: {email: anna@example.com}}
  - {at: 1d, event: basket.purchased}
expect:
"""


@pytest.mark.parametrize("path", find(EXAMPLES), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_the_scenarios_of_the_examples_end_as_they_expect(path: Path) -> None:
    for verdict in judged(read(path)):
        assert [f"{failure.place}: {failure.message}" for failure in verdict.failures] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "programme.yaml").write_text(PROGRAMME)
    return tmp_path


def verdict(folder: Path, text: str) -> Verdict:
    path = folder / "one.scenario.yaml"
    path.write_text(text)
    (found,) = judged(read(path))
    return found


def messages(found: Verdict) -> list[str]:
    return [f"{Path(failure.place.file).name}:{failure.place.line}: {failure.message}" for failure in found.failures]


def test_what_is_as_expected_passes(folder: Path) -> None:
    found = verdict(
        folder,
        SCENARIO
        + """  - {entered: win-back, at: 1d}
  - {stage: win-back/lapsed, at: 31d}
  - {moment: win-back/offer, at: 31d, times: 1}
  - {decided: come-back, at: 31d}
  - {delivery: sent, action: come-back, at: 31d7h}
  - {state: {win-back: lapsed}}
  - {messages: 0, at: 31d6h}
  - {messages: 1, at: 31d7h}
  - {goal: win-back, times: 0}
""",
    )
    assert messages(found) == []


def test_what_differs_is_told_with_its_line_and_with_what_happened_instead(folder: Path) -> None:
    found = verdict(folder, SCENARIO + "  - {decided: come-back, at: 30d}\n  - {state: {win-back: out}, at: 40d}\n")
    assert messages(found) == [
        "one.scenario.yaml:7: expected decided come-back at 30d (2026-01-31T00:00),"
        " but that was at 31d (2026-02-01T00:00)",
        "one.scenario.yaml:8: expected win-back to be out at 40d (2026-02-10T00:00), found lapsed",
    ]
    assert any("decided come-back" in line for line in found.failures[0].seen)


def test_a_strict_scenario_expects_every_message(folder: Path) -> None:
    text = SCENARIO.replace("name:", "strict: true\nuntil: 60d\nname:") + "  - {entered: win-back}\n"
    assert "nobody expected this for anna" in messages(verdict(folder, text))[0]


def test_a_repeated_id_counts_once_and_a_merge_joins_two(folder: Path) -> None:
    found = verdict(
        folder,
        """kind: Scenario
given:
  - {at: 0, identify: {email: anna@example.com}}
  - {at: 1d, event: basket.purchased, id: b1}
  - {at: 2d, event: basket.purchased, id: b1}
  - {at: 3d, event: basket.purchased, customer: card}
  - {at: 10d, merge: card}
until: 60d
expect:
  - {decided: come-back, at: 33d, times: 1}
  - {fact: basket.purchased, times: 1}
  - {state: {win-back: out}, customer: card}
""",
    )
    assert messages(found) == []


def test_outcomes_and_consent_are_heard(folder: Path) -> None:
    found = verdict(
        folder,
        SCENARIO.replace("expect:\n", "  - {at: 31d6h30m, consent: {granted: false}}\nuntil: 40d\nexpect:\n")
        + "  - {decided: come-back, at: 31d}\n  - {delivery: suppressed, reason: CONSENT, at: 31d7h}\n",
    )
    assert messages(found) == []
    text = SCENARIO.replace("expect:\n", "  - {at: 33d, outcome: bounced, action: come-back}\nexpect:\n")
    assert messages(verdict(folder, text + "  - {fact: delivery.bounced, at: 33d}\n")) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Scenario\nexpect: [{entred: a}]\n", "one.scenario.yaml:2:10: something expected is one thing"),
        ("kind: Scenario\nexpect: [{entered: a, at: soon}]\n", "soon is no time"),
        ("kind: Scenario\n", "a scenario needs expect"),
        ("kind: Journey\nexpect: [{entered: a}]\n", "holds nothing else"),
        ("kind: Scenario\ngiven: [{event: Basket Purchased}]\nexpect: [{entered: a}]\n", "write basket.purchased"),
    ],
)
def test_mistakes_in_a_scenario_are_told_at_their_place(folder: Path, text: str, told: str) -> None:
    (folder / "one.scenario.yaml").write_text(text)
    with pytest.raises(DefinitionFaults) as refused:
        read(folder / "one.scenario.yaml")
    assert told in "\n".join(map(str, refused.value.faults))


def test_the_command_tells_coverage_and_writes_junit(folder: Path) -> None:
    (folder / "one.scenario.yaml").write_text(SCENARIO + "  - {entered: win-back}\n")
    (folder / "two.scenario.yaml").write_text(SCENARIO + "  - {entered: loyalty}\n")
    ended = CliRunner().invoke(app, ["test", str(folder), "--coverage", "--junit", str(folder / "out" / "junit.xml")])
    assert ended.exit_code == 1
    assert "2 scenarios, 1 failed." in ended.output
    assert "win-back: 0 of 2 stages and steps" in ended.output
    suite = ElementTree.parse(folder / "out" / "junit.xml").getroot()  # noqa: S314  # our own file
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


def test_a_folder_without_scenarios_is_told_so(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["test", str(tmp_path)])
    assert ended.exit_code != 0
    assert "There is no file *.scenario.yaml" in str(ended.exception)
