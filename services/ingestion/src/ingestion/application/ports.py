"""What taking events in needs from the database, inside one open transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from cairn_kernel.event import Event
from ingestion.domain.clock import Clock


class KeptAside(NamedTuple):
    """A row of the quarantine; `payload` is sealed under the key."""

    quarantine_id: str
    tenant: str
    source: str
    message_id: str
    reason: str
    field: str
    received: int
    key_id: str
    payload: bytes
    form: str
    historical: bool


class NewKey(NamedTuple):
    """A subject key that did not exist before."""

    key_id: str
    tenant: str
    wrapped: bytes


class Ledger(Protocol):
    """Holds the clock row until the transaction ends, so all below sees no other writer."""

    async def clock(self) -> Clock: ...

    async def set_clock(self, clock: Clock) -> None: ...

    async def heads(self) -> dict[int, int]:
        """The last position of each partition."""
        ...

    async def seen(self, event_ids: Collection[str]) -> dict[str, bytes]:
        """Digests of those that were taken in during the last two days at least."""
        ...

    async def remember(self, day: int, digests: Mapping[str, bytes], as_of: int) -> None:
        """Events taken in on a day (days since 1970, by the wall clock), the latest of them at `as_of`."""
        ...

    async def keys(self, key_ids: Collection[str]) -> dict[str, bytes]:
        """Wrapped subject keys of those that exist."""
        ...

    async def add_keys(self, keys: Sequence[NewKey]) -> None: ...

    async def keep_aside(self, rows: Sequence[KeptAside]) -> None:
        """Rows that are there already stay as they are."""
        ...

    async def stored(self, event_ids: Collection[str]) -> set[str]:
        """Those that the log holds, however old."""
        ...

    async def returned(self) -> dict[int, tuple[int, bool]]:
        """Of each partition of `deliveries`: the last step that came back, and whether it is live since."""
        ...

    async def set_returned(self, returned: Mapping[int, tuple[int, bool]]) -> None: ...

    async def let_wait(self, outcomes: Sequence[tuple[int, Event]]) -> None:
        """Outcomes with the step that they end; one that waits already is kept."""
        ...

    async def take_waiting(self, step: int) -> list[Event]:
        """Outcomes of this step and earlier ones, which wait no longer."""
        ...
