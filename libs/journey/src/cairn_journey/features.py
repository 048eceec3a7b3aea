"""Features: how they are kept and what they say."""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from typing import Any, Final

from cairn_expressions import Activation, Expression, compile_expression
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
_MAX_DIGITS: Final = 30


class CompiledFeature:
    """A feature ready to be kept. Two features with the same `key` are the same."""

    __slots__ = ("_kind", "_path", "_update", "key", "name", "where", "width")

    def __init__(self, feature: Feature) -> None:
        self.name = feature.name
        self.key = "|".join((feature.kind, feature.event, str(feature.window or ""), feature.of, feature.where))
        self.where: Expression | None = compile_expression(feature.where, WHERE_VARIABLES) if feature.where else None
        self.width = (feature.window or 0) // BUCKETS
        self._kind = feature.kind
        self._path = tuple(feature.of.split("."))
        self._update: Callable[[Accumulator | None, Event], Accumulator | None] = getattr(self, f"_{feature.kind}")

    def keep(self, features: dict[str, Accumulator], event: Event, seen: Callable[[], Activation]) -> None:
        """Take an event of its type in."""
        if self.where is not None and not self.where.holds(seen()):
            return
        after = self._update(features.get(self.key), event)
        if after is not None:
            features[self.key] = after

    def value(self, features: Mapping[str, Accumulator], at: int) -> Any:
        """What it says at an instant: int for count and idle (None if never), float for sum, anything for last."""
        match features.get(self.key):
            case Counts(buckets):
                oldest = at // self.width - BUCKETS
                return sum(number for bucket, number in buckets if bucket > oldest)
            case Sums(buckets):
                oldest = at // self.width - BUCKETS
                return float(sum((number for bucket, number in buckets if bucket > oldest), _ZERO))
            case Count(total):
                return total
            case Sum(total):
                return float(total)
            case Last(value):
                return value
            case Seen(when):
                return (at - when) // DAY
            case _:
                return {"count": 0, "sum": 0.0}.get(self._kind)

    def _count(self, before: Accumulator | None, event: Event) -> Accumulator:
        if not self.width:
            return Count(before.total + 1 if isinstance(before, Count) else 1)
        buckets = before.buckets if isinstance(before, Counts) else ()
        bucket = event.as_of // self.width
        if buckets and buckets[-1][0] == bucket:
            return Counts((*buckets[:-1], (bucket, buckets[-1][1] + 1)))
        return Counts((*(kept for kept in buckets if kept[0] > bucket - BUCKETS), (bucket, 1)))

    def _sum(self, before: Accumulator | None, event: Event) -> Accumulator | None:
        number = amount(self._field(event))
        if number is None:
            return before
        if not self.width:
            return Sum(_EXACT.add(before.total, number) if isinstance(before, Sum) else number)
        buckets = before.buckets if isinstance(before, Sums) else ()
        bucket = event.as_of // self.width
        if buckets and buckets[-1][0] == bucket:
            return Sums((*buckets[:-1], (bucket, _EXACT.add(buckets[-1][1], number))))
        return Sums((*(kept for kept in buckets if kept[0] > bucket - BUCKETS), (bucket, number)))

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
