"""Which of several values told of a trait counts: the same for any order in which they were told."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Keep(StrEnum):
    """Which value survives. Where a rule leaves several, the latest of them does."""

    LATEST = "latest"
    EARLIEST = "earliest"
    SOURCE = "source"
    """The value of the source that stands first in the rule's list; others come after all of these."""
    TRUSTED = "trusted"
    """The value of the source that is trusted most: server, then partner, then public."""
    MAX = "max"
    MIN = "min"
    MOST_FREQUENT = "most_frequent"
    """The value that most events told."""


class Survivorship(NamedTuple):
    """The rule of a trait."""

    keep: Keep = Keep.LATEST
    ranks: Mapping[str, int] = {}
    """Of SOURCE and TRUSTED: rank by source, 0 the best; sources that are not named come last, all alike."""


LATEST: Final = Survivorship()
LAST: Final = 2**31
NUMBERS: Final = frozenset({Keep.MAX, Keep.MIN})

Rank = tuple[float, int]
"""The greater one survives."""


def rank(rule: Survivorship, event_time: int, source: str, value: Any, times: int = 1) -> Rank:
    """How a value told at an instant (µs) by a source stands against others; `times` is how many events told it.

    Of MAX and MIN, what is no number loses against any number.
    """
    match rule.keep:
        case Keep.LATEST:
            return (0, event_time)
        case Keep.EARLIEST:
            return (0, -event_time)
        case Keep.SOURCE | Keep.TRUSTED:
            return (-rule.ranks.get(source, LAST), event_time)
        case Keep.MOST_FREQUENT:
            return (times, event_time)
        case Keep.MAX | Keep.MIN:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return (float("-inf"), event_time)
            return (value if rule.keep == Keep.MAX else -value, event_time)
