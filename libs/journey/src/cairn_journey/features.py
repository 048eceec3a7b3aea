"""Features: how they are kept and what they say."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from typing import Any, Final

from cairn_expressions import Expression, compile_expression
from cairn_journey.model import Feature
from cairn_journey.scopes import WHERE_VARIABLES
from cairn_journey.state import Accumulator, Count, Counts, Last, Seen, Sum, Sums
from cairn_kernel.event import Event
from cairn_kernel.money import exact
from cairn_kernel.time import DAY

BUCKETS: Final = 30
"""A window is kept in so many buckets, aligned to 1970 UTC: the current one and the 29 before it count."""

_EXACT: Final = Context(prec=100)
_ZERO: Final = Decimal(0)
_NEVER: Final[Mapping[str, Any]] = {"count": 0, "sum": 0.0, "last": None, "idle": None}
_MAX_DIGITS: Final = 30


class CompiledFeature:
    """A feature ready to be kept. Two features with the same `key` are the same."""

    __slots__ = ("_kind", "_path", "_update", "event", "key", "name", "timed", "where", "width")

    def __init__(self, feature: Feature) -> None:
        self.name = feature.name
        self.key = "|".join((feature.kind, feature.event, str(feature.window or ""), feature.of, feature.where))
        self.where: Expression | None = compile_expression(feature.where, WHERE_VARIABLES) if feature.where else None
        self.width = (feature.window or 0) // BUCKETS
        self.event = feature.event
        self.timed = bool(self.width) or feature.kind == "idle"
        """Whether time alone changes what it says."""
        self._kind = feature.kind
        self._path = tuple(feature.of.split("."))
        self._update: Callable[[Accumulator | None, Event], Accumulator | None] = getattr(self, f"_{feature.kind}")

    def keep(self, features: dict[str, Accumulator], event: Event) -> None:
        """Take in an event of its type for which `where` holds."""
        after = self._update(features.get(self.key), event)
        if after is not None:
            features[self.key] = after

    def value(self, features: Mapping[str, Accumulator], at: int) -> Any:
        """What it says at an instant: int for count and idle (None if never), float for sum, anything for last."""
        kept = features.get(self.key)
        match kept:
            case Counts():
                return sum(kept.numbers[self._outdated(kept.buckets, at // self.width) :])
            case Sums():
                total = _ZERO
                for number in kept.numbers[self._outdated(kept.buckets, at // self.width) :]:
                    total = _EXACT.add(total, number)
                return float(total)
            case Count():
                return kept.total
            case Sum():
                return float(kept.total)
            case Last():
                return kept.value
            case Seen():
                return (at - kept.at) // DAY
            case _:
                return _NEVER[self._kind]

    def changes_after(self, features: Mapping[str, Accumulator], at: int) -> int | None:
        """The first instant after `at` at which it says something else by time alone; None: never."""
        kept = features.get(self.key)
        match kept:
            case Counts() | Sums():
                current = [bucket for bucket in kept.buckets if bucket > at // self.width - BUCKETS]
                return (current[0] + BUCKETS) * self.width if current else None
            case Seen():
                return kept.at + ((at - kept.at) // DAY + 1) * DAY
            case _:
                return None

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
    number = exact(value)
    if number is None or (number and not -_MAX_DIGITS <= number.adjusted() <= _MAX_DIGITS):
        return None
    return number if len(number.as_tuple().digits) <= 2 * _MAX_DIGITS else None


def add(one: Decimal, other: Decimal) -> Decimal:
    """The exact sum."""
    return _EXACT.add(one, other)
