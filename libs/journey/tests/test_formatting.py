"""The formatter changes how definitions look, and nothing else."""

import re
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cairn_journey import DefinitionFaults, format_text, load_text

from .scenario import CATALOGUE, WIN_BACK

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
PROGRAMMES = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if not path.name.endswith(".scenario.yaml")]
BLOCK = """\
kind: Journey
name: j
features:
  visits:
    count: page.viewed
    where: event.page == "# no comment"
entry:
  - on: begun
    when: |
      event.text != "a # b"
      && event.n < 9
goal: {on: done, within: 30d}
stages:
  - name: early
    on: begun
interventions:
  - name: i
    trigger: {on: begun}
    steps:
      - decide:
          actions:
            - reminder-email
      - wait: {until: {on: paid}, for: 7d}
      - branch:
          - when: wait.timed_out
            steps: [{decide: {actions: [hello-email]}}]
"""


def test_keys_come_in_canonical_order_and_comments_go_with_them() -> None:
    text = """\
# about the journey
name: j   # its name
# why
goal: {within: 30d,   on: done}
entry:   [ {on: begun} ]


kind: Journey
# the end
"""
    assert (
        format_text(text)
        == """\
# about the journey

kind: Journey
name: j  # its name
entry: [{on: begun}]
# why
goal: {on: done, within: 30d}
# the end
"""
    )


def test_a_line_that_is_too_long_is_broken() -> None:
    names = ", ".join(f"action-number-{number}" for number in range(9))
    text = f"kind: Journey\ninterventions:\n- {{name: i, steps: [{{decide: {{actions: [{names}]}}}}]}}\n"
    after = format_text(text)
    assert max(map(len, after.splitlines())) <= 120
    assert "  - name: i\n" in after


def test_a_comment_inside_brackets_puts_each_item_on_its_line() -> None:
    text = "kind: Action\ntags: [a, # first\n  b]\n"
    assert format_text(text) == "kind: Action\ntags:  # first\n  - a\n  - b\n"


def test_anchors_stay_as_they_are() -> None:
    text = "kind: Action\nname:    a\ntags: &t [x]\neligible: *t\n"
    assert format_text(text) == text


def test_what_is_not_yaml_is_a_fault() -> None:
    with pytest.raises(DefinitionFaults):
        format_text("a: [")


@pytest.mark.parametrize("path", PROGRAMMES, ids=lambda path: path.name)
def test_the_examples_keep_their_meaning(path: Path) -> None:
    after = format_text(path.read_text())
    assert format_text(after) == after


@st.composite
def written(draw: st.DrawFn) -> str:
    """The same journey with its keys in some order, and with comments and empty lines here and there."""
    parts = re.split(r"(?m)^(?=\S)", BLOCK)[1:]
    lines = "".join(draw(st.permutations(parts))).splitlines()
    inside = False
    found = []
    for number, line in enumerate(lines):
        inside = inside and (line.startswith("      ") or not line)
        if not inside:
            if draw(st.booleans()):
                found.append(" " * draw(st.integers(0, 4)) + f"# before {number}")
            if draw(st.integers(0, 5)) == 0:
                found.extend([""] * draw(st.integers(1, 3)))
        remark = not inside and draw(st.booleans())
        found.append(line + (f"  # behind {number}" if remark else ""))
        inside = inside or line.endswith("|")
    return "\n".join(found) + "\n# end"


@pytest.mark.timeout(600)
@settings(max_examples=30, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(written())
def test_formatting_keeps_version_and_comments_and_comes_to_rest(text: str) -> None:
    after = format_text(text)
    assert format_text(after) == after
    assert load_text(after + CATALOGUE).version == load_text(BLOCK + CATALOGUE).version
    comments = r"# (?:before|behind) \d+|# end"
    assert sorted(re.findall(comments, after)) == sorted(re.findall(comments, text))
    assert after.startswith(("kind: Journey", "#"))
    assert next(line for line in after.splitlines() if re.match(r"\w", line)).startswith("kind")


def test_several_definitions_stay_several() -> None:
    text = WIN_BACK + CATALOGUE
    assert load_text(format_text(text)).version == load_text(text).version
