"""What activation needs from the world."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from activation.domain.consent import Ledger


class OpenRow(NamedTuple):
    """A delivery of which nobody has said yet what became of it."""

    delivery_id: str
    partition: int
    connector: str
    due: int
    expires_at: int
    deferred: bool
    flying: bool
    attempt: int
    not_after: int


class Tables(Protocol):
    """What is stored beside the log."""

    async def open_deliveries(self, partitions: Collection[int]) -> Sequence[OpenRow]:
        """Everything open in these partitions."""
        ...

    async def modes(self, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """The step and mode (`step`, `live`) of each partition's last marker, if it has seen one."""
        ...

    async def ledger(self, connection: Any, profiles: Collection[str]) -> Ledger:
        """Consents and merges of profiles and of all that were merged with them, in an open transaction."""
        ...


class Keys(Protocol):
    """Ingestion's KeyService."""

    async def unwrap(self, key_ids: Collection[str]) -> Mapping[str, bytes]:
        """The keys that exist, at most 1000 at once. Raises Unavailable."""
        ...
