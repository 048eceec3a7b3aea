import csv
import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from journeyctl.errors import CannotRun
from journeyctl.main import app

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/guides/matching.md").read_text(encoding="utf-8")
HEADER = "id,given_name,surname,date_of_birth\n"
ROWS = "1,Mary,Brown,1980-04-03\n2,Mery,Brown,1980-04-03\n3,Peter,Nowak,1975-12-24\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["identity", "match", *map(str, arguments)])


def refusal(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, CannotRun), result.output
    return str(result.exception)


def written(folder: Path, text: str, name: str = "records.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def clusters(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as file:
        return {row["id"]: row["cluster"] for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_guide_runs_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    rules, programme = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    written(tmp_path / "build", rules, "rules.yaml")
    commands = re.findall(r"```sh\n(journeyctl .*?)\n```", GUIDE)
    assert len(commands) == 3
    for command in commands[:2]:
        result = CliRunner().invoke(app, shlex.split(command)[1:], catch_exceptions=False)
        assert result.exit_code == 0
        assert "records are of" in result.output
    found = clusters(tmp_path / "build/clusters.csv")
    with (ROOT / "deploy/examples/matching/customers.csv").open(encoding="utf-8") as file:
        truth = {row["id"]: row["person"] for row in csv.DictReader(file)}
    wrong = [(a, b) for a in found for b in found if a < b and found[a] == found[b] and truth[a] != truth[b]]
    missed = [(a, b) for a in found for b in found if a < b and found[a] != found[b] and truth[a] == truth[b]]
    assert len(wrong) <= 2
    assert len(missed) <= 12
    assert json.loads((tmp_path / "build/model.json").read_text())["version"]
    (tmp_path / "build/programme").mkdir()
    (tmp_path / "build/model.json").rename(tmp_path / "build/programme/model.json")
    written(tmp_path / "build/programme", programme, "identity.yaml")
    checked = CliRunner().invoke(app, shlex.split(commands[2])[1:], catch_exceptions=False)
    assert checked.exit_code == 0, checked.output
    assert "given_name" in (tmp_path / "build/review.csv").read_text().splitlines()[0]


def test_two_files_are_linked_as_two_sources(tmp_path: Path) -> None:
    first = written(tmp_path, HEADER + ROWS, "shop.csv")
    second = written(tmp_path, HEADER + "1,Mary,Brown,1980-04-03\n", "web.csv")
    assert run(first, second, "-o", tmp_path / "out.csv").exit_code == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "source,id,cluster"
    assert lines[1] == "shop,1,shop:1"
    assert lines[4] == "web,1,shop:1"


def test_a_kept_model_is_used_again_and_gives_the_same(tmp_path: Path) -> None:
    records = written(tmp_path, HEADER + ROWS)
    model = tmp_path / "model.json"
    first = run(records, "-o", tmp_path / "a.csv", "--model", model)
    kept = model.read_bytes()
    again = run(records, "-o", tmp_path / "b.csv", "--model", model)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert model.read_bytes() == kept
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert first.output.replace("a.csv", "b.csv") == again.output


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ("", ":1: the header names fewer than two columns"),
        (HEADER, "holds no records below its header"),
        (HEADER + "1,Mary,Brown\n", ":2: 3 cells, but the header names 4 columns"),
        (HEADER + ROWS + "2,Paul,Smith,1990-01-01\n", ":5: the id '2' is also on line 3"),
        ("id,given_name,given_name\n1,a,b\n", ":1: the column 'given_name' is named twice"),
        ("id,colour,size\n1,red,9\n", ":1: no column's name says what is in it"),
        (HEADER + '1,"Mary,Brown,1980\n', "this is not CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_at_its_line(tmp_path: Path, records: str, told: str) -> None:
    assert told in refusal(written(tmp_path, records), "-o", tmp_path / "out.csv")


def test_a_file_in_another_encoding_is_told_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes((HEADER + "1,José,Brown,1980-04-03\n").encode("latin1"))
    assert "not UTF-8" in refusal(path, "-o", tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("fields: {given_name: givn}\n", "rules.yaml:1:10: there is no type 'givn'"),
        ("fields:\n  given_name: given\n  birth: date\n", "rules.yaml:3:3: the file has no column 'birth'"),
        ("fields:\n  surname: surname\nthresholds:\n  link: 2\n", "rules.yaml:4:3: 2 is no probability"),
        ("feelds: {}\n", "rules.yaml:1:1: there is no rule 'feelds'"),
        ("fields: [\n", "this is not YAML"),
        ("fields:\n  surname: unique\n", "nothing is left to compare"),
    ],
)
def test_rules_that_cannot_be_used_are_told_at_their_place(tmp_path: Path, rules: str, told: str) -> None:
    path = written(tmp_path, rules, "rules.yaml")
    assert told in refusal(written(tmp_path, HEADER + ROWS), "--rules", path, "-o", tmp_path / "out.csv")


def test_a_changed_model_is_refused(tmp_path: Path) -> None:
    records, model = written(tmp_path, HEADER + ROWS), tmp_path / "model.json"
    run(records, "-o", tmp_path / "a.csv", "--model", model)
    model.write_text(model.read_text().replace('"limit": 400', '"limit": 399', 1))
    assert "the file was changed" in refusal(records, "-o", tmp_path / "a.csv", "--model", model)
