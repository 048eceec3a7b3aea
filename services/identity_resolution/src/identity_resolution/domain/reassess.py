"""How an identifier stands under rules that changed. All of it follows from the set of evidence and the new rules."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.devices import DeviceRules, Point
from identity_resolution.domain.elements import Link, Refusal
from identity_resolution.domain.ranking import Standing, ranks_at, standing_of
from identity_resolution.domain.resolution import Bar
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Stated

FIRST: Final = "00000000-0000-0000-0000-000000000000"
"""Before the first own id."""
LAST: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""After the last own id."""


class Former(NamedTuple):
    """The rules before these, which still hold for devices that come after `upto` (own id)."""

    rules: Rules
    upto: str


class Anew(NamedTuple):
    """What a look at an identifier under changed rules found."""

    standing: Standing
    around: frozenset[Identifier]
    """Whose clusters may change with it."""
    news: bool
    """Whether anything is different from what was noted at the identifier."""
    hands: tuple[DeviceRules | None, DeviceRules | None] = (None, None)
    """If it is a device of which other log-ins count now: by which rules they did (None: none did), and do."""
    points: Sequence[Point] = ()
    """Its log-ins, where `hands` are to change."""
    last_touch: int = 0
    """Up to when (µs) it was seen alone."""

    def bar(self, identifier: Identifier) -> Bar | None:
        """What it shows the identifier to be, if it is shared."""
        if not self.standing.bars:
            return None
        why = Refusal.GENERIC if Refusal.GENERIC in self.standing.bars else Refusal.SHARED
        return Bar(identifier, why, self.last_touch)

    def within(self, known: Collection[Identifier]) -> "Anew":
        """What it means as far as these identifiers go; who holds a device when is left out."""
        ranked = tuple(link for link in self.standing.ranked if link.pair[0] in known and link.pair[1] in known)
        around = frozenset(one for one in self.around if one in known)
        return self._replace(standing=self.standing._replace(ranked=ranked), around=around, hands=(None, None))


def look(identifier: Identifier, shown: Sequence[Link], rules: Rules, former: Rules, stated: Stated) -> Anew:
    """Judge an identifier by its links as they were written; `stated` still holds what was known of it before."""
    standing = standing_of(identifier, shown, rules, rules.devices)
    ranked = {link.pair for link in standing.ranked}
    moved = [link for link in shown if ranks_at(link, identifier) != (link.pair in ranked)]
    blocks = (identifier in former.blocked, identifier in rules.blocked)
    barred = standing.bars != stated.shown(identifier) or blocks[0] != blocks[1]
    concerned = [link for link in shown if ranks_at(link, identifier) or link.pair in ranked] if barred else moved
    hands = (
        former.devices if stated.bar_of(identifier, stated.shown(identifier), blocks[0]) == Refusal.SHARED else None,
        rules.devices if stated.bar_of(identifier, standing.bars, blocks[1]) == Refusal.SHARED else None,
    )
    return Anew(
        standing,
        frozenset(end for link in concerned for end in link.pair if end != identifier),
        bool(moved) or barred or hands[0] != hands[1],
        hands if hands[0] != hands[1] else (None, None),
    )
