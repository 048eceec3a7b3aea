"""What the graph is made of: identifiers as nodes, links between them, and the clusters that links hold together."""

from enum import StrEnum
from sys import intern
from typing import Final

from cairn_kernel.event import Identifier
from cairn_kernel.time import DAY

SUPPORT_COUNTED: Final = 20
"""Support is counted so far and no further: known identifiers that meet again soon cost no write at all."""

WEEK: Final = 7 * DAY
"""When a link was shown last is known to the week: what is seen every day costs a write a week."""

Pair = tuple[Identifier, Identifier]
"""Two identifiers, the stronger first."""

OBSERVED: Final = -1.0
"""Weight of a link that events showed; any other weight is that of a suggestion."""


class Refusal(StrEnum):
    """Why a link does not join its two ends; empty if it does."""

    NONE = ""
    CARDINALITY = "CARDINALITY"
    """One person would have more identifiers of a namespace than the rules allow."""
    FAN_OUT = "FAN_OUT"
    """One end was linked earlier to as many identifiers of that namespace as count."""
    BLOCKED = "BLOCKED"
    """One end is blocked: it names nobody in particular."""
    GENERIC = "GENERIC"
    """One end was seen with more people than one identifier can name."""
    SHARED = "SHARED"
    """One end is a device that several people log in on."""
    DENIED = "DENIED"
    """Somebody said that they are not one person."""
    LAPSED = "LAPSED"
    """One end came to another owner after it had not been shown for longer than its namespace's valid_for."""
    CROWDED = "CROWDED"
    """Suggested links would hold more identifiers together than a cluster may have; they all let go."""


class Link:
    """Two identifiers that events showed together. All of it follows from the set of those events."""

    __slots__ = (
        "first",
        "fresh_support",
        "ids",
        "last",
        "left_ranked",
        "pair",
        "refusal",
        "right_ranked",
        "support",
        "weight",
    )

    def __init__(
        self,
        pair: Pair,
        ids: tuple[str, str],
        first: tuple[int, str],
        refusal: Refusal = Refusal.NONE,
        left_ranked: bool = False,
        right_ranked: bool = False,
        support: int = 0,
        weight: float = OBSERVED,
        last: int | None = None,
    ) -> None:
        self.pair = pair
        self.ids = ids
        """`own_id` of each end."""
        self.first = first
        """Time (µs) and id of the first event that showed it."""
        self.last = first[0] // WEEK if last is None else last
        """The last week in which an event showed it."""
        self.support = support
        """Events that showed it, counted up to SUPPORT_COUNTED; less where a link that ranks nowhere was not read."""
        self.fresh_support = 0
        """Those since it was last written."""
        self.refusal = refusal
        self.left_ranked = left_ranked
        """True if it is among the earliest `fan_out` links of its left end into the right end's namespace."""
        self.right_ranked = right_ranked
        self.weight = weight
        """OBSERVED, or how strongly matching suggests it (bits, 0 and more): suggestions are taken last."""

    def count(self) -> bool:
        """Count one more event that shows it; False if enough were counted."""
        if self.support >= SUPPORT_COUNTED:
            return False
        self.support += 1
        self.fresh_support += 1
        return True

    @property
    def suggested(self) -> bool:
        """True if no event showed it."""
        return self.weight != OBSERVED

    def show(self, at: tuple[int, str]) -> None:
        """An event shows it, at a time (µs) and with an id."""
        if self.suggested:
            self.first, self.weight, self.refusal = at, OBSERVED, Refusal.NONE
        else:
            self.first = min(self.first, at)
        self.last = max(self.last, at[0] // WEEK)

    @property
    def age(self) -> tuple[bool, tuple[int, str], Pair]:
        """Sort key: a total order, what was seen before what is suggested, earliest first."""
        return (self.suggested, self.first, self.pair)


class Cluster:
    """Nodes that links hold together, taken or refused for cardinality: what a new link can change, and no more."""

    __slots__ = ("keys", "last_used", "nodes", "root")

    def __init__(self, root: str, nodes: "list[Node]", last_used: int = 0) -> None:
        self.root = root
        """`own_id` of one of its nodes, so no two clusters share it."""
        self.nodes = nodes
        self.keys: tuple[tuple[Identifier, ...], ...] = ()
        """Identifiers of events that showed some of its nodes; from each of them follows who they are of."""
        self.last_used = last_used
        """The last batch that touched more than what follows from `keys`."""
        for node in nodes:
            node.cluster = self


class Node:
    """An identifier that some event showed."""

    __slots__ = ("cluster", "first_time", "had_profile", "identifier", "links", "own_id", "profile_id")

    cluster: Cluster

    def __init__(
        self, identifier: Identifier, own_id: str, first_time: int, profile_id: str = "", had_profile: bool = False
    ) -> None:
        self.identifier = Identifier(intern(identifier.namespace), identifier.token)
        self.own_id = own_id
        """Id of the profile that begins with this identifier."""
        self.first_time = first_time
        """Earliest event time (µs) that showed it."""
        self.profile_id = profile_id
        """The profile it belongs to now; empty until it is first resolved."""
        self.had_profile = had_profile
        """True once `own_id` was given out: if it belongs to another profile now, `own_id` is an alias of that."""
        self.links: dict[Identifier, Link] = {}
        """By other end: the links that rank here, at most `fan_out` per namespace, and those that matching suggests."""
