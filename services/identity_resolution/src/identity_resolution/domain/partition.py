"""Who is one person: groups of nodes, from the links between them, in an order that no arrival can change."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import OBSERVED, WEEK, Link, Node, Refusal
from identity_resolution.domain.rules import NamespaceRule, Rules
from identity_resolution.domain.statements import Side, Stated


def standing(link: Link, barred: Mapping[Identifier, Refusal]) -> Refusal:
    """Why a link cannot even be considered, if so; limits and denials are judged later, in order."""
    if not (link.left_ranked and link.right_ranked):
        return Refusal.FAN_OUT
    if link.refusal == Refusal.CROWDED:
        return Refusal.CROWDED
    left, right = link.pair
    if barred and (left in barred or right in barred):
        return barred.get(left) or barred[right]
    return Refusal.NONE


def considered_links(nodes: Iterable[Node], stated: Stated) -> list[Link]:
    """The links between the nodes that may join them."""
    links = {link.pair: link for node in nodes for link in node.links.values()}
    return [link for link in links.values() if not standing(link, stated.barred)]


def connected(nodes: Sequence[Node], links: Iterable[Link], stated: Stated) -> list[list[Node]]:
    """The nodes in pieces that links and statements hold together, whatever the limits."""
    forest = Forest(nodes)
    for link in links:
        forest.join(*link.pair)
    for statement in stated.asserted(node.identifier for node in nodes):
        if statement.left[0] in forest and statement.right[0] in forest:
            forest.join(statement.left[0], statement.right[0])
    return forest.groups()


def people(
    nodes: Sequence[Node], links: Sequence[Link], rules: Rules, stated: Stated
) -> tuple[list[list[Node]], dict[Link, Refusal]]:
    """The groups of a connected piece, each one person, and the links refused for a limit or a denial.

    A piece within all limits, of which nobody denies anything, is one person. Otherwise what people
    said to be the same is joined first, then links are taken one by one: seen before suggested,
    strongest ends first, then earliest, each unless the person it would make breaks a limit or a
    denial. What has lapsed is not taken at all. Neither support counts nor arrival enter the order,
    so it is a function of the set of evidence.
    """
    gone = lapsed(nodes, rules)
    if not gone and within_limits(nodes, rules) and not _disputed(nodes, stated):
        return [list(nodes)], {}
    judge = Judge(nodes, rules, stated)
    judge.take_statements()
    refused = dict.fromkeys(gone.intersection(links), Refusal.LAPSED)
    links = [link for link in links if link not in gone]
    for link in sorted(links, key=lambda link: canonical_order(link, rules)):
        refusal = judge.take(*link.pair)
        if refusal:
            refused[link] = refusal
    return judge.forest.groups(), refused


def lapsed(nodes: Iterable[Node], rules: Rules) -> set[Link]:
    """Links of an identifier that were shown last more than valid_for before its newest owner's first evidence."""
    found: set[Link] = set()
    if not rules.lapses:
        return found
    for node in nodes:
        valid_us = rules.of(node.identifier.namespace).valid_us
        seen = [(end, link) for end, link in node.links.items() if not link.suggested] if valid_us else []
        newest = max((link.first[0] for end, link in seen if rules.is_person(end)), default=0)
        found.update(link for _, link in seen if (link.last + 1) * WEEK + (valid_us or 0) <= newest)
    return found


def within_limits(nodes: Iterable[Node], rules: Rules) -> bool:
    """Whether these could be one person as far as numbers go."""
    totals = Counter(node.identifier.namespace for node in nodes)
    return all(count <= rules.of(namespace).at_most for namespace, count in totals.items())


def canonical_order(link: Link, rules: Rules) -> tuple[bool, float, object]:
    """Sort key of links: the order in which they are taken."""
    left, right = link.pair
    if link.weight == OBSERVED:
        return (False, rules.of(left.namespace).priority + rules.of(right.namespace).priority, link.age)
    return (True, -link.weight, link.pair)


def _disputed(nodes: Iterable[Node], stated: Stated) -> bool:
    denied = stated.denied
    return bool(denied) and any(denied.get(node.identifier) for node in nodes)


