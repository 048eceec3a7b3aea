"""The identity graph from scratch, straight from its definition: slow, without memory, order-free by construction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import strength
from cairn_kernel.ids import stable_id
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Kind, Statement

Pair = tuple[Identifier, Identifier]


def who_is_who(
    evidence: Iterable[Event],
    rules: Rules,
    statements: Sequence[Statement] = (),
    suggested: Mapping[Pair, float] | None = None,
) -> dict[Identifier, str]:
    """Identifier to profile id."""
    nodes: dict[Identifier, int] = {}
    links: dict[Pair, tuple[int, str]] = {}
    for event in {event.id: event for event in evidence}.values():
        identifiers = sorted(set(event.identifiers), key=strength)
        for identifier in identifiers:
            nodes[identifier] = min(nodes.get(identifier, event.event_time), event.event_time)
        shown = [(identifiers[0], other) for other in identifiers[1:]] + list(pairwise(identifiers[1:]))
        for pair in shown:
            at = (event.event_time, event.id)
            links[pair] = min(links.get(pair, at), at)
    blocked, allowed = _said(statements, Kind.BLOCK), _said(statements, Kind.ALLOW)
    considered = _considered(links, rules, blocked, allowed, suggested or {})
    person = {identifier: {identifier} for identifier in nodes}
    for statement in sorted(statements, key=lambda one: (one.at, one.id)):
        if statement.kind == Kind.SAME and statement.left[0] in nodes and statement.right[0] in nodes:
            _unite(person, statement.left[0], statement.right[0], statements, rules, limited=False)
    for left, right in considered:
        _unite(person, left, right, statements, rules, limited=True)
    return {
        identifier: _name(min(group, key=lambda one: (nodes[one], rules.strength(one))))
        for identifier, group in person.items()
    }


def _said(statements: Iterable[Statement], kind: Kind) -> set[Identifier]:
    return {identifier for statement in statements if statement.kind == kind for identifier in statement.left}


def _considered(
    links: dict[Pair, tuple[int, str]],
    rules: Rules,
    blocked: set[Identifier],
    allowed: set[Identifier],
    suggested: Mapping[Pair, float],
) -> list[Pair]:
    ages = {pair: (first, pair) for pair, first in links.items()}
    ranks = Counter[Pair]()
    slots = defaultdict(list)
    for pair in links:
        for end, other in (pair, pair[::-1]):
            slots[end, other.namespace].append(pair)
    barred = set(blocked)
    for (end, namespace), pairs in slots.items():
        rule = rules.of(namespace)
        ranks.update(sorted(pairs, key=ages.__getitem__)[: rule.fan_out])
        shared = rules.is_device(end) and len(pairs) > 1
        if rule.at_most == 1 and (shared or len(pairs) > rule.fan_out) and end not in allowed:
            barred.add(end)
    considered = [pair for pair in links if ranks[pair] == 2 and not barred.intersection(pair)]
    considered.sort(key=lambda pair: (sum(rules.of(end.namespace).priority for end in pair), ages[pair]))
    alike = [pair for pair in suggested if pair not in links and not barred.intersection(pair)]
    return considered + sorted(alike, key=lambda pair: (-suggested[pair], pair))


def _unite(
    person: dict[Identifier, set[Identifier]],
    left: Identifier,
    right: Identifier,
    statements: Iterable[Statement],
    rules: Rules,
    *,
    limited: bool,
) -> None:
    if person[left] is person[right]:
        return
    united = person[left] | person[right]
    for said in statements:
        if said.kind == Kind.NOT_SAME:
            for one, other in ((person[left], person[right]), (person[right], person[left])):
                if one.intersection(said.left) and other.intersection(said.right):
                    return
    counts = Counter(identifier.namespace for identifier in united)
    had = [Counter(identifier.namespace for identifier in person[end]) for end in (left, right)]
    if limited and any(
        count > max(rules.of(namespace).at_most, had[0][namespace], had[1][namespace])
        for namespace, count in counts.items()
    ):
        return
    for identifier in united:
        person[identifier] = united


def _name(founder: Identifier) -> str:
    return stable_id("profile", "default", founder.namespace, founder.token)
