"""From when to when somebody belongs to what: a function of the set of what is told.

Of two things told, that of the later event wins, from the instant on from which it holds. Which of them came in
first, how often and in what batches leaves no trace.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cairn_journey.language.model import MEMBER
from cairn_journey.subjects.told import Says, Told


class Interval(NamedTuple):
    """Somebody belongs to a subject in a role."""

    key: str
    role: str
    since: int
    """µs."""
    until: int | None = None
    """The first instant at which they do not any more (µs); None: no end is known."""

    def holds(self, at: int) -> bool:
        """Whether it holds at an instant (µs)."""
        return self.since <= at and (self.until is None or at < self.until)


class Point(NamedTuple):
    """Something told, when (the event's own time, µs) and by which event."""

    at: int
    id: str
    told: Told

    @property
    def starts(self) -> int:
        """From when it holds."""
        return self.at if self.told.since is None else self.told.since


@dataclass(slots=True)
class _Standing:
    """As what somebody belongs to one subject."""

    roles: frozenset[str]
    until: int | None
    by_hand: bool


def intervals(points: Iterable[Point]) -> tuple[Interval, ...]:
    """The intervals that all that is told of one person and one kind of subject comes to, in order."""
    told = _changes(sorted(set(points), key=lambda point: (point.at, point.id, point.told.id)))
    instants = sorted({p.starts for p in told} | {p.told.until for p in told if p.told.until is not None})
    in_order = all(point.told.since is None for point in told)
    standing: dict[str, _Standing] = {}
    open: dict[tuple[str, str], int] = {}
    found: list[Interval] = []
    taken = 0
    for instant in instants:
        if not in_order:
            standing, taken = {}, 0
        while taken < len(told) and (not in_order or told[taken].at <= instant):
            if told[taken].starts <= instant:
                _apply(standing, told[taken].told, told[taken].starts)
            taken += 1
        holds = {
            (key, role)
            for key, one in standing.items()
            if one.until is None or instant < one.until
            for role in one.roles
        }
        for ended in open.keys() - holds:
            found.append(Interval(*ended, open.pop(ended), instant))
        for begun in holds - open.keys():
            open[begun] = instant
    found += [Interval(*pair, since) for pair, since in open.items()]
    return tuple(sorted(found, key=lambda one: (one.key, one.since, one.role)))


def _changes(points: Sequence[Point]) -> list[Point]:
    """Without what only repeats the one before: it changes nothing at any instant."""
    kept: list[Point] = []
    for point in points:
        if not kept or kept[-1].told != point.told:
            kept.append(point)
    return kept


def _apply(standing: dict[str, _Standing], told: Told, at: int) -> None:
    if told.says is Says.ENDS:
        _end(standing, told)
        return
    if told.says is Says.ONLY:
        for key in [key for key, one in standing.items() if key not in told.keys and not one.by_hand]:
            del standing[key]
    for key in told.keys:
        known = standing.get(key)
        had = known.roles if known is not None and (known.until is None or at < known.until) else frozenset()
        named = frozenset(told.roles)
        if told.says is Says.ALSO:
            roles = had | (named or {MEMBER})
        else:
            roles = named or had or frozenset({MEMBER})
        by_hand = bool(told.author) or (bool(had) and known is not None and known.by_hand)
        standing[key] = _Standing(roles, told.until, by_hand)


def _end(standing: dict[str, _Standing], told: Told) -> None:
    for key in told.keys or tuple(standing):
        known = standing.get(key)
        if known is None:
            continue
        left = known.roles - set(told.roles) if told.roles else frozenset()
        if left:
            known.roles = left
        else:
            del standing[key]
