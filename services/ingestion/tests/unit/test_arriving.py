"""A bad event is kept aside with its reason and the path of its field."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_kernel.ids import stable_id
from ingestion.domain.drafts import Aside, Draft
from ingestion.domain.faults import REASONS

from .desk import arrived, call, kept, taken


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


BAD: list[tuple[Any, str, str]] = [
    (call(event=None), "FIELD_REQUIRED", "event"),
    (call(type=...), "FIELD_REQUIRED", "type"),
    (call(type="zap"), "FIELD_FORMAT", "type"),
    (call(type=7), "FIELD_FORMAT", "type"),
    (call(userId=[1]), "FIELD_FORMAT", "userId"),
    (call(userId=True), "FIELD_FORMAT", "userId"),
    (call(userId=None), "FIELD_REQUIRED", "userId"),
    (call(userId="a\x00b"), "BAD_TEXT", "userId"),
    (call(userId="\ud800"), "BAD_TEXT", "userId"),
    (call(messageId=7), "FIELD_FORMAT", "messageId"),
    (call(messageId="x" * 101), "TOO_LARGE", "messageId"),
    (call(messageId="a\nb"), "BAD_TEXT", "messageId"),
    (call(timestamp="soon"), "FIELD_FORMAT", "timestamp"),
    (call(timestamp=1_700_000_000), "FIELD_FORMAT", "timestamp"),
    (call(timestamp=None, originalTimestamp="soon"), "FIELD_FORMAT", "originalTimestamp"),
    (call(properties=[1]), "FIELD_FORMAT", "properties"),
    (call(context="x"), "FIELD_FORMAT", "context"),
    (call(type="identify", context={"traits": 7}), "FIELD_FORMAT", "context.traits"),
    (call(type="group"), "FIELD_REQUIRED", "groupId"),
    (call(type="group", groupId={}), "FIELD_FORMAT", "groupId"),
    (call(type="alias"), "FIELD_REQUIRED", "previousId"),
    (call(properties={"a": float("nan")}), "BAD_ATTRIBUTES", "properties.a"),
    (call(properties={"a": {"b": [1, float("inf")]}}), "NUMBER_RANGE", "properties.a.b[1]"),
    (call(properties={"a": 2**63}), "NUMBER_RANGE", "properties.a"),
    (b'{"type":"track","properties":{"a":' + b"9" * 5_000 + b"}}", "NUMBER_RANGE", ""),
    (call(properties={"email": {"a": float("nan")}}), "BAD_ATTRIBUTES", "properties.email.a"),
    (call(properties={"a": "\ud800"}), "BAD_TEXT", "properties.a"),
    (call(properties={"a\x00": 1}), "BAD_TEXT", "properties.*"),
    (call(properties={"ada@example.com": "\x00"}), "BAD_TEXT", "properties.*"),
    (call(properties=nested(33)), "BAD_ATTRIBUTES", "properties" + ".a" * 32),
    (call(properties={str(n): n for n in range(1_001)}), "BAD_ATTRIBUTES", "properties"),
    (call(properties={"a": "x" * 33_000}), "TOO_LARGE", ""),
    (b'{"type":"track","properties":' + b"[" * 9_000 + b"]" * 9_000 + b"}", "BAD_ATTRIBUTES", ""),
    (b'{"type":"track","event":"\xff"}', "BAD_TEXT", ""),
    (b"7", "FIELD_FORMAT", ""),
    (b"[]", "FIELD_FORMAT", ""),
    (b"{", "FIELD_FORMAT", ""),
]


@pytest.mark.parametrize(("fields", "reason", "field"), BAD)
def test_a_bad_event_tells_its_reason_and_field(fields: Any, reason: str, field: str) -> None:
    aside = kept(fields, place="batch[3]")
    assert (aside.reason, aside.field) == (reason, f"batch[3].{field}" if field else "batch[3]")
    assert aside.payload == (fields if isinstance(fields, bytes) else json.dumps(fields).encode())


@pytest.mark.parametrize(
    "fields",
    [
        call(properties=nested(31)),
        call(properties={str(n): n for n in range(1_000)}),
        call(properties={"a": 2**63 - 1, "b": -(2**63), "c": "\\u0000", "d": None, "e": "😀"}),
        call(messageId="x" * 100),
        call(messageId="node-next-1716-5f0c"),
        call(properties=None, traits=None, context=None, integrations={}),
    ],
)
def test_what_is_just_right_is_taken_in(fields: Any) -> None:
    taken(fields)


def test_the_same_bad_event_is_the_same_in_quarantine() -> None:
    bad = call(event=None)
    assert kept(bad) == kept(bad)
    assert kept(bad).quarantine_id != kept(call(event=None, userId="h2")).quarantine_id


def test_a_bad_event_is_sealed_for_whom_it_is_about_if_that_can_be_told() -> None:
    about = taken(call()).key_id
    assert kept(call(event=None)).key_id == about
    assert kept(call(properties={"a": float("nan")})).key_id == about
    assert kept(b"{").key_id == kept(b"[]").key_id != about


def test_the_message_id_is_what_makes_an_event() -> None:
    made = taken(call())
    assert made.event_id == stable_id("event", "default", "shop", "m1")
    assert made.digest == taken(call(timestamp="2026-05-02T00:00:00Z", sentAt="x", _metadata={"retry": 1})).digest
    assert made.digest != taken(call(properties={"n": 1})).digest
    assert made.digest != taken(call(userId="h2")).digest


def test_without_a_message_id_the_same_telling_is_the_same_event() -> None:
    for missing in (..., None, ""):
        made = taken(call(messageId=missing))
        assert made.event_id == taken(call(messageId=...)).event_id
    assert made.event_id != taken(call(messageId=..., timestamp="2026-05-02T00:00:00Z")).event_id
    assert made.event_id != taken(call(messageId=..., properties={"n": 1})).event_id


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
fields_of_a_call = st.sampled_from(
    "type event userId anonymousId groupId previousId properties traits context messageId timestamp name".split()
)


@settings(max_examples=200)
@given(st.dictionaries(fields_of_a_call, anything))
def test_whatever_comes_is_taken_in_or_kept_aside(fields: dict[str, Any]) -> None:
    found = arrived({**call(), **fields})
    assert isinstance(found, Draft) or (isinstance(found, Aside) and found.reason in REASONS)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_whatever_bytes_come_are_kept_aside(raw: bytes) -> None:
    assert isinstance(arrived(raw), Aside)
