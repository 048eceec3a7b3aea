"""The envelope as it was once stored and once sent still reads the same."""

from pathlib import Path

import msgspec
import pytest

from cairn_kernel.event import (
    BROADCAST,
    CONSENT_CHANGED,
    CONTROL_TYPES,
    DEFINITION_ACTIVATED,
    MERGED,
    PAUSED,
    RESUMED,
    RULES_CHANGED,
    SPLIT,
    STATED,
    STOPPED,
    Event,
    Identifier,
    from_canonical_json,
    from_msgpack,
    marker,
    to_canonical_json,
    to_msgpack,
)

GOLDEN = Path(__file__).parent / "golden"

WHOLE = Event(
    id="5224629e-589f-5f0a-b6b7-ae17572b975d",
    tenant="default",
    type="basket.purchased",
    version=1,
    event_time=1_488_369_600_000_000,
    as_of=1_488_369_600_000_001,
    source="shop",
    identifiers=(Identifier("user_id", "00112233445566778899aabbccddeeff"),),
    profile_id="6f1d9f0e-5d5b-5a43-9a3e-0c4f7b0c9a11",
    historical=True,
    causation_id="0d6b6d5c-3f5e-5a0e-8d53-1c1f5e1a2b3c",
    correlation_id="1d6b6d5c-3f5e-5a0e-8d53-1c1f5e1a2b3c",
    hops=2,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    definition_version="6bd2576960c145aa",
    data={"amount": 12.34, "currency": "USD", "departments": ["GROCERY"], "coupon_used": False},
    sealed={"email": b"\x00\x01sealed\xff"},
    key_id="2d6b6d5c-3f5e-5a0e-8d53-1c1f5e1a2b3c",
)


def control(type: str, /, **data: object) -> Event:
    return Event(
        id="3d6b6d5c-3f5e-5a0e-8d53-1c1f5e1a2b3c", tenant="default", type=type, event_time=1, as_of=1, data=dict(data)
    )


OF_A_SUBJECT = msgspec.structs.replace(WHOLE, subject="account", member_id="7f1d9f0e-5d5b-5a43-9a3e-0c4f7b0c9a11")

EXAMPLES = {
    "envelope-of-a-subject.v1": OF_A_SUBJECT,
    "envelope.v1": WHOLE,
    "cairn.marker.v1": marker("events", 3, step=7, at=1_488_369_600_000_000, mode="step"),
    "identity.merged.v1": control(MERGED, **{"from": "a", "to": "b"}),
    "identity.split.v1": control(SPLIT, **{"from": "a", "to": "b", "moved": ["user_id:t"], "kept": [], "at": 1}),
    "consent.changed.v1": control(CONSENT_CHANGED, **{"channel": "email", "class": "marketing", "granted": False}),
    "journey.broadcast.v1": control(BROADCAST, type="store.closed", data={"store_id": "330"}),
    "journey.paused.v1": control(PAUSED, journey="win-back"),
    "journey.resumed.v1": control(RESUMED, journey="win-back"),
    "journey.stopped.v1": control(STOPPED, journey="win-back", mode="drain"),
    "identity.stated.v1": control(
        STATED,
        how="stated",
        statement={
            "id": "3d6b6d5c-3f5e-5a0e-8d53-1c1f5e1a2b3d",
            "kind": "not_same",
            "left": [["email", "00112233445566778899aabbccddeeff"]],
            "right": [["card", "ffeeddccbbaa99887766554433221100"]],
            "author": "anna",
            "reason": "two neighbours",
            "at": 1,
            "expires": 2,
        },
    ),
    "identity.rules_changed.v1": control(RULES_CHANGED, version="6bd2576960c145aa", before="deterministic-1"),
    "definition.activated.v1": control(DEFINITION_ACTIVATED, version="6bd2576960c145aa"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_event_ever_stored_still_decodes_and_is_written_the_same(name: str) -> None:
    stored, sent = (GOLDEN / f"{name}.json").read_bytes(), (GOLDEN / f"{name}.msgpack").read_bytes()
    assert from_canonical_json(stored) == EXAMPLES[name] == from_msgpack(sent)
    assert (to_canonical_json(EXAMPLES[name]), to_msgpack(EXAMPLES[name])) == (stored, sent)


def test_every_control_event_has_a_golden_file() -> None:
    assert CONTROL_TYPES <= {path.name.removesuffix(".v1.json") for path in GOLDEN.glob("*.json")}


def test_the_whole_envelope_is_in_the_golden_files() -> None:
    assert all(getattr(OF_A_SUBJECT, name) for name in OF_A_SUBJECT.__struct_fields__)


def test_keys_are_sorted_and_defaults_left_out() -> None:
    bare = Event(id="i", tenant="t", type="x", event_time=1, as_of=2, data={"b": 1, "a": 2})
    assert to_canonical_json(bare) == (
        b'{"id":"i","tenant":"t","type":"x","event_time":1,"as_of":2,"data":{"a":2,"b":1}}'
    )
