"""Each file in `faults/` has one mistake; its first lines say where, what and how to mend it."""

import shutil
from pathlib import Path

import pytest

from cairn_journey import DefinitionFaults, Fault, load_directory, load_text

FILES = sorted((Path(__file__).parent / "faults").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_fault_is_told_with_its_place_and_a_cure(path: Path, tmp_path: Path) -> None:
    file = tmp_path / path.name
    shutil.copy(path, file)
    with pytest.raises(DefinitionFaults) as caught:
        load_directory(tmp_path)
    faults = caught.value.faults
    expected = [line[2:].split(" | ") for line in path.read_text().splitlines() if line.startswith("# ")]
    assert [f"{fault.line}:{fault.column}" for fault in faults] == [place for place, _, _ in expected]
    for fault, (_, message, cure) in zip(faults, expected, strict=True):
        assert fault.file == str(file)
        assert message in fault.message
        assert cure in fault.cure


def test_all_faults_of_all_files_are_told_at_once_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("kind: Journey\nname: j\n")
    (tmp_path / "a.yaml").write_text("kind: Foo\n---\nkind: Bar\n")
    (tmp_path / "c.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(DefinitionFaults) as caught:
        load_directory(tmp_path)
    places = [(Path(fault.file).name, fault.line) for fault in caught.value.faults]
    assert places == [("a.yaml", 1), ("a.yaml", 3), ("b.yaml", 1), ("b.yaml", 1), ("c.yml", 1)]
    assert str(caught.value) == "the programme has 5 faults"
    assert str(caught.value.faults[0]).startswith(f"{tmp_path}/a.yaml:1:7: there is no kind Foo (")


@pytest.mark.parametrize("name", ["", "nothing"])
def test_a_directory_without_definitions_is_a_fault(tmp_path: Path, name: str) -> None:
    with pytest.raises(DefinitionFaults):
        load_directory(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: *b\n",
        "x: &x\n  y: *x\n",
        "[" * 5_000,
        "? [a]\n: b\n",
        "kind: [Journey]\n",
        "kind: Journey\nname: null\nentry: null\ngoal: null\n",
        "kind: Template\nname: t\nchannel: email\nsubject: 5\nbody: [x]\n",
        "kind: Journey\nname: j\nfeatures: {a: 5}\nstages: [5]\n",
        "kind: Journey\nname: j\ninterventions: [5, {trigger: 5, steps: [5, {decide: 5}]}]\n",
        "kind: Action\nname: a\ntags: 5\ntreatments: [5]\nclass: [marketing]\npropensity: yes\n",
        "kind: ContactPolicy\nname: p\ncaps: [5]\ncooldowns: [5, {after: 5}]\nquiet_hours: 5\n",
        "kind: Connector\nname: c\nchannel: email\nrates: 5\n",
        "\0",
    ],
)
def test_whatever_the_text_is_only_faults_are_raised(text: str) -> None:
    with pytest.raises(DefinitionFaults):
        load_text(text)


def test_nested_aliases_do_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(DefinitionFaults) as caught:
        load_text("\n".join(lines))
    assert "values in one file" in caught.value.faults[0].message


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("#" * 1_000_001)
    with pytest.raises(DefinitionFaults) as caught:
        load_directory(tmp_path)
    assert "bytes" in caught.value.faults[0].message


def test_a_fault_without_a_place_says_so() -> None:
    assert str(Fault("bundle", 0, 0, "broken", "mend it")) == "bundle:0:0: broken (mend it)"
