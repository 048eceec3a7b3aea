"""Fan-out: only the earliest links of an identifier into a namespace count, so that no identifier holds a crowd."""

from identity_resolution.domain.elements import Link, Node
from identity_resolution.domain.rules import Rules


def rank_link(link: Link, left: Node, right: Node, rules: Rules) -> tuple[list[Link], list[Node]]:
    """Rank a link, new or found to be older than thought, at both ends.

    Returns the links it displaces, and the ends that are generic: seen with more than `fan_out`
    identifiers of a namespace of which a person has one. Both follow from the set of evidence.

    A link that ranks at neither end need not be in memory: what displaced it is older, and stays
    older, unless an event shows the link even earlier, and then that event's time is its age.
    """
    displaced, generic = [], []
    for node, other in ((left, right), (right, left)):
        latest = _rank_at(link, node, other, rules)
        if latest is None:
            continue
        if rules.of(other.identifier.namespace).at_most == 1:
            generic.append(node)
        if latest is not link:
            displaced.append(latest)
    return displaced, generic


def _rank_at(link: Link, node: Node, other: Node, rules: Rules) -> Link | None:
    namespace = other.identifier.namespace
    node.links[other.identifier] = link
    _mark(link, node, ranked=True)
    peers = [peer for end, peer in node.links.items() if end.namespace == namespace and not peer.suggested]
    if len(peers) <= rules.of(namespace).fan_out:
        return None
    latest = max(peers, key=lambda peer: peer.age)
    left, right = latest.pair
    del node.links[right if left == node.identifier else left]
    _mark(latest, node, ranked=False)
    return latest


def _mark(link: Link, node: Node, *, ranked: bool) -> None:
    if link.pair[0] == node.identifier:
        link.left_ranked = ranked
    else:
        link.right_ranked = ranked