class Judge:
    """Joins nodes one pair after the other, each unless a limit or a denial forbids it."""

    def __init__(self, nodes: Sequence[Node], rules: Rules, stated: Stated) -> None:
        self.forest = Forest(nodes)
        self._rules = rules
        self._stated = stated
        self._members = {node.identifier: [node] for node in nodes}
        self._sides = {node.identifier: set(stated.denied.get(node.identifier, ())) for node in nodes}

    def take_statements(self) -> None:
        """Join what people said to be the same."""
        for statement in self._stated.asserted(self._members):
            left, right = statement.left[0], statement.right[0]
            if left in self.forest and right in self.forest:
                self._join(left, right, limited=False)

    def take(self, left: Identifier, right: Identifier) -> Refusal:
        """Join the persons of two identifiers; what forbids it, if anything."""
        return self._join(left, right, limited=True)

    def denial(self, left: Identifier, right: Identifier) -> str:
        """Id of a statement that keeps the persons of two identifiers apart; empty if there is none."""
        return _denial(self._sides[self.forest.find(left)], self._sides[self.forest.find(right)])

    def broken_limit(self, left: Identifier, right: Identifier) -> str:
        """The namespace of which the united person would have too many; empty if there is none."""
        return self._over(self.forest.find(left), self.forest.find(right))

    def _join(self, left: Identifier, right: Identifier, *, limited: bool) -> Refusal:
        left, right = self.forest.find(left), self.forest.find(right)
        if left == right:
            return Refusal.NONE
        if _denial(self._sides[left], self._sides[right]):
            return Refusal.DENIED
        if limited and self._over(left, right):
            return Refusal.CARDINALITY
        root = self.forest.join(left, right)
        other = right if root == left else left
        self._members[root] += self._members.pop(other)
        self._sides[root] |= self._sides.pop(other)
        return Refusal.NONE

    def _over(self, left: Identifier, right: Identifier) -> str:
        """Statements may have brought a person over a limit; nothing else may bring it further."""
        ours = _times(self._members[left])
        theirs = _times(self._members[right])
        for namespace in sorted(ours.keys() & theirs.keys()):
            rule = self._rules.of(namespace)
            united = _most(ours[namespace] + theirs[namespace], rule)
            if united > rule.at_most and united > max(_most(ours[namespace], rule), _most(theirs[namespace], rule)):
                return namespace
        return ""


def _times(nodes: Iterable[Node]) -> dict[str, list[int]]:
    times: dict[str, list[int]] = {}
    for node in nodes:
        times.setdefault(node.identifier.namespace, []).append(node.first_time)
    return times


def _most(times: list[int], rule: NamespaceRule) -> int:
    """How many count against the limit: all, or the most that were first seen within one window."""
    if rule.window_us is None or len(times) <= rule.at_most:
        return len(times)
    times = sorted(times)
    return max(index + 1 - bisect_left(times, at - rule.window_us + 1) for index, at in enumerate(times))


def _denial(left: set[Side], right: set[Side]) -> str:
    if not left or not right:
        return ""
    return min((statement for statement, is_left in left if (statement, not is_left) in right), default="")


class Forest:
    """Union-find over the identifiers of nodes."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._parent = {node.identifier: node.identifier for node in nodes}

    def __contains__(self, identifier: Identifier) -> bool:
        return identifier in self._parent

    def find(self, identifier: Identifier) -> Identifier:
        """The identifier that stands for the group."""
        parent = self._parent
        while parent[identifier] != identifier:
            parent[identifier] = parent[parent[identifier]]
            identifier = parent[identifier]
        return identifier

    def join(self, left: Identifier, right: Identifier) -> Identifier:
        """Unite two groups; the identifier that stands for both."""
        root = self.find(left)
        self._parent[self.find(right)] = root
        return root

    def groups(self) -> list[list[Node]]:
        """The nodes by group."""
        groups: dict[Identifier, list[Node]] = {}
        for node in self._nodes:
            groups.setdefault(self.find(node.identifier), []).append(node)
        return list(groups.values())
