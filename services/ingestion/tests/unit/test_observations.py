"""What sources send, counted without a value; the schema that it would fit; what differs from one."""

import json
from typing import Any

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

from cairn_kernel.time import DAY, HOUR
from ingestion.domain.fates import Fate
from ingestion.domain.observations import FULLY, SAMPLED, Hour, Observations, paths
from ingestion.domain.proposals import Shape, drift, proposal, shape_of

from .desk import NOW, call, taken


def seen(events: list[dict[str, Any]]) -> Shape:
    counts = Observations()
    for number, properties in enumerate(events):
        counts.note_event(taken(call(messageId=f"m{number}", properties=properties)), NOW)
    return shape_of((one.path, one.kind, number) for one, number in counts.seen.items())


def test_paths_are_told_once_each_with_the_kind_of_their_value() -> None:
    clear = {"n": 1, "x": None, "lines": [{"sku": "a"}, {"sku": "b", "n": 2.5}], "buyer": {"city": "Bern"}}
    assert list(paths(clear, {"buyer.email": "ada@example.com"})) == [
        ("n", "integer"),
        ("x", "null"),
        ("lines", "array"),
        ("lines[]", "object"),
        ("lines[].sku", "string"),
        ("lines[].n", "number"),
        ("buyer", "object"),
        ("buyer.city", "string"),
        ("buyer.email", "string"),
    ]


def test_a_proposal_fits_what_was_seen_and_requires_what_was_always_there() -> None:
    shape = seen([{"amount": n, "lines": [{"sku": "a"}], **({"coupon": "x"} if n % 2 else {})} for n in range(60)])
    schema = proposal(shape)
    assert schema["required"] == ["amount", "lines"]
    assert schema["properties"]["amount"] == {"type": "integer"}
    assert schema["properties"]["lines"]["items"]["properties"] == {"sku": {"type": "string"}}
    assert "required" not in proposal(seen([{"amount": 1}]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 9) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4), min_size=1, max_size=8))
def test_every_event_seen_fits_the_proposal_made_of_them_and_nothing_drifts(events: list[dict[str, Any]]) -> None:
    shape = seen(events)
    schema = proposal(shape)
    validator = jsonschema_rs.validator_for(schema)
    for event in events:
        assert validator.is_valid(event), json.dumps([event, schema])
    assert drift(shape, schema) == []


def test_drift_names_what_is_not_described_and_what_is_of_another_kind() -> None:
    shape = seen([{"amount": "12", "lines": [{"sku": 1, "color": "red"}]}, {"amount": 12, "new": True}])
    schema = {
        "properties": {
            "amount": {"type": "number"},
            "lines": {"items": {"properties": {"sku": {"type": "string"}}}},
        }
    }
    assert drift(shape, schema) == [
        "amount is also string",
        "lines[].color is not described",
        "lines[].sku is also integer",
        "new is not described",
    ]


def test_of_a_busy_type_only_some_events_are_looked_at() -> None:
    shape = seen([{"amount": 1}] * (FULLY + 1_600))
    expected = FULLY + 1_600 / SAMPLED
    assert FULLY < shape.events < FULLY + 2 * (expected - FULLY)


def test_counts_that_could_not_be_written_are_taken_in_again() -> None:
    early, late = Observations(), Observations()
    early.note_fates("default", "shop", [Fate.ACCEPTED], NOW)
    late.note_fates("default", "shop", [Fate.ACCEPTED], NOW + 1)
    late.note_fates("default", "shop", [Fate.QUARANTINED], NOW + DAY)
    early.take_in(late)
    assert early.fates[Hour("default", "shop", NOW // HOUR), Fate.ACCEPTED] == 2
    assert early.latest[Hour("default", "shop", NOW // HOUR)] == NOW + 1
    assert not Observations()
