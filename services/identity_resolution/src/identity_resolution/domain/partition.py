"""Who is one person: groups of nodes, from the links between them, in an order that no arrival can change."""

from collections import Counter
from collections.abc import Iterable, Sequence

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Link, Node, Refusal
from identity_resolution.domain.rules import Blocked, Rules


def standing(link: Link, blocked: Blocked) -> Refusal:
    """Why a link cannot even be considered, if so; cardinality is judged later, in order."""
    if link.pair[0] in blocked or link.pair[1] in blocked:
        return Refusal.BLOCKED
    return Refusal.NONE if link.left_ranked and link.right_ranked else Refusal.FAN_OUT


def considered_links(nodes: Iterable[Node], blocked: Blocked) -> list[Link]:
    """The links between the nodes that may join them."""
    links = {link.pair: link for node in nodes for link in node.links.values()}
    return [link for link in links.values() if not standing(link, blocked)]


def connected(nodes: Sequence[Node], links: Iterable[Link]) -> list[list[Node]]:
    """The nodes in pieces that the links hold together, whatever the limits."""
    forest = _Forest(nodes)
    for link in links:
        forest.join(*link.pair)
    return forest.groups()


def people(nodes: Sequence[Node], links: Sequence[Link], rules: Rules) -> tuple[list[list[Node]], set[Link]]:
    """The groups of a connected piece, each one person, and the links refused for cardinality.

    A piece within all limits is one person. Otherwise links are taken one by one, strongest ends
    first, then earliest, each unless the person it would make breaks a limit. Neither support
    counts nor arrival enter the order, so it is a function of the set of evidence.
    """
    totals = Counter(node.identifier.namespace for node in nodes)
    if all(count <= rules.of(namespace).at_most for namespace, count in totals.items()):
        return [list(nodes)], set()
    forest = _Forest(nodes)
    counts = {node.identifier: Counter([node.identifier.namespace]) for node in nodes}
    refused = set()
    for link in sorted(links, key=lambda link: canonical_order(link, rules)):
        left, right = (forest.find(end) for end in link.pair)
        if left == right:
            continue
        united = counts[left] + counts[right]
        if any(count > rules.of(namespace).at_most for namespace, count in united.items()):
            refused.add(link)
        else:
            counts[forest.join(left, right)] = united
    return forest.groups(), refused


def canonical_order(link: Link, rules: Rules) -> tuple[int, tuple[tuple[int, str], object]]:
    """Sort key of links: the order in which they are taken."""
    left, right = link.pair
    return (rules.of(left.namespace).priority + rules.of(right.namespace).priority, link.age)


class _Forest:
    """Union-find over identifiers."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._parent = {node.identifier: node.identifier for node in nodes}

    def find(self, identifier: Identifier) -> Identifier:
        parent = self._parent
        while parent[identifier] != identifier:
            parent[identifier] = parent[parent[identifier]]
            identifier = parent[identifier]
        return identifier

    def join(self, left: Identifier, right: Identifier) -> Identifier:
        root = self.find(left)
        self._parent[self.find(right)] = root
        return root

    def groups(self) -> list[list[Node]]:
        groups: dict[Identifier, list[Node]] = {}
        for node in self._nodes:
            groups.setdefault(self.find(node.identifier), []).append(node)
        return list(groups.values())
