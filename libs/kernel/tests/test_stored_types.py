"""Old versions are read as the newest, one step at a time; newer ones are refused."""

from typing import Any

import pytest

from cairn_kernel.event import Event
from cairn_kernel.stored_types import CONTROLS, NewerVersion, StoredTypes


def fact(version: int, **data: Any) -> Event:
    return Event(id="i", tenant="t", type="x.happened", version=version, event_time=1, as_of=1, data=data)


def in_cents(data: dict[str, Any]) -> dict[str, Any]:
    return {"cents": data["amount"] * 100}


def in_euro(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "currency": "EUR"}


STEPS = {("x.happened", 1): in_cents, ("x.happened", 2): in_euro}


def test_an_old_version_is_read_as_the_newest_step_by_step() -> None:
    stored = CONTROLS | StoredTypes({"x.happened": 3}, STEPS)
    newest = fact(3, cents=500, currency="EUR")
    assert stored.newest(fact(1, amount=5)) == stored.newest(fact(2, cents=500)) == stored.newest(newest) == newest
    assert ("x.happened", 2) in stored.versions
    assert ("cairn.marker", 1) in stored.versions


def test_a_newer_version_is_refused_and_says_which() -> None:
    with pytest.raises(NewerVersion) as refused:
        StoredTypes.first(["x.happened"]).newest(fact(2))
    assert (refused.value.reason, refused.value.facts) == ("UNKNOWN_VERSION", {"type": "x.happened", "version": "2"})


def test_a_type_that_is_not_registered_is_read_as_it_is() -> None:
    assert CONTROLS.newest(fact(7)) == fact(7)


@pytest.mark.parametrize("steps", [{}, {("x.happened", 1): in_cents}, {**STEPS, ("x.happened", 3): in_euro}])
def test_a_missing_or_superfluous_step_is_noticed_at_once(steps: dict[tuple[str, int], Any]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        StoredTypes({"x.happened": 3}, steps)
