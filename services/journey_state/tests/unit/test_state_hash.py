"""The hash covers every field of a customer's state."""

from typing import Any

import msgspec
import pytest

from cairn_journey import CustomerState
from cairn_journey.engine.state import Count, Instance, Record, Sealed, Telling, Timer
from cairn_journey.subjects.intervals import Interval
from journey_state.application.state_hash import hashed_bytes

STATE = CustomerState(
    tenant="default",
    profile_id="p",
    traits={"locale": "en"},
    sealed={"email": Sealed(b"twelve bytes+ciphertext", "k1")},
    features={"count|basket.purchased": Count(3)},
    open={"win-back": Instance("i", "win-back", "v1", 1, 10, stage="active", stage_entered=10)},
    records={"win-back": Record(entered=1, stage_entries={"active": 1})},
    timers={"t": Timer(99, "goal", "win-back")},
    last_seen=12,
    closed_into="q",
    united=1,
)

FLIPS: dict[str, Any] = {
    "tenant": "other",
    "profile_id": "q",
    "traits": {"locale": "de"},
    "sealed": {"email": Sealed(b"twelve bites+ciphertext", "k1")},
    "features": {"count|basket.purchased": Count(4)},
    "open": {"win-back": msgspec.structs.replace(STATE.open["win-back"], stage="lapsing")},
    "records": {"win-back": Record(entered=2, stage_entries={"active": 1})},
    "timers": {"t": Timer(98, "goal", "win-back")},
    "subject": "account",
    "members": {"q": (Interval("acme", "payer", 3),)},
    "survivors": {"locale": (Telling(9, "e", "crm", "en"),)},
    "audiences": {"vip": 3},
    "version": "v2",
    "latest": (3, 2, "e"),
    "told": {"locale": 9},
    "last_seen": 13,
    "failures": {"journey/win-back/entry/12345678/MISSING": 9},
    "closed_into": "",
    "united": 2,
}


@pytest.mark.parametrize("field", CustomerState.__struct_fields__)
def test_one_flipped_field_changes_it(field: str) -> None:
    assert hashed_bytes(STATE) != hashed_bytes(msgspec.structs.replace(STATE, **{field: FLIPS[field]}))


def test_ciphertext_under_another_key_value_does_not() -> None:
    again = msgspec.structs.replace(STATE, sealed={"email": Sealed(b"twelve bytes+otherwise", "k1")})
    assert hashed_bytes(STATE) == hashed_bytes(again)
