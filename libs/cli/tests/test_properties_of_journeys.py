"""`journeyctl test --properties`: it finds what does not hold, and makes it small."""

from pathlib import Path

import pytest

from cairn_decisions import funnel
from cairn_decisions.gates import CONTACT_POLICY, Gate
from cairn_journey import load_directory, load_text
from journeyctl.testing.properties import check
from journeyctl.testing.reading import read

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
OFTEN = """
kind: Journey
name: often
entry: [{on: page.viewed, when: event.depth >= 5}]
reentry: always
goal: {on: order.placed, within: 30d}
interventions: [{name: offer, trigger: {on: page.viewed}, steps: [{decide: {actions: [offer]}}]}]
---
{kind: Connector, name: smtp, channel: email}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: Hello}
---
{kind: Action, name: offer, class: marketing, treatments: [{channel: email, template: hello}]}
---
{kind: ContactPolicy, name: default, caps: [{scope: person, class: marketing, max: 1, per: 7d}]}
"""


@pytest.mark.parametrize("folder", ["constructs", "pitfalls/programme", "retail"])
def test_what_must_always_hold_does_in_the_examples(folder: str) -> None:
    assert check(load_directory(EXAMPLES / folder), customers=40) is None


def test_a_leaking_cap_is_found_and_told_as_a_small_scenario(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programme = load_text(OFTEN)
    assert check(programme) is None
    monkeypatch.setattr(funnel, "contact_policy", lambda *_: Gate(CONTACT_POLICY, "no limits"))
    found = check(programme)
    assert found is not None
    assert found.words.startswith("2 marketing messages between")
    assert len(found.acts) == 2
    assert found == check(programme), "the same seed looks at the same customers"
    path = tmp_path / "found.scenario.yaml"
    path.write_text(found.scenario())
    (scenario,) = read(path)
    assert [given.kind for given in scenario.given] == ["identify", "event", "event"]
