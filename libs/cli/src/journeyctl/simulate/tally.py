"""What a simulation counts. Tallies of partitions are added up in order of partition."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from cairn_kernel.money import exact

SAMPLES: Final = 5
"""Customers shown per kind of change and journey: those with the smallest profile ids."""


class Stay(msgspec.Struct):
    """One journey under one programme."""

    entered: int = 0
    goals: int = 0
    values: dict[str, Decimal] = {}
    """Of goals, by currency."""
    exits: dict[str, int] = {}
    """By reason."""
    in_flight: int = 0
    """At the end."""
    stages: dict[str, int] = {}
    """Entries by stage."""
    frictions: dict[str, int] = {}
    moments: int = 0
    suppressed: int = 0
    """Moments that caused nothing: imported history, or only our own messages led there."""


class Side(msgspec.Struct):
    """Everything under one programme."""

    journeys: dict[str, Stay] = {}
    actions: dict[str, int] = {}
    """Chosen, by action."""
    nothing: dict[str, int] = {}
    """Moments at which nothing was chosen, by reason."""
    limits: dict[str, dict[str, int]] = {}
    """By journey: moments at which the contact policy stopped the best candidate, by reason."""
    load: dict[str, dict[int, int]] = {}
    """Messages by connector and day (days since 1970 UTC on which they are due)."""
    held: dict[str, int] = {}
    """Messages not sent although chosen, by reason."""

    def stay(self, journey: str) -> Stay:
        """The counts of a journey."""
        found = self.journeys.get(journey)
        if found is None:
            found = self.journeys[journey] = Stay()
        return found


class Sample(msgspec.Struct, order=True):
    """A customer who shows a change."""

    profile_id: str
    at: int
    text: str


class Change(msgspec.Struct):
    """How the moments of one journey differ."""

    same: int = 0
    moved: int = 0
    appeared: int = 0
    vanished: int = 0
    decided_otherwise: int = 0
    """Same or moved moments at which something else is chosen, or nothing instead of something."""
    shifts: dict[int, int] = {}
    """Moved moments by whole days (rounded down) they moved."""
    entered_only_before: int = 0
    """Customers who would no longer enter."""
    entered_only_after: int = 0
    """Customers who enter only under the changed programme."""
    samples: dict[str, list[Sample]] = {}
    """By kind of change."""

    def show(self, kind: str, sample: Sample) -> None:
        """Keep a sample if it is among the first."""
        kept = self.samples.setdefault(kind, [])
        kept.append(sample)
        if len(kept) > 8 * SAMPLES:
            self.samples[kind] = sorted(kept)[:SAMPLES]


class Tally(msgspec.Struct):
    """What was found in some partitions."""

    before: Side = msgspec.field(default_factory=Side)
    after: Side = msgspec.field(default_factory=Side)
    changes: dict[str, Change] = {}
    events: int = 0
    """Touchpoints replayed."""
    profiles: int = 0
    people: int = 0
    merges: int = 0
    recorded: int = 0
    """Moments recorded."""
    checked: int = 0
    """Of these, those of customers whose journeys were replayed as they were recorded."""
    reproduced: int = 0
    """Of those, the ones that the replay under their own versions states again: same id, same time, same order."""
    extra: int = 0
    """Moments that the replay states and nobody recorded."""
    differing: list[Sample] = []
    """Profiles whose recorded moments the replay does not state again."""
    outcomes_used: int = 0
    """Recorded outcomes of our messages that the changed programme saw too."""
    outcomes_dropped: int = 0
    """Recorded outcomes of messages that the changed programme would not have sent so."""
    outcomes_assumed: int = 0

    def change(self, journey: str) -> Change:
        """How a journey differs."""
        found = self.changes.get(journey)
        if found is None:
            found = self.changes[journey] = Change()
        return found

    def finished(self) -> "Tally":
        """With its samples cut to the first ones."""
        for change in self.changes.values():
            change.samples = {kind: sorted(kept)[:SAMPLES] for kind, kept in sorted(change.samples.items())}
        self.differing = sorted(self.differing)[:SAMPLES]
        return self


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    whole = Tally()
    for tally in tallies:
        whole = _add(whole, tally)
    return whole.finished()


def one_more(counts: dict[Any, int], name: Any) -> None:
    """Count one."""
    counts[name] = counts.get(name, 0) + 1


def worth(values: dict[str, Decimal], value: str, currency: str) -> None:
    """Add a goal's value, if it has one."""
    number = exact(value) if value else None
    if number is not None:
        values[currency] = values.get(currency, Decimal(0)) + number


def _add(one: Any, other: Any) -> Any:
    """The sum of two values of the same shape."""
    if isinstance(one, msgspec.Struct):
        for name in one.__struct_fields__:
            setattr(one, name, _add(getattr(one, name), getattr(other, name)))
        return one
    if isinstance(one, dict):
        for name, value in other.items():
            one[name] = _add(one[name], value) if name in one else value
        return one
    return one + other
