"""Event types and sources in a programme; what a changed schema may do."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import load_text
from cairn_journey.language.evolution import Break, breaks, breaks_of
from cairn_journey.language.model import EventType


def strict(schema: Any, version: int = 1) -> EventType:
    return EventType("order.done", version, "strict", json.dumps(schema).encode())


def told(before: Any, after: Any) -> list[str]:
    return [str(item) for item in breaks_of(strict(before), strict(after))]


def test_event_types_and_sources_are_part_of_a_programme() -> None:
    programme = load_text("""
kind: EventType
name: order.completed
version: 2
mode: strict
personal: [nick]
schema: {type: object, required: [amount], properties: {amount: {type: number}}}
---
kind: Source
name: shop
clock: device
unknown: quarantine
quota: {per_second: 500}
""")
    order = programme.event_types["order.completed"]
    assert (order.version, order.mode, order.personal) == (2, "strict", ("nick",))
    assert json.loads(order.schema)["required"] == ["amount"]
    shop = programme.sources["shop"]
    assert (shop.clock, shop.trust, shop.unknown, shop.per_second) == ("device", "server", "quarantine", 500)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"required": ["a"]}, ["a: it must be there now"]),
        ({"type": ["string", "null"]}, {"type": "string"}, ["the event: it may no longer be null"]),
        (
            {"properties": {"a": {"type": "integer"}}},
            {"properties": {"a": {"type": "string"}}},
            ["a: it may no longer be integer"],
        ),
        ({"properties": {"a": {}}}, {"properties": {"a": {"type": "string"}}}, ["a: it must be string now"]),
        ({}, {"properties": {"a": {"type": "array"}}}, ["a: it must be array now"]),
        ({}, {"properties": {"a": False}}, ["a: it is no longer allowed"]),
        ({"enum": ["x", "y"]}, {"enum": ["x"]}, ["the event: fewer values are allowed"]),
        ({"properties": {"a": {"maximum": 9}}}, {"properties": {"a": {"maximum": 8}}}, ["a: maximum is 8 now"]),
        (
            {"properties": {"a": {}, "b": {}}, "additionalProperties": False},
            {"properties": {"a": {}}, "additionalProperties": False},
            ["b: it is no longer allowed"],
        ),
        (
            {},
            {"additionalProperties": False},
            ["the event: fields that are not named are no longer allowed"],
        ),
        ({"items": {"type": "number"}}, {"items": {"type": "integer"}}, ["[]: it may no longer be number"]),
    ],
)
def test_what_was_allowed_must_stay_allowed(before: Any, after: Any, expected: list[str]) -> None:
    assert told(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"required": ["a"]}, {}),
        ({"type": "integer"}, {"type": ["number", "null"]}),
        ({"enum": ["x"]}, {"enum": ["x", "y"]}),
        ({"properties": {"a": {"maximum": 8}}}, {"properties": {"a": {"maximum": 9}}}),
        ({"additionalProperties": False}, {"properties": {"a": {"type": "string"}}, "additionalProperties": False}),
    ],
)
def test_what_allows_more_breaks_nothing(before: Any, after: Any) -> None:
    assert told(before, after) == []


def test_a_new_version_may_break_and_an_older_one_may_not_come_back() -> None:
    programmes = [
        load_text(f"{{kind: EventType, name: a, mode: strict, version: {version}, schema: {{required: {required}}}}}")
        for version, required in ((1, "[]"), (1, "[x]"), (2, "[x]"))
    ]
    before, same, newer = programmes
    assert breaks(before, same) == {"a": [Break("x", "it must be there now")]}
    assert breaks(before, newer) == {}
    assert [item.why for item in breaks(newer, before)["a"]] == ["version 1 is older than 2"]


def test_a_type_that_is_not_strict_refuses_nothing() -> None:
    assert list(breaks_of(strict({}), EventType("a", 1, "learn", b'{"required": ["x"]}'))) == []
    assert list(breaks_of(EventType("a", 1, "open", b"{}"), strict({"required": ["x"]})))


KINDS = st.sampled_from(["string", "integer", "number", "boolean", "null"])
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": KINDS | st.lists(KINDS, min_size=1, unique=True),
        "enum": st.just([1, "a", None]),
        "minimum": st.integers(0, 3),
    },
)
NAMES = st.sampled_from(["a", "b"])
SCHEMAS = st.fixed_dictionaries(
    {"type": st.just("object")},
    optional={
        "properties": st.dictionaries(NAMES, LEAVES),
        "required": st.lists(NAMES, unique=True),
        "additionalProperties": st.booleans(),
    },
)
VALUES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.none() | st.booleans() | st.integers(-1, 4) | st.floats(0, 4) | st.just("a")
)


@settings(max_examples=400)
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=5, max_size=20))
def test_if_no_break_is_told_then_nothing_that_was_allowed_is_refused(old: Any, new: Any, values: list[Any]) -> None:
    if told(old, new):
        return
    before, after = jsonschema_rs.validator_for(old), jsonschema_rs.validator_for(new)
    for value in values:
        assert not before.is_valid(value) or after.is_valid(value), value
