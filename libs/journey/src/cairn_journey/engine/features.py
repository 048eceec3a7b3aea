"""Features: how they are kept and what they say."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any, Final

from cairn_expressions import Expression, compile_expression
from cairn_journey.engine.state import Accumulator, Bound, Bounds, Count, Counts, Distinct, Last, Seen, Sum, Sums
from cairn_journey.language.model import Feature
from cairn_journey.language.scopes import WHERE_VARIABLES
from cairn_kernel.event import Event, canonical
from cairn_kernel.money import exact
from cairn_kernel.time import DAY

BUCKETS: Final = 30
"""A window is kept in so many buckets, aligned to 1970 UTC: the current one and the 29 before it count."""

MAX_DISTINCT: Final = 256
"""Distinct values are told apart up to so many (by 64-bit digests); so many means so many or more."""

_EXACT: Final = Context(prec=100)
_ZERO: Final = Decimal(0)
_NEVER: Final[Mapping[str, Any]] = {"count": 0, "sum": 0.0, "distinct": 0, "rate": 0.0}
_MAX_DIGITS: Final = 30
_LEAST_PLAIN: Final = 1e-6
_MOST_PLAIN: Final = 1e15
"""Between these a float is of sensible size without a closer look."""


class CompiledFeature:
    """A feature ready to be kept. Two features with the same `key` are the same."""

    __slots__ = (
        *("_kind", "_path", "_per", "_update", "_window"),
        *("counts", "event", "key", "name", "timed", "where", "width"),
    )

    def __init__(self, feature: Feature) -> None:
        self.name = feature.name
        kept = "count" if feature.kind == "rate" else feature.kind
        self.key = "|".join((kept, feature.event, str(feature.window or ""), feature.of, feature.where))
        self.where: Expression | None = compile_expression(feature.where, WHERE_VARIABLES) if feature.where else None
        self.width = (feature.window or 0) // BUCKETS
        self.event = feature.event
        self.timed = bool(self.width) or feature.kind == "idle"
        """Whether time alone changes what it says."""
        self.counts = feature.kind in ("count", "distinct", "idle")
        """Whether it says a whole number, or nothing."""
        self._kind = feature.kind
        self._path = tuple(feature.of.split("."))
        self._update: Callable[[Accumulator | None, Event], Accumulator | None] = getattr(self, f"_{kept}")
        self._per, self._window = feature.per or 0, feature.window or 0

    def keep(self, features: dict[str, Accumulator], event: Event) -> None:
        """Take in an event of its type for which `where` holds."""
        after = self._update(features.get(self.key), event)
        if after is not None:
            features[self.key] = after

    def value(self, features: Mapping[str, Accumulator], at: int) -> Any:
        """What it says at an instant.

        int for count, distinct and idle, float for sum, rate, min and max, anything for last; None for idle, min, max
        and last if there was no such event.
        """
        kept = features.get(self.key)
        match kept:
            case Counts():
                count = sum(kept.numbers[self._outdated(kept.buckets, at // self.width) :])
                return count * self._per / self._window if self._per else count
            case Sums():
                total = _ZERO
                for number in kept.numbers[self._outdated(kept.buckets, at // self.width) :]:
                    total = _EXACT.add(total, number)
                return float(total)
            case Bounds():
                numbers = kept.numbers[self._outdated(kept.buckets, at // self.width) :]
                return float(self._bound(numbers)) if numbers else None
            case Bound():
                return float(kept.number)
            case Distinct():
                oldest = at // self.width - BUCKETS if self.width else -1
                return sum(bucket > oldest for bucket in kept.values.values())
            case Count():
                return kept.total
            case Sum():
                return float(kept.total)
            case Last():
                return kept.value
            case Seen():
                return (at - kept.at) // DAY
            case _:
                return _NEVER.get(self._kind)

    def changes_after(self, features: Mapping[str, Accumulator], at: int) -> int | None:
        """The first instant after `at` at which it says something else by time alone; None: never."""
        kept = features.get(self.key)
        match kept:
            case Counts() | Sums() | Bounds():
                return self._leaves(kept.buckets, at)
            case Distinct() if self.width:
                return self._leaves(kept.values.values(), at)
            case Seen():
                return kept.at + ((at - kept.at) // DAY + 1) * DAY
            case _:
                return None

    def _leaves(self, buckets: Iterable[int], at: int) -> int | None:
        """When the oldest bucket of the window leaves it."""
        oldest = at // self.width - BUCKETS
        first = min((bucket for bucket in buckets if bucket > oldest), default=None)
        return None if first is None else (first + BUCKETS) * self.width

    def _outdated(self, buckets: tuple[int, ...], current: int) -> int:
        """How many of the oldest buckets the window no longer covers."""
        oldest = current - BUCKETS
        return 0 if not buckets or buckets[0] > oldest else bisect_right(buckets, oldest)

    def _count(self, before: Accumulator | None, event: Event) -> Accumulator:
        if not self.width:
            return Count(before.total + 1 if isinstance(before, Count) else 1)
        bucket = event.as_of // self.width
        if not isinstance(before, Counts):
            return Counts((bucket,), (1,))
        buckets, numbers = before.buckets, before.numbers
        if buckets[-1] == bucket:
            return Counts(buckets, (*numbers[:-1], numbers[-1] + 1))
        gone = self._outdated(buckets, bucket)
        return Counts((*buckets[gone:], bucket), (*numbers[gone:], 1))

    def _sum(self, before: Accumulator | None, event: Event) -> Accumulator | None:
        number = amount(self._field(event))
        if number is None:
            return before
        if not self.width:
            return Sum(_EXACT.add(before.total, number) if isinstance(before, Sum) else number)
        bucket = event.as_of // self.width
        if not isinstance(before, Sums):
            return Sums((bucket,), (number,))
        buckets, numbers = before.buckets, before.numbers
        if buckets[-1] == bucket:
            return Sums(buckets, (*numbers[:-1], _EXACT.add(numbers[-1], number)))
        gone = self._outdated(buckets, bucket)
        return Sums((*buckets[gone:], bucket), (*numbers[gone:], number))

    def _bound(self, numbers: Iterable[Decimal]) -> Decimal:
        return min(numbers) if self._kind == "min" else max(numbers)

    def _extreme(self, before: Accumulator | None, event: Event) -> Accumulator | None:
        number = amount(self._field(event))
        if number is None:
            return before
        if not self.width:
            return Bound(self._bound((before.number, number)) if isinstance(before, Bound) else number)
        bucket = event.as_of // self.width
        if not isinstance(before, Bounds):
            return Bounds((bucket,), (number,))
        buckets, numbers = before.buckets, before.numbers
        if buckets[-1] == bucket:
            return Bounds(buckets, (*numbers[:-1], self._bound((numbers[-1], number))))
        gone = self._outdated(buckets, bucket)
        return Bounds((*buckets[gone:], bucket), (*numbers[gone:], number))

    _min = _max = _extreme

    def _distinct(self, before: Accumulator | None, event: Event) -> Accumulator | None:
        value = self._field(event)
        if value is None:
            return before
        bucket = event.as_of // self.width if self.width else 0
        known = before.values if isinstance(before, Distinct) else {}
        digest = blake2b(canonical(value), digest_size=8).hexdigest()
        if known.get(digest) == bucket:
            return before
        oldest = bucket - BUCKETS if self.width else -1
        kept = {one: seen for one, seen in known.items() if seen > oldest}
        kept[digest] = bucket
        if len(kept) > MAX_DISTINCT:
            del kept[min(kept, key=lambda one: (kept[one], one))]
        return Distinct(kept)

    def _last(self, before: Accumulator | None, event: Event) -> Accumulator:
        return Last(self._field(event))

    def _idle(self, before: Accumulator | None, event: Event) -> Accumulator:
        return Seen(event.as_of)

    def _field(self, event: Event) -> Any:
        value: Any = event.data
        for name in self._path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


def amount(value: object) -> Decimal | None:
    """A number of sensible size as an exact decimal, or None."""
    if type(value) is float and (_LEAST_PLAIN < value < _MOST_PLAIN or -_MOST_PLAIN < value < -_LEAST_PLAIN):
        return Decimal(repr(value))
    number = exact(value)
    if number is None or (number and not -_MAX_DIGITS <= number.adjusted() <= _MAX_DIGITS):
        return None
    return number if len(number.as_tuple().digits) <= 2 * _MAX_DIGITS else None


def add(one: Decimal, other: Decimal) -> Decimal:
    """The exact sum."""
    return _EXACT.add(one, other)
