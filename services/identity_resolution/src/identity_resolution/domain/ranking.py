"""Fan-out: only the earliest links of an identifier into a namespace count, so that no identifier holds a crowd."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.devices import DeviceRules, SharedBy
from identity_resolution.domain.elements import Link, Node, Pair, Refusal
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


class Standing(NamedTuple):
    """What all links of an identifier say of it."""

    ranked: tuple[Link, ...]
    """Those that rank at it."""
    bars: frozenset[Refusal]
    """GENERIC, SHARED, both or none."""


def standing_of(identifier: Identifier, shown: Iterable[Link], rules: Rules, devices: DeviceRules) -> Standing:
    """How an identifier stands under the rules; `shown` holds, of each namespace, its `fan_out` + 1 earliest links."""
    by_namespace: dict[str, list[Link]] = {}
    ranked: list[Link] = []
    for link in shown:
        if not link.suggested:
            by_namespace.setdefault(_other(link, identifier).namespace, []).append(link)
        elif ranks_at(link, identifier):
            ranked.append(link)
    bars = set[Refusal]()
    may_be_shared = devices.policy is not SharedBy.FIRST and rules.is_device(identifier)
    for namespace, links in sorted(by_namespace.items()):
        rule = rules.of(namespace)
        first = sorted(links, key=lambda link: link.age)[: rule.fan_out]
        ranked += first
        if rule.at_most == 1 and len(links) > rule.fan_out:
            bars.add(Refusal.GENERIC)
        if rule.at_most == 1 and len(first) > 1 and may_be_shared:
            bars.add(Refusal.SHARED)
    return Standing(tuple(ranked), frozenset(bars))


def ranks_at(link: Link, identifier: Identifier) -> bool:
    """Whether a link is noted to rank at one of its ends."""
    return link.left_ranked if link.pair[0] == identifier else link.right_ranked


def rank_anew(node: Node, ranked: Iterable[Link], known: dict[Pair, Link]) -> list[Link]:
    """Let these links, and no others, rank at a node; returns those of which that is news."""
    keep: Mapping[Identifier, Link] = {
        _other(link, node.identifier): known.setdefault(link.pair, link) for link in ranked
    }
    news = []
    for other in [other for other in node.links if other not in keep]:
        link = node.links.pop(other)
        _mark(link, node, ranked=False)
        news.append(link)
    for other, link in keep.items():
        if other not in node.links:
            node.links[other] = link
            _mark(link, node, ranked=True)
            news.append(link)
    return news


def _other(link: Link, identifier: Identifier) -> Identifier:
    left, right = link.pair
    return right if left == identifier else left


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
