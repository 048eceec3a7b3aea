"""The rules of probabilistic matching: which traits make a record, by which model two are compared, what follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from cairn_matching import Contribution, Model, in_bits

LEAST_VALUES: Final = 2
"""An event that tells fewer values makes no record: one alone says little, and is an identifier at best."""
DIGITS: Final = 6
"""Bits are rounded to so many digits, so that no last place of a sum decides an order."""


@dataclass(frozen=True)
class Matching:
    """The section `matching` of the identity rules: another model or threshold is another version of them."""

    model: Model
    fields: Mapping[str, str]
    """Column of the model to the path of a trait, such as `city` to `address.city`."""
    automatic: float = 0.99
    """From this probability on a link joins by itself, if nothing is against it."""
    review: float = 0.5
    """From this probability on people decide; below, two records are strangers."""
    candidates: int = 100
    """Most records that one blocking key may hold; the model's own limit counts if it is lower."""
    events: frozenset[str] = frozenset({"profile.identified"})
    """Types of events that tell who somebody is; others name a recipient or a friend as easily."""

    @cached_property
    def automatic_bits(self) -> float:
        """The upper threshold in bits."""
        return in_bits(self.automatic)

    @cached_property
    def review_bits(self) -> float:
        """The lower threshold in bits."""
        return in_bits(self.review)

    @cached_property
    def compares(self) -> tuple[str, float, float, int]:
        """What decides how two records compare: where it changes, those stored are compared anew."""
        return (self.model.version, self.automatic, self.review, self.candidates)

    @cached_property
    def limits(self) -> tuple[int, ...]:
        """For each key of the model the most records that its lists may hold."""
        return tuple(min(key.limit, self.candidates) for key in self.model.keys)

    def tells(self, event: Event) -> bool:
        """Whether an event may make a record: personal fields are sealed, so it must have some."""
        return bool(event.sealed) and event.type in self.events


class Round(NamedTuple):
    """Rules of matching, and which change of the rules brought them: each change compares all records anew."""

    matching: Matching
    number: int


def same_round(one: Matching | None, other: Matching | None) -> bool:
    """Whether records compare alike under both; None is no matching at all."""
    return (one and one.compares) == (other and other.compares)


class Suggested(NamedTuple):
    """How strongly matching suggests that two identifiers are of one person."""

    ends: tuple[str, str]
    """Their own ids, the lesser first."""
    weight: float | None
    """Bits; None if it does not suggest, or does not any more, that they are joined."""


class Told(NamedTuple):
    """What a pair of records adds up from: field, level and bits."""

    field: str
    level: str
    bits: float


def told(contributions: list[Contribution]) -> tuple[Told, ...]:
    """The contributions that are not nothing."""
    found = (Told(one.field, one.level, round(one.bits, DIGITS)) for one in contributions)
    return tuple(one for one in found if one.bits or one.level not in ("", "missing"))


def suggestion_id(tenant: str, ends: tuple[str, str]) -> str:
    """Name of what matching says about two identifiers, given by their own ids, the lesser first."""
    return stable_id("suggestion", tenant, *ends)


def anchor(event: Event) -> Identifier | None:
    """The identifier that the event's record is of: its strongest one."""
    return next((one for one in event.identifiers if one.namespace != CAIRN_PROFILE), None)


def cell(value: Any) -> str:
    """A trait as the text of a cell; empty if it is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
