"""The engine alone, household by household over the raw year, comes to what the oracle says."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import oracle

from cairn_journey import JourneyDomain, Programmes, load_directory
from cairn_kernel.event import Event
from cairn_kernel.time import micros
from journeyctl.demo.households import PERIODS, calls, household_of

RETAIL = Path(__file__).parents[2] / "deploy" / "examples" / "retail"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", ["small", "full"])
def test_the_engine_counts_what_the_oracle_counts(size: str) -> None:
    period = PERIODS[size]
    programmes = Programmes()
    programmes.activate("default", load_directory(RETAIL))
    domain = JourneyDomain(programmes)
    begins, ends = micros(period.start), micros(period.end)
    own: dict[str, list[Event]] = defaultdict(list)
    for call in calls(period):
        household = call.user_id or str(household_of(call.anonymous_id or ""))
        at = micros(call.at)
        own[household].append(
            Event(
                id=call.message_id,
                tenant="default",
                type=call.event.lower().replace(" ", ".") or "profile.identified",
                event_time=at,
                as_of=max(at, begins),
                profile_id=household,
                data=call.body,
            )
        )
    found: dict[str, list[Any]] = defaultdict(lambda: [0, 0, 0, Decimal(0), 0])
    for household, events in own.items():
        state = domain.initial("default", household)
        for event in events:
            _, state = domain.handle(state, event)
        _, state = domain.tick(state, ends)
        for name, record in state.records.items():
            counts = (record.entered, int(name in state.open), record.goals, record.values.get("USD", 0), record.exits)
            found[name] = [before + more for before, more in zip(found[name], counts, strict=True)]
    assert {name: oracle.Outcome(*counts) for name, counts in found.items()} == oracle.expected(size)
