"""The traits of a profile, each value with who told it when: a function of the set of events that told them."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from cairn_kernel.event import Event, canonical
from cairn_kernel.survivorship import LATEST, Rank, Survivorship, rank

IDENTIFIED: Final = "profile.identified"
"""The event that tells traits: clear ones in `data`, personal ones in `sealed`."""
SHOWN: Final = 20
"""Most values of one trait."""

Open = Callable[[Event, str], Any]
"""The value of a sealed field of an event; None if it cannot be opened."""


class Evidence(NamedTuple):
    """An event told a value."""

    event_time: int
    event_id: str
    as_of: int
    source: str


class Value(NamedTuple):
    """A value of a trait, with the evidence that speaks most for it."""

    json: str
    """Empty if it stays sealed."""
    sealed: bool
    evidence: Evidence
    times: int
    """How many events told it; 1 of what stays sealed, since nobody sees which are equal."""


class Trait(NamedTuple):
    """A trait: the value that counts first, then those that do not, the next best first."""

    name: str
    rule: Survivorship
    values: tuple[Value, ...]


def traits(events: Iterable[Event], rules: Mapping[str, Survivorship], open_sealed: Open | None = None) -> list[Trait]:
    """The traits that events told, by name. Neither the order of the events matters nor how often one is among them."""
    told: dict[str, dict[str, list[tuple[Evidence, str, bool]]]] = {}
    for event in {event.id: event for event in events}.values():
        evidence = Evidence(event.event_time, event.id, event.as_of, event.source)
        for name, value in event.data.items():
            text = canonical(value).decode()
            told.setdefault(name, {}).setdefault(text, []).append((evidence, text, False))
        for name in event.sealed:
            value = open_sealed(event, name) if open_sealed is not None else None
            text = "" if value is None else canonical(value).decode()
            told.setdefault(name, {}).setdefault(text or f"sealed {event.id}", []).append((evidence, text, True))
    return [_trait(name, rules.get(name, LATEST), groups.values()) for name, groups in sorted(told.items())]


def _trait(name: str, rule: Survivorship, groups: Iterable[list[tuple[Evidence, str, bool]]]) -> Trait:
    found: list[tuple[Rank, Evidence, Value]] = []
    for group in groups:
        text, sealed = group[0][1], any(sealed for _, _, sealed in group)
        value = json.loads(text) if text else None
        ranked = [(rank(rule, one.event_time, one.source, value, len(group)), one) for one, _, _ in group]
        best, evidence = max(ranked)
        found.append((best, evidence, Value(text, sealed, evidence, len(group))))
    found.sort(reverse=True)
    return Trait(name, rule, tuple(value for _, _, value in found[:SHOWN]))
