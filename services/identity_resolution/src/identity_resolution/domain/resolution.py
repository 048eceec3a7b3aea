"""What the graph is asked, what it answers, and what must be written afterwards."""

from typing import NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Link, Node, Refusal
from identity_resolution.domain.moves import Move
from identity_resolution.domain.statements import Statement


class Bar(NamedTuple):
    """An identifier that the evidence shows to be shared, and how far touches of it alone are known."""

    identifier: Identifier
    why: Refusal
    last_touch: int = 0
    """µs."""


class Resolution(NamedTuple):
    """Whose event it is, and what the event taught us."""

    profile_id: str
    moves: tuple[Move, ...] = ()
    """What happened to profiles because of it, in the order in which it must be told."""
    blocked: tuple[Statement, ...] = ()
    """What the service had to block because it held too many others together."""
    barred: tuple[Bar, ...] = ()
    """Identifiers now seen with several people, or too many."""
    partition: int | None = None
    """Where all that the event becomes is written, if that was looked up already."""


class Missing(NamedTuple):
    """What must be looked up before a batch can be resolved."""

    identifiers: set[Identifier]
    profile_ids: set[str]


class Evidence(NamedTuple):
    """One event was the earliest so far to show an identifier, or two of them together."""

    left_id: str
    right_id: str
    """Equal to `left_id` where it is about one identifier alone."""
    event_time: int
    event_id: str
    as_of: int


class Membership(NamedTuple):
    """An identifier came to a profile."""

    own_id: str
    profile_id: str
    as_of: int


Login = tuple[str, int, int, str, str, str]
"""A log-in to be kept: device's own id, minute, µs, event id, namespace and token of the owner (empty: a log-out)."""


class Changes(NamedTuple):
    """What must be written."""

    nodes: list[Node]
    links: list[Link]
    evidence: list[Evidence]
    memberships: list[Membership]
    statements: list[Statement]
    bars: list[Bar]
    logins: list[Login]
    lifted: list[Identifier]
    """Identifiers whose bars are only those in `bars`, whatever was written before."""
