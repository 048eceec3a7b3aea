"""Traits that follow a rule of survivorship: which of the values told so far counts, in whatever order they came."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cairn_journey.engine.state import CustomerState, Sealed, Telling
from cairn_kernel.event import Event, canonical
from cairn_kernel.survivorship import Keep, Rank, Survivorship, rank

MOST_VALUES: Final = 1_000
"""Of a trait whose most frequent value counts so many values are kept, those told most; of any other only the best."""

Order = tuple[Rank, int, str]


def survive(state: CustomerState, event: Event, rules: Mapping[str, Survivorship]) -> dict[str, Any]:
    """Take in what an event tells of traits that have rules; the traits whose value or evidence is another now."""
    changed: dict[str, Any] = {}
    for name, telling in _told(state, event, rules):
        rule = rules[name]
        known = state.survivors.get(name) or _before(state, name)
        survivors = _joined(known, telling, rule)
        state.survivors = {**state.survivors, name: survivors}
        if not known or survivors[0] != known[0]:
            changed[name] = survivors[0].value
    return changed


def _told(state: CustomerState, event: Event, rules: Mapping[str, Survivorship]) -> Iterator[tuple[str, Telling]]:
    for name, value in event.data.items():
        if name in rules:
            yield name, Telling(event.event_time, event.id, event.source, value)
    for name, text in event.sealed.items():
        if name in rules:
            yield name, Telling(event.event_time, event.id, event.source, Sealed(text, event.key_id))


def _before(state: CustomerState, name: str) -> tuple[Telling, ...]:
    """What counted before the trait had a rule; nobody remembers who told it."""
    value = state.sealed.get(name, state.traits.get(name))
    return () if value is None else (Telling(state.told.get(name, 0), "", "", value),)


def _joined(known: tuple[Telling, ...], telling: Telling, rule: Survivorship) -> tuple[Telling, ...]:
    """The best first. Neither the order nor the repetition of tellings matters, as long as no event is told twice."""
    by_value = {_key(one): one for one in known}
    same = by_value.get(_key(telling))
    if same is not None:
        best = max(same, telling, key=lambda one: _order(one, rule))
        telling = Telling(best.event_time, best.event_id, best.source, best.value, same.times + telling.times)
    by_value[_key(telling)] = telling
    kept = MOST_VALUES if rule.keep == Keep.MOST_FREQUENT else 1
    return tuple(sorted(by_value.values(), key=lambda one: _order(one, rule), reverse=True)[:kept])


def _order(one: Telling, rule: Survivorship) -> Order:
    return rank(rule, one.event_time, one.source, one.value, one.times), one.event_time, one.event_id


def _key(one: Telling) -> bytes:
    """Equal for equal values; sealed ones are all different, since nobody here sees which are equal."""
    return one.event_id.encode() if isinstance(one.value, Sealed) else b"=" + canonical(one.value)
