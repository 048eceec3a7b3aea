"""What the graph is asked, what it answers, and what must be written afterwards."""

from typing import NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Link, Node


class Resolution(NamedTuple):
    """Whose event it is, and what the event taught us."""

    profile_id: str
    merges: tuple[tuple[str, str], ...] = ()
    """(from, to): profiles that live on under another id because of this event."""
    splits: tuple[tuple[str, str], ...] = ()
    """(profile, new profile): identifiers that left a profile because of this event."""
    blocked: tuple[Identifier, ...] = ()
    """Identifiers blocked because they held too many others together."""


class Missing(NamedTuple):
    """What must be looked up before a batch can be resolved."""

    identifiers: set[Identifier]
    profile_ids: set[str]


class Changes(NamedTuple):
    """What must be written."""

    nodes: list[Node]
    links: list[Link]
    blocked: list[Identifier]
