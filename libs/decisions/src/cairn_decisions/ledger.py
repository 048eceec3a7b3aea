"""The contact ledger of one profile: whom we addressed when, what became of it, what they consent to.

It is a set, kept in an order of its own: the union of two ledgers is the same whichever comes first.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar

from cairn_kernel.consents import Joined, Standing, Word, frontier, standing

UNSENT: Final = frozenset({"suppressed", "expired", "rejected"})
"""Outcomes of messages that nobody got: their contacts do not count."""
SENT: Final = frozenset({"sent", "delivered", "opened", "clicked", "bounced"})
"""Outcomes of messages that went out, whatever else is said of them."""


class Contact(NamedTuple):
    """A decision that chose an action. It counts from the instant it was decided."""

    at: int
    decision_id: str
    action: str
    message_class: str
    channel: str
    journey: str


class Outcome(NamedTuple):
    """What became of a delivery: one row per status, such as sent, then bounced."""

    at: int
    event_id: str
    status: str
    action: str
    channel: str
    delivery_id: str
    decision_id: str


_Row = TypeVar("_Row", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything the contact policy and the consent gate look at."""

    contacts: tuple[Contact, ...] = ()
    """Ordered by time, then decision id."""
    outcomes: tuple[Outcome, ...] = ()
    """Ordered by time, then event id."""
    words: tuple[Word, ...] = ()
    """About consent: those that can make a difference, in order."""
    joined: tuple[Joined, ...] = ()
    """Merges that led to this profile, in order."""

    def with_contact(self, contact: Contact) -> "Ledger":
        """The ledger with one more contact; the same ledger if it has it."""
        contacts = _inserted(self.contacts, contact)
        return self if contacts is self.contacts else replace(self, contacts=contacts)

    def with_outcome(self, outcome: Outcome) -> "Ledger":
        """The ledger with one more outcome; the same ledger if it has it."""
        outcomes = _inserted(self.outcomes, outcome)
        return self if outcomes is self.outcomes else replace(self, outcomes=outcomes)

    def with_word(self, word: Word) -> "Ledger":
        """The ledger with one more word about consent."""
        return replace(self, words=frontier((*self.words, word)))

    def standing(self, channel: str, class_: str) -> Standing:
        """Whether messages of a class may go out on a channel, and the word that says so."""
        return standing(self.words, self.joined, channel, class_)

    def counted(self) -> tuple[Contact, ...]:
        """The contacts that count for caps and cool-downs: all whose messages went out or may yet do so."""
        unsent = {row.decision_id for row in self.outcomes if row.status in UNSENT}
        if not unsent:
            return self.contacts
        unsent -= {row.decision_id for row in self.outcomes if row.status in SENT}
        return tuple(row for row in self.contacts if row.decision_id not in unsent)

    def united(self, other: "Ledger") -> "Ledger":
        """The union of both as sets."""
        return Ledger(
            contacts=_union(self.contacts, other.contacts),
            outcomes=_union(self.outcomes, other.outcomes),
            words=frontier((*self.words, *other.words)),
            joined=_union(self.joined, other.joined),
        )


def _inserted(rows: tuple[_Row, ...], row: _Row) -> tuple[_Row, ...]:
    if not rows or rows[-1] < row:
        return (*rows, row)
    place = bisect_left(rows, row)
    return rows if rows[place] == row else (*rows[:place], row, *rows[place:])


def _union(left: tuple[_Row, ...], right: tuple[_Row, ...]) -> tuple[_Row, ...]:
    return tuple(sorted({*left, *right})) if right else left
