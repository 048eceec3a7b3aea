"""`journeyctl fmt` and `journeyctl schema`."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cairn_journey import load_text
from journeyctl.main import app

UNTIDY = """goal:   {on: order.placed}
kind: Journey
# who comes in
entry:
    - on:   store.visited
name: visit
"""


def test_a_file_gets_its_one_layout_and_means_the_same(tmp_path: Path) -> None:
    path = tmp_path / "visit.yaml"
    path.write_text(UNTIDY)
    before = load_text(UNTIDY).version
    would = CliRunner().invoke(app, ["fmt", "--check", str(tmp_path)])
    assert (would.exit_code, path.read_text()) == (1, UNTIDY)
    assert CliRunner().invoke(app, ["fmt", str(tmp_path)]).exit_code == 0
    after = path.read_text()
    assert after.startswith("kind: Journey\nname: visit\n")
    assert "# who comes in" in after
    assert load_text(after).version == before
    assert CliRunner().invoke(app, ["fmt", "--check", str(tmp_path)]).exit_code == 0


def test_what_is_no_yaml_is_told_at_its_place_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("kind: [Journey\n")
    ended = CliRunner().invoke(app, ["fmt", str(path)])
    assert ended.exit_code == 2
    assert f"{path}:2:1: this is not YAML" in ended.output
    assert path.read_text() == "kind: [Journey\n"


def test_what_is_not_even_text_is_told_and_the_other_files_are_formatted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"description: caf\xe9\n")
    (tmp_path / "b.yaml").write_text(UNTIDY)
    ended = CliRunner().invoke(app, ["fmt", str(tmp_path)])
    assert ended.exit_code == 2
    assert "a.yaml:1:1: the file is not UTF-8" in ended.output
    assert (tmp_path / "b.yaml").read_text().startswith("kind: Journey\n")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    real, link = tmp_path / "kept" / "visit.yaml", tmp_path / "visit.yaml"
    real.write_text(UNTIDY)
    link.symlink_to(real)
    assert CliRunner().invoke(app, ["fmt", str(link)]).exit_code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("kind: Journey\n")


def test_the_schema_is_written_for_editors(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    assert CliRunner().invoke(app, ["schema", str(path)]).exit_code == 0
    written = json.loads(path.read_text())
    assert "Journey" in written["properties"]["kind"]["enum"]
    assert json.loads(CliRunner().invoke(app, ["schema"]).output) == written
