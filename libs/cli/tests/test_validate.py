"""A programme is checked before anything runs, and every fault says where and what to do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from journeyctl.main import app

EXAMPLE = Path(__file__).parents[3] / "deploy" / "examples" / "retail"
BROKEN = """\
kind: Journey
name: win-back
entry: [{on: basket.purchased}]
goal: {on: basket.purchased, within: soon}
stages:
  - {name: lapsing, after: {idle: basket.purchased, for: 21d}}
interventions:
  - name: offer
    trigger: {stage: lapsd}
    steps:
      - decide: {actions: [no-such-action]}
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "win-back.yaml").write_text(BROKEN)
    return tmp_path


def test_the_example_programme_has_no_faults() -> None:
    told = CliRunner().invoke(app, ["validate", str(EXAMPLE)])
    assert told.exit_code == 0
    assert "3 journeys" in told.output
    assert "1 contact policy" in told.output


def test_every_fault_is_told_with_place_and_cure(broken: Path) -> None:
    told = CliRunner().invoke(app, ["validate", str(broken)])
    lines = [line for line in told.output.splitlines() if ".yaml:" in line]
    assert told.exit_code == 1
    assert [line.removeprefix(str(broken / "win-back.yaml:")).split(": ")[0] for line in lines] == [
        "4:38",
        "9:22",
        "11:28",
    ]
    assert "did you mean lapsing?" in lines[1]
    assert all(" — " in line for line in lines)


def test_a_broken_programme_is_not_applied_anywhere(broken: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["apply", str(broken), "--home", str(tmp_path / "nothing-runs-here")])
    assert told.exit_code == 1
    assert "3 faults." in told.output
