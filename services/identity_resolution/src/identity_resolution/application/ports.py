"""What resolving needs from a store, next to the log."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event, Identifier
from identity_resolution.domain.elements import Link, Node
from identity_resolution.domain.resolution import Changes


class StoredLink(NamedTuple):
    """A link as it was written."""

    tenant: str
    link: Link


class StoredClusters(NamedTuple):
    """Clusters as they were written."""

    clusters: dict[tuple[str, str], list[Node]]
    """(tenant, root) to nodes, each without its links."""
    links: list[StoredLink]
    """The links that rank at any of the nodes."""


class Counts(NamedTuple):
    """Profiles that exist, and profile ids that lead to another profile now."""

    profiles: int
    merges: int


class StepEvent(NamedTuple):
    """An event of an open step."""

    event: Event
    body: bytes
    """As it stood on the bus."""


class IdentityStore(Protocol):
    """The identity tables. What is written goes into a unit of work and happens with it."""

    async def load(self, own_ids: Collection[str]) -> StoredClusters:
        """The whole clusters of the identifiers with these ids; unknown ids are left out. One consistent view."""
        ...

    async def blocked(self) -> dict[str, set[Identifier]]:
        """Blocked identifiers by tenant."""
        ...

    async def count(self, tenant: str) -> Counts:
        """How many profiles and merges there are. Reads all of the tenant's identifiers."""
        ...

    async def step_events(self, limit: int) -> list[Event]:
        """At most `limit` kept events, by (event_time, id)."""
        ...

    def write(self, work: UnitOfWork, tenant: str, changes: Changes) -> None:
        """Write what changed; fresh support of links is added to what is there, up to SUPPORT_COUNTED."""
        ...

    def keep_step_events(self, work: UnitOfWork, events: Sequence[StepEvent]) -> None:
        """Keep events until their step is whole."""
        ...

    def drop_step_events(self, work: UnitOfWork, events: Sequence[Event]) -> None:
        """Forget kept events: they are resolved in the same unit of work."""
        ...
