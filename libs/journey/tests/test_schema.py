"""The JSON Schema says what the loader says, as far as a schema can."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs
from ruamel.yaml import YAML

from cairn_journey import json_schema
from cairn_journey.language import programme
from cairn_journey.language.schema import KINDS, LATER
from cairn_journey.language.shapes import AnyKind, ListOf, MapOf, OneOf, Shape

from .scenario import CATALOGUE, WIN_BACK

SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
FAULTS = Path(__file__).parent / "faults"
EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
PROGRAMMES = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if not path.name.endswith(".scenario.yaml")]
STRUCTURAL = """
audience_level audience_without_condition branch_without_condition cap_scope cap_without_number cap_without_span
class_missing class_unknown cooldown_after_nothing cooldown_outcome decide_among_none decide_without_actions
duration_without_unit empty_text entry_empty entry_missing entry_not_a_list event_not_normal feature_name
feature_of_no_kind feature_of_two_kinds features_not_a_map goal_missing goal_time_not_a_duration kind_not_yet
money_without_currency name_missing name_not_a_name name_not_a_text no_kind not_a_map priority_not_whole
propensity_too_high quiet_hours_clock rate_of_nothing reentry_unknown rule_not_a_map schedule_day_of_no_month
schedule_weekday stage_with_both_detections stage_without_detection step_unknown steps_empty steps_missing
subject_kind_without_members template_locale template_text_not_a_text template_without_body treatment_missing
trigger_missing trigger_of_two_kinds two_steps_in_one unknown_key unknown_kind wait_not_a_map
""".split()


def documents(text: str) -> list[Any]:
    return [document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None]


def test_it_is_a_schema_of_its_draft() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", PROGRAMMES, ids=lambda path: path.name)
def test_the_examples_are_valid(path: Path) -> None:
    for document in documents(path.read_text()):
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_what_the_tests_load_is_valid() -> None:
    for document in documents(WIN_BACK + CATALOGUE):
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize("name", STRUCTURAL)
def test_faults_of_structure_are_refused_by_the_schema_too(name: str) -> None:
    assert not all(VALIDATOR.is_valid(document) for document in documents((FAULTS / f"{name}.yaml").read_text()))


def test_each_key_is_described() -> None:
    for definition in SCHEMA["$defs"].values():
        assert definition["description"]
        for about in definition["properties"].values():
            assert about["description"].endswith(".")


def shapes_within(kind: AnyKind) -> Iterator[Shape]:
    match kind:
        case Shape() as shape:
            yield shape
            for key in shape.keys.values():
                yield from shapes_within(key.kind)
        case ListOf(of) | MapOf(of):
            yield from shapes_within(of)
        case OneOf(kinds):
            for one in kinds:
                yield from shapes_within(one)


def test_each_kind_that_is_loaded_has_a_schema() -> None:
    assert sorted(KINDS) == sorted(programme.KINDS)


def test_no_two_shapes_share_a_name() -> None:
    found: dict[str, Shape] = {}
    for shape in (*KINDS.values(), *LATER.values()):
        for one in shapes_within(shape):
            assert found.setdefault(one.name, one) is one
    assert set(found) == set(SCHEMA["$defs"])
