"""The worked what-if of docs/guides/what-if.md, command by command, over the small demo's data."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.demos import Demo

from journeyctl.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "what-if.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def told(small: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the guide's commands print, and the folder they ran in."""
    folder = tmp_path_factory.mktemp("what-if")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    environment = {
        **os.environ,
        "CAIRN_HOME": str(small.home),
        "COLUMNS": "120",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    script = "set -euo pipefail\n" + "\n".join(text for language, text in BLOCKS if language == "sh")
    with Supervisor(small.home) as cairn:
        cairn.start_servers()
        cairn.start_all()
        ended = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout, folder


def test_the_unchanged_programme_reproduces_every_recorded_moment(small: Demo, told: tuple[str, Path]) -> None:
    assert re.search(r"baseline reproduces (2,\d{3}) of \1 recorded moments", told[0])
    found = json.loads((told[1] / "build" / "what-if.json").read_text())
    baseline = found["baseline"]
    assert baseline["moments_recorded"] > 2_000
    assert 0 < baseline["moments_checked"] == baseline["moments_reproduced"] < baseline["moments_recorded"]
    assert baseline["moments_not_recorded"] == 0
    assert found["recorded"]["people"] == small.summary["profiles"]
    assert found["recorded"]["merges"] == small.summary["merges"]


def test_what_the_programme_in_force_did_is_what_the_services_did(small: Demo, told: tuple[str, Path]) -> None:
    found = json.loads((told[1] / "build" / "what-if.json").read_text())
    for name, counts in small.summary["journeys"].items():
        before = found["journeys"][name]["before"]
        assert (before["entered"], before["goals"], before["in_flight"]) == (
            counts["entered"],
            counts["goal"],
            counts["in_flight"],
        )
    assert sum(found["decisions"]["before"]["chosen"].values()) == small.summary["decisions"]["made"]
    assert found["decisions"]["before"]["nothing_chosen"] == small.summary["decisions"]["suppressed"]


def test_the_guide_shows_what_is_printed(told: tuple[str, Path]) -> None:
    printed = {" ".join(line.split()) for line in told[0].splitlines()}
    shown = [text for language, text in BLOCKS if not language]
    lines = [" ".join(line.split()) for block in shown for line in block.splitlines() if line.strip()]
    assert len(lines) == 6
    assert [line for line in lines if line not in printed] == []
