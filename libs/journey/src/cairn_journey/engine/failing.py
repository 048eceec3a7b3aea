"""Conditions that fail: neither true nor false, since a field is missing, of the wrong type, or divided by zero.

They count as false. The first time is stated, for each customer, condition and sort of error; that it happens again is
not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from cairn_expressions import EvaluationError
from cairn_journey.engine.conditions import Condition, Place
from cairn_kernel.event import Event

MAX_FAILURES: Final = 20
"""So many are stated of one journey, or one audience, to one customer."""


def untold(known: Mapping[str, int], failed: Iterable[tuple[Condition, EvaluationError]]) -> Iterator[dict[str, Any]]:
    """What is to be stated of the conditions that failed just now."""
    told: set[str] = set()
    for condition, error in failed:
        place, key = condition.place, f"{condition.place.key}/{error.kind}"
        if key in known or key in told:
            continue
        if sum(one.startswith(place.owner) for one in (*known, *told)) < MAX_FAILURES:
            told.add(key)
            text = condition.expression.text
            yield {place.kind: place.name, "condition": place.part, "expression": text, "error": error.kind}


def with_told(known: Mapping[str, int], fact: Event) -> dict[str, int]:
    """What has been stated, with one more."""
    data = fact.data
    kind = "journey" if "journey" in data else "audience"
    place = Place.of(kind, data[kind], data["condition"], data["expression"])
    return {**known, f"{place.key}/{data['error']}": fact.as_of}


def failures_of(known: Mapping[str, int], place: Place) -> list[tuple[str, int]]:
    """What has been stated of one condition: the sorts of error in order, and when."""
    before = f"{place.key}/"
    return [(key.removeprefix(before), known[key]) for key in sorted(known) if key.startswith(before)]
