"""The contact ledger of one profile: whom we addressed when, what became of it, what they consent to.

It is a set, kept in an order of its own: the union of two ledgers is the same whichever comes first.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, TypeVar

ANY: Final = "*"
"""Consent for every channel or every class; an empty field of `consent.changed` means the same."""


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


class Consent(NamedTuple):
    """One change of mind. The greatest wins; at one instant a withdrawal is greater than a grant."""

    at: int
    event_time: int
    withdrawn: bool
    event_id: str


_Row = TypeVar("_Row", bound=tuple[Any, ...])

ConsentKey = tuple[str, str]
"""Channel and class; either may be ANY."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything the contact policy and the consent gate look at."""

    contacts: tuple[Contact, ...] = ()
    """Ordered by time, then decision id."""
    outcomes: tuple[Outcome, ...] = ()
    """Ordered by time, then event id."""
    consents: Mapping[ConsentKey, Consent] = field(default_factory=dict)

    def with_contact(self, contact: Contact) -> "Ledger":
        """The ledger with one more contact; the same ledger if it has it."""
        contacts = _inserted(self.contacts, contact)
        return self if contacts is self.contacts else replace(self, contacts=contacts)

    def with_outcome(self, outcome: Outcome) -> "Ledger":
        """The ledger with one more outcome; the same ledger if it has it."""
        outcomes = _inserted(self.outcomes, outcome)
        return self if outcomes is self.outcomes else replace(self, outcomes=outcomes)

    def with_consent(self, channel: str, class_: str, consent: Consent) -> "Ledger":
        """The ledger after a change of consent; an older change than the known one is kept out."""
        key = (channel or ANY, class_ or ANY)
        known = self.consents.get(key)
        if known is not None and known >= consent:
            return self
        return replace(self, consents={**self.consents, key: consent})

    def consents_to(self, channel: str, class_: str) -> bool:
        """Whether messages of a class may go out on a channel: the latest word decides, silence is consent."""
        keys = ((channel, class_), (channel, ANY), (ANY, class_), (ANY, ANY))
        said = [self.consents[key] for key in keys if key in self.consents]
        return not said or not max(said).withdrawn

    def united(self, other: "Ledger") -> "Ledger":
        """The union of both as sets."""
        consents = dict(self.consents)
        for key, consent in other.consents.items():
            consents[key] = max(consents.get(key, consent), consent)
        return Ledger(
            contacts=_union(self.contacts, other.contacts),
            outcomes=_union(self.outcomes, other.outcomes),
            consents=consents,
        )


def _inserted(rows: tuple[_Row, ...], row: _Row) -> tuple[_Row, ...]:
    if not rows or rows[-1] < row:
        return (*rows, row)
    place = bisect_left(rows, row)
    return rows if rows[place] == row else (*rows[:place], row, *rows[place:])


def _union(left: tuple[_Row, ...], right: tuple[_Row, ...]) -> tuple[_Row, ...]:
    return tuple(sorted({*left, *right})) if right else left
