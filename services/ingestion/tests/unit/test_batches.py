import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.domain.batches import BadBatch, part_batch, part_list, part_single

GOOD = b'{"a": "}],[{\\"", "b": [1, {"c": []}]}'


def test_the_events_of_a_batch_are_parted() -> None:
    batch = part_batch(
        b'{"batch": [' + GOOD + b', {"n": 1}], "sentAt": "now", "writeKey": "k", "context": {"batch": [1]}}'
    )
    assert batch.events == [GOOD, b'{"n": 1}']
    assert (batch.sent, batch.write_key) == ("now", "k")


@pytest.mark.parametrize(
    "poison",
    [b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": "\\ud800"}', b'{"a": ' + b"[" * 4_000 + b"]" * 4_000 + b"}"],
)
def test_one_poison_event_leaves_the_others_whole(poison: bytes) -> None:
    body = b'{"writeKey": "k", "context": {"batch": [1]}, "batch": [ %s , %s, {"n": 1} ], "sentAt": "now"}'
    batch = part_batch(body % (GOOD, poison))
    assert batch.events == [GOOD, poison, b'{"n": 1}']
    assert (batch.sent, batch.write_key) == ("now", "k")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "BROKEN_JSON"),
        (b"{", "BROKEN_JSON"),
        (b'"batch"', "NO_BATCH"),
        (b"[{}]", "NO_BATCH"),
        (b'{"batch": "no list"}', "NO_BATCH"),
        (b'{"batch": [{"a": NaN}]} {}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}], 7: 1}', "BROKEN_JSON"),
        (b'{"batch": [}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}]', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN},,{}]}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}, {"b": }]}', "BROKEN_JSON"),
        (b'{"batch": {}}', "NO_BATCH"),
        (b"{}", "NO_BATCH"),
        (b'{"batch": [' + b",".join([b"{}"] * 2_501) + b"]}", "BATCH_SIZE"),
        (b'{"batch": [' + b",".join([b"NaN"] * 2_501) + b"]}", "BATCH_SIZE"),
    ],
)
def test_an_unusable_batch_is_refused_whole(body: bytes, reason: str) -> None:
    with pytest.raises(BadBatch) as raised:
        part_batch(body)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("body", "at"),
    [(b"{", 1), (b'{"batch": [{"a": 1}, {"b": }]}', 27), (b'{"batch": [{"a": NaN} {}]}', 22), (b"\xc3\xa4", 0)],
)
def test_broken_json_says_at_which_byte(body: bytes, at: int) -> None:
    with pytest.raises(BadBatch, match="BROKEN_JSON") as raised:
        part_batch(body)
    assert raised.value.at == at
    with pytest.raises(BadBatch, match="BROKEN_JSON") as raised:
        part_list(b'[{"a": }]')
    assert raised.value.at == 7


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 4_000_000,
        b'{"batch":["' + b'\\"' * 2_000_000,
        b'{"batch":[' + b'{"":[' * 800_000,
        b'{"batch":[' + b"NaN," * 1_000_000 + b"1]}",
    ],
    ids=["brackets", "a string without end", "objects in lists", "more events than may be"],
)
def test_a_hostile_body_is_refused_in_time_that_grows_with_its_length(body: bytes) -> None:
    """Four million bytes: with a pass for each of them, these would take hours."""
    with pytest.raises(BadBatch):
        part_batch(body)


def test_a_single_call_that_is_too_deep_is_still_told_from_broken_json() -> None:
    deep = b'{"a": ' + b"[" * 4_000 + b"]" * 4_000 + b', "writeKey": "k"}'
    assert (part_single(deep).events, part_single(deep).write_key) == ([deep], "k")


@pytest.mark.parametrize("key", [rb'"\ud800"', b"7", b"null"])
def test_a_write_key_that_is_none_names_nobody(key: bytes) -> None:
    assert part_batch(b'{"batch": [], "writeKey": %s}' % key).write_key == ""


def test_a_single_call_may_carry_its_key() -> None:
    batch = part_single(b'{"type": "track", "a": NaN, "writeKey": "k", "sentAt": "now"}')
    assert (len(batch.events), batch.write_key, batch.sent) == (1, "k", "now")
    for body in (b"", b"[]", b"{", b"7"):
        with pytest.raises(BadBatch):
            part_single(body)


values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), values, max_size=3), max_size=5), st.sampled_from([None, 1]))
def test_parting_loses_nothing(events: list[dict[str, Any]], indent: int | None) -> None:
    body = json.dumps({"writeKey": "k", "batch": events, "sentAt": "now"}, indent=indent).encode()
    parted = [json.loads(event) for event in part_batch(body).events]
    assert json.dumps(parted) == json.dumps(events)
