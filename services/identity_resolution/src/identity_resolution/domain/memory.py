"""What of the graph is in memory, and what the next event of the same identifiers needs of it.

No processor's cache holds millions of profiles, so an event costs what it touches of them. Most events teach nothing,
and touch one `Known`: it holds what follows from nodes, links and clusters, and is dropped when that changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE, strength
from identity_resolution.domain.elements import SUPPORT_COUNTED, WEEK, Cluster, Link, Node, Pair
from identity_resolution.domain.resolution import Resolution

FOR_EVER = 2**62
"""An instant (µs) that never comes."""

Key = tuple[Identifier, ...]
"""The identifiers of an event, as it carries them."""
Seats = tuple[tuple[str, Identifier | None], ...]
"""Devices by own id, each with who logs in on it."""


class Known:
    """What follows from an event's identifiers, unless it happened before `settled` or after `until`."""

    __slots__ = ("last_used", "links", "minute", "resolution", "seats", "settled", "until")

    def __init__(self, resolution: Resolution, nodes: Sequence[Node], links: Sequence[Link], seats: Seats) -> None:
        self.resolution = resolution
        self.settled = max([node.first_time for node in nodes] + [link.first[0] for link in links])
        """Earlier evidence would be news."""
        self.until = _end_of(min(link.last for link in links)) if links else FOR_EVER
        """From this instant (µs) on its links are known to have been shown too long ago."""
        self.links = _uncounted(links)
        """Those whose support still counts."""
        self.seats = seats
        self.minute = -1
        """The minute for which log-ins were noted last."""
        self.last_used = 0

    def count(self) -> Mapping[Pair, Link]:
        """One more event shows its links; returns those for which that counts."""
        counted = {link.pair: link for link in self.links if link.count()}
        self.links = _uncounted(self.links)
        return counted


class Memory:
    """Nodes, links and clusters by identifier."""

    def __init__(self) -> None:
        self.nodes: dict[Identifier, Node] = {}
        self.links: dict[Pair, Link] = {}
        self.known: dict[Key, Known] = {}
        self._by_own_id: dict[str, Node] = {}

    def __contains__(self, own_id: str) -> bool:
        """Whether the identifier with this own id is in memory."""
        return own_id in self._by_own_id

    def node(self, own_id: str) -> Node | None:
        """The identifier with this own id, if it is in memory."""
        return self._by_own_id.get(own_id)

    def put(self, node: Node) -> None:
        """Take in a node; it has its cluster."""
        self.nodes[node.identifier] = node
        self._by_own_id[node.own_id] = node

    def admit(self, clusters: Iterable[tuple[str, list[Node]]], links: Iterable[Link]) -> None:
        """Take in clusters as they were written, each with its root, and the links that rank at their nodes."""
        for root, nodes in clusters:
            Cluster(root, nodes)
            for node in nodes:
                self.put(node)
        for link in links:
            self._attach(self.links.setdefault(link.pair, link))

    def beside(self, identifiers: Iterable[Identifier]) -> set[Identifier]:
        """What is linked to identifiers in memory and is not in memory: a change of their bars concerns it."""
        known = [self.nodes[one] for one in identifiers if one in self.nodes]
        return {other for node in known for other in node.links if other not in self.nodes}

    def remember(self, event: Event, known: Known, nodes: Iterable[Node]) -> None:
        """The next event with the same identifiers needs no more than this."""
        key = tuple(self.nodes[one].identifier if one in self.nodes else one for one in event.identifiers)
        self.known[key] = known
        for node in nodes:
            if key not in node.cluster.keys:
                node.cluster.keys += (key,)

    def drop_known(self, node: Node) -> None:
        """Something about a node changed that `Known` tells."""
        for key in node.cluster.keys:
            self.known.pop(key, None)

    def evict(self, keep_nodes: int) -> list[str]:
        """Forget the clusters used longest ago until at most this many nodes stay, and return the nodes' own ids.

        Changes must have been taken.
        """
        forgotten: list[str] = []
        if len(self.nodes) <= keep_nodes:
            return forgotten
        clusters = {node.cluster.root: node.cluster for node in self.nodes.values()}
        for cluster in sorted(clusters.values(), key=self._last_used):
            if len(self.nodes) <= keep_nodes * 9 // 10:
                break
            forgotten += [node.own_id for node in cluster.nodes]
            self._forget(cluster)
        return forgotten

    def _last_used(self, cluster: Cluster) -> int:
        known = self.known
        return max([cluster.last_used, *(known[key].last_used for key in cluster.keys if key in known)])

    def _forget(self, cluster: Cluster) -> None:
        pairs = {link.pair for node in cluster.nodes for link in node.links.values()}
        for key in cluster.keys:
            self.known.pop(key, None)
            pairs.update(shown(named(key)))  # such a link need not rank at any node
        for node in cluster.nodes:
            del self.nodes[node.identifier]
            del self._by_own_id[node.own_id]
        for pair in pairs:
            link = self.links.get(pair)
            if link is not None and not self._ranks_in_memory(link):
                del self.links[pair]

    def _ranks_in_memory(self, link: Link) -> bool:
        left, right = link.pair
        return (link.left_ranked and left in self.nodes) or (link.right_ranked and right in self.nodes)

    def _attach(self, link: Link) -> None:
        left, right = link.pair
        for ranked, end, other in ((link.left_ranked, left, right), (link.right_ranked, right, left)):
            node = self.nodes.get(end)
            if ranked and node is not None:
                node.links[other] = link


def named(key: Key) -> Key:
    """The identifiers that are evidence, the strongest first."""
    return tuple(sorted({one for one in key if one.namespace != CAIRN_PROFILE}, key=strength))


def shown(identifiers: Sequence[Identifier]) -> Iterable[Pair]:
    """Which of an event's identifiers it links: the strongest to each other one, and each to the next.

    So two of them stay linked when the strongest turns out to name nobody in particular.
    """
    yield from ((identifiers[0], other) for other in identifiers[1:])
    yield from pairwise(identifiers[1:])


def _uncounted(links: Iterable[Link]) -> tuple[Link, ...]:
    return tuple(link for link in links if link.support < SUPPORT_COUNTED)


@lru_cache(maxsize=1_000)
def _end_of(week: int) -> int:
    """The same number for all that know it: an int of its own would be one more object to touch."""
    return (week + 1) * WEEK
