"""What resolving needs from a store, next to the log."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event, Identifier
from identity_resolution.domain.commands import Answer, Command
from identity_resolution.domain.devices import Point
from identity_resolution.domain.elements import Link, Node
from identity_resolution.domain.relations import Evidence
from identity_resolution.domain.resolution import Changes
from identity_resolution.domain.statements import Stated, Statement


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
    """Profiles that exist, profile ids that lead to another profile now, and identifiers."""

    profiles: int
    merges: int
    identifiers: int = 0


class StepEvent(NamedTuple):
    """An event of an open step."""

    event: Event
    body: bytes
    """As it stood on the bus."""


class Pending(NamedTuple):
    """A command that is not done yet."""

    ordinal: int
    tenant: str
    command: Command
    at: int
    """When it was asked for (µs)."""


class StoredStatement(NamedTuple):
    """A statement, and whether it still holds."""

    statement: Statement
    ended: bool


class Shown(NamedTuple):
    """An event was the earliest to show an identifier, or two together."""

    event_time: int
    event_id: str
    identifiers: tuple[Identifier, ...]


class RulesChange(NamedTuple):
    """How far the latest change of a tenant's rules has been worked off."""

    tenant: str
    ordinal: int
    version: str
    upto: str
    """Own id of the identifier looked at last."""
    done: bool
    merges: int
    splits: int
    records: int | None = None
    """Id of the record compared anew last; None while identifiers are looked at."""


class Placed(NamedTuple):
    """An identifier in the order in which a change of the rules goes through them."""

    own_id: str
    identifier: Identifier
    leads: bool
    """Whether it is the first of its cluster."""


class IdentityStore(Protocol):
    """The identity tables. What is written goes into a unit of work and happens with it."""

    async def load(self, own_ids: Collection[str]) -> StoredClusters:
        """The whole clusters of the identifiers with these ids; unknown ids are left out. One consistent view."""
        ...

    async def stated(self) -> dict[str, Stated]:
        """What holds, and what is generic, by tenant."""
        ...

    async def ask(self, tenant: str, request_id: str, command: Command, at: int) -> None:
        """Let a command wait for the owner; asking again under the same request id changes nothing."""
        ...

    async def answered(self, tenant: str, request_id: str) -> Answer | None:
        """What a command came to; None if it is not done yet."""
        ...

    async def statements(
        self, tenant: str, about: Collection[Identifier], limit: int, *, ended: bool
    ) -> list[StoredStatement]:
        """Statements about any of these identifiers (none: all), the latest first; with `ended` those gone too."""
        ...

    async def statements_at(self, tenant: str, known_at: int) -> list[Statement]:
        """What held at an instant (µs)."""
        ...

    async def evidence(self, own_ids: Collection[str], as_of: int, known_at: int) -> list[Shown]:
        """The earliest event that showed each of these, alone and with each other one; of many, the earliest."""
        ...

    async def names(self, own_ids: Collection[str], tenant: str) -> dict[str, Identifier]:
        """Which identifiers have these own ids."""
        ...

    async def commands_wait(self) -> bool:
        """Whether any command waits."""
        ...

    async def pending(self, limit: int) -> list[Pending]:
        """The commands that wait, in order."""
        ...

    async def logins(self, own_ids: Collection[str]) -> dict[str, tuple[list[Point], int]]:
        """For each device its log-ins, and up to when it was seen alone (µs, 0 if it is not shared)."""
        ...

    async def relations(self, own_ids: Collection[str]) -> list[tuple[str, Evidence]]:
        """What was told of whom the persons with these identifiers belong to, each with its tenant."""
        ...

    async def members(self, subject_id: str, after: str, limit: int) -> list[str]:
        """Identifiers, by own id and in that order, that were ever told to belong to a subject."""
        ...

    async def count(self, tenant: str) -> Counts:
        """How many profiles and merges there are. Reads all of the tenant's identifiers."""
        ...

    async def step_events(self, limit: int) -> list[Event]:
        """At most `limit` kept events, by (event_time, id)."""
        ...

    def begin(self, work: UnitOfWork, tenant: str, statement: Statement, as_of: int) -> None:
        """A statement holds from now on."""
        ...

    def end(self, work: UnitOfWork, tenant: str, statement_id: str, as_of: int) -> None:
        """A statement does not hold any more."""
        ...

    def answer(self, work: UnitOfWork, pending: Pending, answer: Answer) -> None:
        """A command is done."""
        ...

    def write(self, work: UnitOfWork, tenant: str, changes: Changes) -> None:
        """Write what changed; fresh support of links is added to what is there, up to SUPPORT_COUNTED."""
        ...

    async def rules_changes(self) -> dict[str, RulesChange]:
        """The latest change of each tenant."""
        ...

    def write_rules_change(self, work: UnitOfWork, change: RulesChange) -> None:
        """A change has come so far."""
        ...

    async def page(self, tenant: str, after: str, limit: int) -> list[Placed]:
        """The next identifiers after an own id, in the order of their own ids."""
        ...

    async def shown(self, own_ids: Collection[str], most: int) -> dict[str, list[Link]]:
        """By own id: its links as they were written, of each other namespace at least the `most` earliest."""
        ...

    def relate(self, work: UnitOfWork, tenant: str, evidence: Sequence[Evidence]) -> None:
        """Write what was told of whom persons belong to."""
        ...

    def keep_step_events(self, work: UnitOfWork, events: Sequence[StepEvent]) -> None:
        """Keep events until their step is whole."""
        ...

    def drop_step_events(self, work: UnitOfWork, events: Sequence[Event]) -> None:
        """Forget kept events: they are resolved in the same unit of work."""
        ...


class IdentitySnapshots(Protocol):
    """Where stores that do not change can be had."""

    def snapshot(self) -> AbstractAsyncContextManager[IdentityStore]:
        """The tables as they are now, for reading only, whatever is written meanwhile."""
        ...
