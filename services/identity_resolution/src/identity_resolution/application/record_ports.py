"""What matching needs from a store, next to the identity tables."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from cairn_eventstore import UnitOfWork
from identity_resolution.domain.candidates import Ends, Pair
from identity_resolution.domain.matching import Told


class SealedRecord(NamedTuple):
    """A record as it is stored."""

    id: int
    tenant: str
    own_id: str
    event_time: int
    key_id: str
    sealed: bytes


class Suggestion(NamedTuple):
    """What follows from the pairs of two identifiers' records."""

    id: str
    tenant: str
    ends: Ends
    best: Pair | None
    """None if no pair counts any more."""
    linked: bool
    """Whether it is evidence: its bits reach the upper threshold."""
    as_of: int


class StoredSuggestion(NamedTuple):
    """A suggestion that is evidence, or was at the instant asked for."""

    ends: Ends
    bits: float
    told: tuple[Told, ...]


class RecordChanges(NamedTuple):
    """What a batch changed."""

    records: Sequence[SealedRecord]
    lists: Sequence[tuple[int, Sequence[int] | None]]
    pairs: Sequence[Pair]
    suggestions: Sequence[Suggestion]
    gone: Sequence[int] = ()
    """Keys of lists that are not needed any more."""


class RecordStore(Protocol):
    """Records, their lists, and what they suggest. What is written goes into a unit of work and happens with it."""

    async def known(self, ids: Collection[int]) -> set[int]:
        """Which of these records there are."""
        ...

    async def records(self, ids: Collection[int]) -> list[SealedRecord]:
        """These records, as far as there are any."""
        ...

    async def page(self, tenant: str, after: int, limit: int) -> list[SealedRecord]:
        """The next records after an id, in the order of their ids."""
        ...

    async def count(self, tenant: str) -> int:
        """How many records a tenant has. Reads all of them."""
        ...

    async def lists(self, keys: Collection[int]) -> dict[int, list[int] | None]:
        """Ids of records by blocking key; None for a dead list. Keys that no record has are left out."""
        ...

    async def pairs_among(self, records: Collection[int]) -> set[Ends]:
        """Whom pairs are of that lie within these records."""
        ...

    async def pairs(self, ends: Collection[Ends]) -> list[Pair]:
        """All pairs that count of these identifiers' records."""
        ...

    async def pairs_upto(self, records: Collection[int], upto: int) -> list[Pair]:
        """All pairs that count of these records with one whose id is at most `upto`."""
        ...

    async def seen(self, ends: Collection[Ends]) -> set[Ends]:
        """Which of these identifiers events showed together."""
        ...

    async def suggested(self, own_ids: Collection[str], as_of: int, known_at: int) -> list[StoredSuggestion]:
        """What was evidence about these identifiers, of an instant (µs, event time) as known at another (µs)."""
        ...

    async def told(self, ids: Collection[str]) -> Mapping[str, tuple[Told, ...]]:
        """What suggestions add up from, by their ids."""
        ...

    def decide(self, work: UnitOfWork, suggestion_id: str, statement_id: str) -> None:
        """A statement decides what is suggested."""
        ...

    def write(self, work: UnitOfWork, changes: RecordChanges) -> None:
        """Write what changed."""
        ...


class Keys(Protocol):
    """Keys of customers."""

    async def unwrap(self, key_ids: Collection[str]) -> Mapping[str, bytes]:
        """The keys of at most 1000 ids; those unknown or erased are left out. Raises Unavailable."""
        ...
