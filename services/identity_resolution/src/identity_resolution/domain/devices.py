"""Shared devices: whose an event is that shows nothing but a device which several people log in on."""

from bisect import bisect_right, insort
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

from cairn_kernel.event import Identifier
from cairn_kernel.time import DAY, MINUTE

EVER: Final = 1 << 62


class SharedBy(StrEnum):
    """How people share a device."""

    INTERVAL = "interval"
    """What lies between two log-ins of one person is theirs; all else is that of the nearest one, if it is near."""
    LAST = "last"
    """All that happened on it is that of who logged in last."""
    FIRST = "first"
    """It stays with who logged in first."""


class DeviceRules(NamedTuple):
    """What holds for shared devices."""

    policy: SharedBy = SharedBy.INTERVAL
    idle_us: int = 3 * DAY
    """So far a log-in vouches at most, before and after it, unless the next one is of the same person."""
    closed_by: frozenset[str] = frozenset({"user.logged_out", "user.signed_out", "logged.out", "signed.out"})
    """Types of events that end a log-in."""
    namespaces: frozenset[str] = frozenset({"anonymous_id"})
    """Identifiers of these are devices."""


class Point(NamedTuple):
    """A log-in on a device, or a log-out."""

    at: int
    """µs."""
    event_id: str
    owner: Identifier | None
    """Who logged in; None for a log-out."""

    @property
    def minute(self) -> int:
        """The minute it counts for: of one person's log-ins on one device the earliest of each minute counts."""
        return self.at // MINUTE


class Stretch(NamedTuple):
    """A time on a device that changes hands."""

    since: int | None
    """µs; None if from the beginning."""
    until: int | None
    """µs, exclusive; None if without end."""
    before: Identifier | None
    after: Identifier | None


class Timeline:
    """The log-ins on one shared device, in order of time. Whose an instant is follows from the set of them."""

    def __init__(self, rules: DeviceRules, points: Iterable[Point] = ()) -> None:
        self._rules = rules
        self._points: list[Point] = []
        self._of_minute: dict[tuple[Identifier | None, int], Point] = {}
        self.last_touch = 0
        """Latest instant (µs) of an event that showed nothing but the device."""
        for point in points:
            self._put(point)

    def owner(self, at: int) -> Identifier | None:
        """Who is at the device at an instant, as far as log-ins vouch for it."""
        points = self._points
        if self._rules.policy is SharedBy.LAST:
            return next((point.owner for point in reversed(points) if point.owner is not None), None)
        place = bisect_right(points, at, key=_at)
        held = self._between(points[place - 1] if place else None, points[place] if place < len(points) else None)
        return next(owner for since, owner in reversed(held) if since <= at)

    def _between(self, first: Point | None, second: Point | None) -> list[tuple[int, Identifier | None]]:
        """Since when (µs) who holds the device, from one log-in or log-out up to the next."""
        start, before = (first.at, first.owner) if first else (-EVER, None)
        end, after = (second.at, second.owner) if second else (EVER, None)
        if before == after:
            return [(start, before)]
        left = min(start + self._rules.idle_us, end) if before else start
        right = max(end - self._rules.idle_us, start) if after else end
        if left > right:
            left = right = (start + end) // 2
        held = ((start, left, before), (left, right, None), (right, end, after))
        return [(since, owner) for since, until, owner in held if since < until]

    def owners(self) -> set[Identifier]:
        """Who ever logged in."""
        return {owner for owner, _ in self._of_minute if owner is not None}

    def add(self, point: Point) -> list[Stretch]:
        """Take in a log-in or log-out; what changes hands by it."""
        if self._rules.policy is SharedBy.LAST:
            before = self.owner(point.at)
            self._put(point)
            after = self.owner(point.at)
            return [] if before == after else [Stretch(None, None, before, after)]
        place = bisect_right(self._points, _order(point), key=_order)
        replaced = self._of_minute.get((point.owner, point.minute))
        end = place if replaced is None else max(place, self._points.index(replaced) + 1)
        around = self._points[max(0, place - 1) : end + 1]
        if not self._put(point):
            return []
        now = [one for one in around if one is not replaced] + [point]
        return changes(Timeline(self._rules, around), Timeline(self._rules, now), self.last_touch)

    def borders(self) -> set[int]:
        """Instants (µs) at which it may change hands."""
        if self._rules.policy is SharedBy.LAST:
            return set()
        gaps = pairwise([None, *self._points, None])
        return {since for gap in gaps for since, _ in self._between(*gap)} - {-EVER}

    def _put(self, point: Point) -> bool:
        key = (point.owner, point.minute)
        known = self._of_minute.get(key)
        if known is not None:
            if known[:2] <= point[:2]:
                return False
            self._points.remove(known)
        self._of_minute[key] = point
        insort(self._points, point, key=_order)
        return True


def changes(before: Timeline | None, after: Timeline | None, last_touch: int) -> list[Stretch]:
    """What changes hands where log-ins are judged by other rules; None: nobody but the device owns anything."""
    borders = sorted(set().union(*(timeline.borders() for timeline in (before, after) if timeline)))
    found: list[Stretch] = []
    for since, until in zip([None, *borders], [*borders, None], strict=True):
        if since is not None and since > last_touch:
            break
        at = (borders[0] - 1 if borders else 0) if since is None else since
        was, is_ = (timeline.owner(at) if timeline else None for timeline in (before, after))
        if found and found[-1].until == since and (found[-1].before, found[-1].after) == (was, is_):
            found[-1] = found[-1]._replace(until=until)
        else:
            found.append(Stretch(since, until, was, is_))
    return [stretch for stretch in found if stretch.before != stretch.after]


def _at(point: Point) -> int:
    return point.at


def _order(point: Point) -> tuple[int, str]:
    return point[:2]
