"""Counts of one customer's journeys, made to be added up over customers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cairn_journey.engine.features import add
from cairn_journey.engine.health import band
from cairn_journey.engine.state import CustomerState, Record
from cairn_kernel.money import decimal_text

_NONE: Final = Record()


@dataclass(slots=True)
class JourneyCounts:
    """Counts of one journey; `goal` and `exited` exclude each other, and what is neither is `in_flight`."""

    entered: int = 0
    in_flight: int = 0
    goal: int = 0
    attributed: int = 0
    """Goals that followed a moment soon enough."""
    exited: int = 0
    values: dict[str, Decimal] = field(default_factory=dict)
    """Sum of goal values by currency."""
    stages: dict[str, int] = field(default_factory=dict)
    """Open instances by stage; the empty name counts those in no stage yet."""
    stage_entries: dict[str, int] = field(default_factory=dict)
    stage_transitions: dict[str, int] = field(default_factory=dict)
    """As `from>to`."""
    dwell: dict[str, int] = field(default_factory=dict)
    """Time spent by stage, in stages that were left (µs)."""
    frictions: dict[str, int] = field(default_factory=dict)
    health: dict[str, int] = field(default_factory=dict)
    """Open instances by band (well, strained, poor) as of what happened last in each."""

    def add(self, other: "JourneyCounts") -> None:
        """Take another's counts in."""
        self.entered += other.entered
        self.in_flight += other.in_flight
        self.goal += other.goal
        self.attributed += other.attributed
        self.exited += other.exited
        for currency, value in other.values.items():
            self.values[currency] = add(self.values.get(currency, Decimal(0)), value)
        for mine, others in (
            (self.stages, other.stages),
            (self.stage_entries, other.stage_entries),
            (self.stage_transitions, other.stage_transitions),
            (self.dwell, other.dwell),
            (self.frictions, other.frictions),
            (self.health, other.health),
        ):
            for name, number in others.items():
                mine[name] = mine.get(name, 0) + number

    @property
    def currency(self) -> str:
        """The currency with the greatest sum; empty if no goal had a value."""
        return max(sorted(self.values), key=lambda currency: self.values[currency], default="")

    @property
    def goal_value(self) -> str:
        """The sum in that currency, as decimal text."""
        return decimal_text(self.values.get(self.currency, Decimal(0)))


def counts(state: CustomerState) -> Mapping[str, JourneyCounts]:
    """The counts by journey; none for a profile that was merged into another."""
    return {name: count(state, name) for name in sorted(state.records)}


def count(state: CustomerState, name: str) -> JourneyCounts:
    """The counts of one journey."""
    record, open = state.records.get(name, _NONE), state.instances(name)
    return JourneyCounts(
        entered=record.entered,
        in_flight=len(open),
        goal=record.goals,
        exited=record.exits,
        values=dict(record.values),
        stages=_tally(instance.stage for instance in open),
        stage_entries=dict(record.stage_entries),
        stage_transitions=dict(record.transitions),
        attributed=record.attributed,
        dwell=dict(record.dwell),
        frictions=dict(record.frictions),
        health=_tally(band(instance.health) for instance in open),
    )


def _tally(names: Iterable[str]) -> dict[str, int]:
    """How often each comes. Counter costs five times as much for the one or two there are."""
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found
