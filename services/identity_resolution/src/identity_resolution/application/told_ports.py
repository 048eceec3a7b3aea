"""What the ledgers of traits and consent need from a store."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event
from identity_resolution.domain.consents import TELLING
from identity_resolution.domain.traits import IDENTIFIED

TRAIT: Final = "trait"
CONSENT: Final = "consent"
KEPT: Final = {IDENTIFIED: TRAIT} | dict.fromkeys(TELLING, CONSENT)
"""Kind of what events of a type tell; those of other types are not kept."""


class Came(NamedTuple):
    """An identifier came to a profile."""

    own_id: str
    profile_id: str
    as_of: int


class ToldStore(Protocol):
    """The events that tell traits or consent."""

    def keep(self, work: UnitOfWork, events: Sequence[Event]) -> None:
        """Keep resolved events with a unit of work."""
        ...

    async def told(self, kind: str, own_ids: Collection[str], as_of: int, known_at: int) -> list[Event]:
        """The latest 5,000 events of a kind with any of these identifiers, by event time, that had come by then."""
        ...

    async def came(self, own_ids: Collection[str], known_at: int) -> list[Came]:
        """Where each of these identifiers came to last, and when, as known at an instant (µs)."""
        ...
