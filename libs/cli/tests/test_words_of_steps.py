from typing import Any

import pytest

from cairn.journey.v1.journey_pb2 import TimelineEntry
from journeyctl import words


@pytest.mark.parametrize(
    ("type", "data", "said"),
    [
        ("journey.arm_assigned", {"experiment": "subject", "arm": "bold"}, "j: arm bold of subject"),
        ("journey.traits_set", {"intervention": "i", "traits": {"tier": "a", "asked": 1}}, "j: i set asked, tier"),
        ("journey.wait_moved", {"intervention": "i", "due": 86_400_000_000}, "j: i now waits until 2 January 1970"),
        (
            "journey.step_failed",
            {"intervention": "i", "step": "2", "error": "MISSING", "expression": "event.a > 1"},
            "j: i, step 2 failed (MISSING in event.a > 1)",
        ),
        (
            "journey.condition_failed",
            {"condition": "entry", "error": "MISSING", "expression": "event.a > 1"},
            "j: entry failed (MISSING in event.a > 1)",
        ),
        ("journey.migrated", {}, "j: goes on in another version"),
    ],
)
def test_facts_of_steps_are_told_in_words(type: str, data: dict[str, Any], said: str) -> None:
    entry = TimelineEntry(type=type)
    entry.data.update({"journey": "j", **data})
    assert words.touchpoint(entry) == said
