"""Recompute the clusters that an event touched: new borders, new profile ids, and what changed by it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Cluster, Link, Node, Refusal
from identity_resolution.domain.partition import connected, considered_links, people, standing
from identity_resolution.domain.rules import Blocked, Rules


class Regrouping(NamedTuple):
    """What a recomputation changed."""

    merges: tuple[tuple[str, str], ...] = ()
    splits: tuple[tuple[str, str], ...] = ()
    blocked: tuple[Identifier, ...] = ()
    changed_nodes: Sequence[Node] = ()
    changed_links: Sequence[Link] = ()


def regroup(
    clusters: Iterable[Cluster], touched_links: Iterable[Link], rules: Rules, blocked: set[Identifier]
) -> Regrouping:
    """Draw the clusters anew from the links of their nodes. Adds to `blocked` what held too many together.

    `touched_links` are judged too: they may have just ceased to rank anywhere.
    """
    clusters = list(clusters)
    nodes = [node for cluster in clusters for node in cluster.nodes]
    before = [(node, node.profile_id, node.cluster.root) for node in nodes]
    newly_blocked, pieces = _pieces_within_cap(nodes, rules, blocked)
    refused: set[Link] = set()
    for piece in pieces:
        groups, over_limit = people(piece, considered_links(piece, blocked), rules)
        refused |= over_limit
        for group in groups:
            _name(group, rules)
    _redraw(clusters, pieces)
    merges, splits = _moves(before)
    return Regrouping(
        merges,
        splits,
        newly_blocked,
        [node for node, profile_id, root in before if (node.profile_id, node.cluster.root) != (profile_id, root)],
        _judge(nodes, touched_links, refused, blocked),
    )


def _pieces_within_cap(
    nodes: list[Node], rules: Rules, blocked: set[Identifier]
) -> tuple[tuple[Identifier, ...], list[list[Node]]]:
    newly_blocked: list[Identifier] = []
    while True:
        pieces = connected(nodes, considered_links(nodes, blocked))
        too_large = [piece for piece in pieces if len(piece) > rules.component_cap]
        if not too_large:
            return tuple(newly_blocked), pieces
        for piece in too_large:
            offender = _offender(piece, rules, blocked)
            blocked.add(offender)
            newly_blocked.append(offender)


def _offender(piece: list[Node], rules: Rules, blocked: Blocked) -> Identifier:
    """The most linked of those a person may have several of; ties go to the weakest."""
    degrees = Counter(end for link in considered_links(piece, blocked) for end in link.pair)
    return max(degrees, key=lambda end: (rules.of(end.namespace).at_most > 1, degrees[end], rules.strength(end)))


def _name(group: list[Node], rules: Rules) -> None:
    """A person goes by the id of its earliest identifier."""
    founder = min(group, key=lambda node: (node.first_time, rules.strength(node.identifier)))
    founder.had_profile = True
    for node in group:
        node.profile_id = founder.own_id


def _redraw(clusters: list[Cluster], pieces: list[list[Node]]) -> None:
    known = set().union(*(cluster.known for cluster in clusters))
    last_used = max(cluster.last_used for cluster in clusters)
    for piece in pieces:
        own_ids = {node.own_id for node in piece}
        roots = Counter(node.cluster.root for node in piece)
        root, _ = max(roots.items(), key=lambda item: (item[0] in own_ids, item[1], item[0]))
        cluster = Cluster(root if root in own_ids else min(own_ids), piece, last_used)
        cluster.known |= known


def _moves(
    before: list[tuple[Node, str, str]],
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    founders = {node.own_id: node for node, _, _ in before}
    heirs = {old: founders[old].profile_id for _, old, _ in before if old}
    merges = sorted((old, heir) for old, heir in heirs.items() if heir != old)
    splits = {(old, node.profile_id) for node, old, _ in before if old and node.profile_id != heirs[old]}
    return tuple(merges), tuple(sorted(splits))


def _judge(nodes: list[Node], touched_links: Iterable[Link], refused: set[Link], blocked: Blocked) -> list[Link]:
    """Note at each link why it is refused, if it is; return those that changed."""
    links = {link.pair: link for link in touched_links}
    links.update((link.pair, link) for node in nodes for link in node.links.values())
    changed = []
    for link in links.values():
        refusal = standing(link, blocked) or (Refusal.CARDINALITY if link in refused else Refusal.NONE)
        if link.refusal != refusal:
            link.refusal = refusal
            changed.append(link)
    return changed
