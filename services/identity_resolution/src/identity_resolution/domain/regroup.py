"""Recompute the clusters that an event touched: new borders, new profile ids, and what changed by it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Cluster, Link, Node, Refusal
from identity_resolution.domain.moves import Move, Was, moves
from identity_resolution.domain.partition import connected, considered_links, people, standing
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Stated


class Regrouping(NamedTuple):
    """What a recomputation changed."""

    moves: tuple[Move, ...] = ()
    crowded: tuple[Identifier, ...] = ()
    """Identifiers that hold too many together and were set aside: the caller blocks them."""
    changed_nodes: Sequence[Node] = ()
    changed_links: Sequence[Link] = ()


def regroup(clusters: Iterable[Cluster], touched_links: Iterable[Link], rules: Rules, stated: Stated) -> Regrouping:
    """Draw the clusters anew from the links of their nodes. Bars in `stated` what holds too many together.

    `touched_links` are judged too: they may have just ceased to rank anywhere.
    """
    clusters = list(clusters)
    nodes = [node for cluster in clusters for node in cluster.nodes]
    before = [Was(node, node.profile_id, node.cluster.root, node.had_profile) for node in nodes]
    crowded, dropped, pieces = _pieces_within_cap(nodes, rules, stated)
    refused: dict[Link, Refusal] = {}
    for piece in pieces:
        groups, against = people(piece, considered_links(piece, stated), rules, stated)
        refused |= against
        for group in groups:
            _name(group, rules)
    _redraw(clusters, pieces)
    told: tuple[Move, ...] = ()
    if any(was.profile_id and was.profile_id != was.node.profile_id for was in before):
        strongest = sorted((node.identifier for node in nodes), key=rules.strength)
        told = moves(before, strongest, stated.barred)
    return Regrouping(
        told,
        crowded,
        [was.node for was in before if (was.node.profile_id, was.node.cluster.root, was.node.had_profile) != was[1:]],
        [*dropped, *_judge(nodes, touched_links, refused, stated.barred)],
    )


def _pieces_within_cap(
    nodes: list[Node], rules: Rules, stated: Stated
) -> tuple[tuple[Identifier, ...], list[Link], list[list[Node]]]:
    """What is to be blocked, suggested links that let go, and the pieces that remain."""
    crowded: list[Identifier] = []
    dropped: list[Link] = []
    while True:
        pieces = connected(nodes, considered_links(nodes, stated), stated)
        too_large = [piece for piece in pieces if len(piece) > rules.component_cap]
        suggested = [link for piece in too_large for link in considered_links(piece, stated) if link.suggested]
        if suggested:  # a crowd that matching makes is no reason to block anybody's identifier
            for link in suggested:
                link.refusal = Refusal.CROWDED
            dropped += suggested
            continue
        offenders = [one for piece in too_large if rules.sets_aside for one in _offender(piece, rules, stated)]
        if not offenders:
            return tuple(crowded), dropped, pieces
        for offender in offenders:
            stated.barred[offender] = Refusal.BLOCKED
            crowded.append(offender)


def _offender(piece: list[Node], rules: Rules, stated: Stated) -> list[Identifier]:
    """The most linked of those a person may have several of; ties go to the weakest. None if only people hold it."""
    degrees = Counter(end for link in considered_links(piece, stated) for end in link.pair)
    if not degrees:
        return []
    return [max(degrees, key=lambda end: (rules.of(end.namespace).at_most > 1, degrees[end], rules.strength(end)))]


def _name(group: list[Node], rules: Rules) -> None:
    """A person goes by the id of its earliest identifier."""
    founder = min(group, key=lambda node: (node.first_time, rules.strength(node.identifier)))
    founder.had_profile = True
    for node in group:
        node.profile_id = founder.own_id


def _redraw(clusters: list[Cluster], pieces: list[list[Node]]) -> None:
    keys = tuple(dict.fromkeys(key for cluster in clusters for key in cluster.keys))
    last_used = max(cluster.last_used for cluster in clusters)
    for piece in pieces:
        own_ids = {node.own_id for node in piece}
        roots = Counter(node.cluster.root for node in piece)
        root, _ = max(roots.items(), key=lambda item: (item[0] in own_ids, item[1], item[0]))
        cluster = Cluster(root if root in own_ids else min(own_ids), piece, last_used)
        cluster.keys = keys


def _judge(
    nodes: list[Node],
    touched_links: Iterable[Link],
    refused: Mapping[Link, Refusal],
    barred: Mapping[Identifier, Refusal],
) -> list[Link]:
    """Note at each link why it is refused, if it is; return those that changed."""
    links = {link.pair: link for link in touched_links}
    links.update((link.pair, link) for node in nodes for link in node.links.values())
    changed = []
    for link in links.values():
        refusal = standing(link, barred) or refused.get(link, Refusal.NONE)
        if link.refusal != refusal:
            link.refusal = refusal
            changed.append(link)
    return changed
