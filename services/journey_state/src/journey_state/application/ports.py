"""What the questions need."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from cairn_kernel.event import Event
from cairn_runtime.walks import Command


@dataclass(frozen=True, slots=True)
class JourneyCount:
    """How many customers did what in one journey."""

    journey: str
    entered: int
    in_flight: int
    goal: int
    goal_value: Decimal
    currency: str
    exited: int
    stages: dict[str, int]
    stage_entries: dict[str, int]
    stage_transitions: dict[str, int]
    control: str
    """paused, drain or now; empty if it runs."""
    attributed: int
    frictions: dict[str, int]
    health: dict[str, int]
    """Open instances by band, without those that are well."""
    dwell_seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class InstanceQuery:
    """Which open instances: of a journey (empty: all), in a stage (None: any), after an id, at most so many."""

    tenant: str
    journey: str
    stage: str | None
    after: str
    limit: int


class InstanceAt(NamedTuple):
    """Where an open instance is found."""

    instance_id: str
    profile_id: str


class CustomerReader(Protocol):
    """Streams and counts as they are committed."""

    async def stream(self, profile_id: str) -> Sequence[Event]:
        """All facts of a profile, oldest first; none if it is unknown."""
        ...

    async def tails(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Event]]:
        """The facts of profiles after a version each, oldest first; nothing for those without any."""
        ...

    async def instances(self, query: InstanceQuery) -> Sequence[InstanceAt]:
        """Open instances in order of id."""
        ...

    def streams(self, tenant: str) -> AsyncIterator[tuple[str, Sequence[Event]]]:
        """Every customer's stream, in order of profile id; merged ones are left out."""
        ...

    async def counts(self, tenant: str) -> tuple[int, Sequence[JourneyCount]]:
        """Number of customers, and the counts of each journey in order of name."""
        ...


Keeping = Callable[[str], str]
"""From how a journey is controlled now to how it shall be (paused, drain, now; empty: it runs). Raises Refused."""


@dataclass(frozen=True, slots=True)
class Control:
    """A journey that is paused or stopped, since an instant (µs), by a walk."""

    journey: str
    mode: str
    since: int
    walk: int


@dataclass(frozen=True, slots=True)
class WalkProgress:
    """How far a walk has come."""

    type: str
    visited: int
    changed: int
    partitions_left: int


class Controls(Protocol):
    """Commands, written once."""

    async def tell(self, command: Command, request_id: str, digest: bytes, keep: Keeping) -> int:
        """Write a command for all partitions and how its journey is controlled from now on, in one transaction.

        Returns the number of its walk; that of the first time if the request id was answered. Raises Conflict
        (REQUEST_ID_REUSED) if it was answered to another request, and whatever `keep` raises.
        """
        ...

    async def occupied(self, tenant: str, journey: str) -> bool:
        """Whether somebody is in the journey."""
        ...

    async def progress(self, walk: int) -> WalkProgress | None:
        """How far a walk has come; None if there is no such walk."""
        ...

    async def list(self, tenant: str) -> Sequence[Control]:
        """What is paused or stopped, in order of journey."""
        ...
