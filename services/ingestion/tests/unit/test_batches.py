import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.domain.batches import BadBatch, part_batch, part_single

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
        (b'"batch"', "BROKEN_JSON"),
        (b'{"batch": [}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}]', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN},,{}]}', "BROKEN_JSON"),
        (b'{"batch": [{"a": NaN}, {"b": }]}', "BROKEN_JSON"),
        (b'{"batch": {}}', "BROKEN_JSON"),
        (b"{}", "NO_BATCH"),
        (b'{"batch": [' + b",".join([b"{}"] * 2_501) + b"]}", "BATCH_SIZE"),
    ],
)
def test_an_unusable_batch_is_refused_whole(body: bytes, reason: str) -> None:
    with pytest.raises(BadBatch) as raised:
        part_batch(body)
    assert raised.value.reason == reason


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
