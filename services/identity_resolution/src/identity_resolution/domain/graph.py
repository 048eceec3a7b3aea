"""The identity graph of one tenant, as far as it is in memory.

`resolve` takes one event in. What it needs must have been admitted before: `missing` tells what
that is. Changes pile up until `take_changes`.
"""

from collections.abc import Iterable

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from identity_resolution.domain.elements import Cluster, Link, Node, Pair, Refusal
from identity_resolution.domain.partition import standing
from identity_resolution.domain.ranking import rank_link
from identity_resolution.domain.regroup import Regrouping, regroup
from identity_resolution.domain.resolution import Changes, Missing, Resolution
from identity_resolution.domain.rules import Rules


class _ShortCut:
    """What an event with known identifiers touches, unless it happened before `settled`."""

    __slots__ = ("links", "node", "settled")

    def __init__(self, node: Node, links: tuple[Link, ...], settled: int) -> None:
        self.node = node
        self.links = links
        self.settled = settled


class IdentityGraph:
    """Nodes, links and clusters by identifier, with a short cut per set of identifiers seen."""

    def __init__(self, tenant: str, rules: Rules, blocked: Iterable[Identifier] = ()) -> None:
        self.tenant = tenant
        self.rules = rules
        self.blocked = set(blocked)
        self.nodes: dict[Identifier, Node] = {}
        self.links: dict[Pair, Link] = {}
        self._by_own_id: dict[str, Node] = {}
        self._short_cuts: dict[tuple[Identifier, ...], _ShortCut] = {}
        self._changed_nodes: dict[Identifier, Node] = {}
        self._changed_links: dict[Pair, Link] = {}
        self._newly_blocked: list[Identifier] = []
        self._stale: set[str] = set()  # roots of clusters written before one of their identifiers was blocked

    # Reading

    def missing(self, events: Iterable[Event]) -> Missing:
        """The identifiers and profile ids of the events that are not in memory; they may be new."""
        short_cuts, nodes = self._short_cuts, self.nodes
        identifiers: set[Identifier] = set()
        profile_ids: set[str] = set()
        for event in events:
            if event.identifiers in short_cuts:
                continue
            for identifier in event.identifiers:
                if identifier.namespace == CAIRN_PROFILE:
                    if identifier.token not in self._by_own_id:
                        profile_ids.add(identifier.token)
                elif identifier not in nodes:
                    identifiers.add(identifier)
        return Missing(identifiers, profile_ids)

    def admit(self, clusters: Iterable[tuple[str, list[Node]]], links: Iterable[Link]) -> None:
        """Take in clusters as they were written, each with its root, and the links that rank at their nodes."""
        for root, nodes in clusters:
            Cluster(root, nodes)
            for node in nodes:
                self._index(node)
        for link in links:
            self._attach(self.links.setdefault(link.pair, link))

    def survivor(self, profile_id: str) -> str:
        """The profile that goes under this id now; the id itself if it is unknown."""
        node = self._by_own_id.get(profile_id)
        return node.profile_id if node else profile_id

    def look_up(self, event: Event) -> Resolution:
        """Whose event it is as far as we know, without learning from it."""
        for identifier in event.identifiers:
            if identifier.namespace != CAIRN_PROFILE:
                node = self.nodes.get(identifier)
                return Resolution(node.profile_id if node else stable_id("profile", self.tenant, *identifier))
        return self._by_reference(event)

    # Taking in events

    def resolve(self, event: Event, batch: int = 0) -> Resolution:
        """Whose event it is. Known identifiers cost a look-up; only news recomputes the clusters it touches."""
        short_cut = self._short_cuts.get(event.identifiers)
        if short_cut is not None and event.event_time > short_cut.settled:
            for link in short_cut.links:
                if link.count():
                    self._changed_links[link.pair] = link
            node = short_cut.node
            node.cluster.last_used = batch
            return Resolution(node.profile_id)
        identifiers = tuple(
            sorted(
                {identifier for identifier in event.identifiers if identifier.namespace != CAIRN_PROFILE},
                key=self.rules.strength,
            )
        )
        if not identifiers:
            return self._by_reference(event)
        return self._learn(event, identifiers, batch)

    def take_changes(self) -> Changes:
        """What changed since the last call; support counts start anew."""
        changes = Changes(list(self._changed_nodes.values()), list(self._changed_links.values()), self._newly_blocked)
        self._changed_nodes, self._changed_links, self._newly_blocked = {}, {}, []
        return changes

    def _by_reference(self, event: Event) -> Resolution:
        for identifier in event.identifiers:
            return Resolution(self.survivor(identifier.token))
        return Resolution(stable_id("profile", self.tenant, "event", event.id))

    def _learn(self, event: Event, identifiers: tuple[Identifier, ...], batch: int) -> Resolution:
        at = (event.event_time, event.id)
        news = False
        nodes = []
        for identifier in identifiers:
            node = self.nodes.get(identifier) or self._new_node(identifier, event.event_time)
            nodes.append(node)
            if not node.profile_id or event.event_time < node.first_time:
                node.first_time = min(node.first_time, event.event_time)
                self._changed_nodes[identifier] = node
                news = True
        links, touched_links = [], []
        for other in nodes[1:]:
            link, touched = self._show(nodes[0], other, at)
            links.append(link)
            touched_links += touched
        news = news or bool(touched_links) or any(node.cluster.root in self._stale for node in nodes)
        regrouping = self._regroup(nodes, touched_links) if news else Regrouping()
        owner = next((node for node in nodes if node.identifier not in self.blocked), nodes[0])
        self._remember(event.identifiers, owner, nodes, links)
        for node in nodes:
            node.cluster.last_used = batch
        return Resolution(owner.profile_id, regrouping.merges, regrouping.splits, regrouping.blocked)

    def _new_node(self, identifier: Identifier, first_time: int) -> Node:
        own_id = stable_id("profile", self.tenant, identifier.namespace, identifier.token)
        node = Node(identifier, own_id, first_time)
        Cluster(own_id, [node])
        self._index(node)
        return node

    def _show(self, left: Node, right: Node, at: tuple[int, str]) -> tuple[Link, list[Link]]:
        pair = (left.identifier, right.identifier)
        link = self.links.get(pair)
        news = link is None or at < link.first
        if link is None:
            link = self.links[pair] = Link(pair, (left.own_id, right.own_id), at)
        link.first = min(link.first, at)
        if link.count():
            self._changed_links[pair] = link
        touched = [link, *rank_link(link, left, right, self.rules)] if news else []
        self._changed_links.update((link.pair, link) for link in touched)
        return link, touched

    def _regroup(self, nodes: list[Node], touched_links: list[Link]) -> Regrouping:
        clusters = {node.cluster.root: node.cluster for node in nodes}
        self._stale.difference_update(clusters)
        regrouping = regroup(clusters.values(), touched_links, self.rules, self.blocked)
        for node in regrouping.changed_nodes:
            self._changed_nodes[node.identifier] = node
        for link in regrouping.changed_links:
            self._changed_links[link.pair] = link
        if regrouping.blocked:
            self._newly_blocked += regrouping.blocked
            self._short_cuts.clear()
        return regrouping

    # Memory

    def evict(self, keep_nodes: int) -> None:
        """Forget the clusters used longest ago until at most this many nodes stay. Changes must have been taken."""
        if len(self.nodes) <= keep_nodes:
            return
        clusters = {node.cluster.root: node.cluster for node in self.nodes.values()}
        for cluster in sorted(clusters.values(), key=lambda cluster: cluster.last_used):
            if len(self.nodes) <= keep_nodes * 9 // 10:
                return
            self._forget(cluster)

    def _forget(self, cluster: Cluster) -> None:
        links = {link.pair: link for node in cluster.nodes for link in node.links.values()}
        for key in cluster.known:
            short_cut = self._short_cuts.pop(key, None)
            if short_cut is not None:
                links.update((link.pair, link) for link in short_cut.links)
        for node in cluster.nodes:
            del self.nodes[node.identifier]
            del self._by_own_id[node.own_id]
        for link in links.values():
            if not self._ranks_in_memory(link):
                self.links.pop(link.pair, None)

    def _ranks_in_memory(self, link: Link) -> bool:
        left, right = link.pair
        return (link.left_ranked and left in self.nodes) or (link.right_ranked and right in self.nodes)

    def _index(self, node: Node) -> None:
        self.nodes[node.identifier] = node
        self._by_own_id[node.own_id] = node

    def _attach(self, link: Link) -> None:
        left, right = link.pair
        stale = link.refusal != Refusal.BLOCKED and standing(link, self.blocked) == Refusal.BLOCKED
        for ranked, end, other in ((link.left_ranked, left, right), (link.right_ranked, right, left)):
            node = self.nodes.get(end)
            if ranked and node is not None:
                node.links[other] = link
                if stale:
                    self._stale.add(node.cluster.root)

    def _remember(self, key: tuple[Identifier, ...], owner: Node, nodes: list[Node], links: list[Link]) -> None:
        settled = max([node.first_time for node in nodes] + [link.first[0] for link in links])
        self._short_cuts[key] = _ShortCut(owner, tuple(links), settled)
        for node in nodes:
            node.cluster.known.add(key)
