"""The identity graph from scratch, straight from its definition: slow, without memory, order-free by construction."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.domain.rules import Rules

Pair = tuple[Identifier, Identifier]


def who_is_who(
    evidence: Iterable[Event], rules: Rules, blocked: frozenset[Identifier] = frozenset()
) -> dict[Identifier, str]:
    """Identifier to profile id."""
    nodes: dict[Identifier, int] = {}
    links: dict[Pair, tuple[int, str]] = {}
    for event in {event.id: event for event in evidence}.values():
        identifiers = sorted(set(event.identifiers), key=rules.strength)
        for identifier in identifiers:
            nodes[identifier] = min(nodes.get(identifier, event.event_time), event.event_time)
        for other in identifiers[1:]:
            pair, at = (identifiers[0], other), (event.event_time, event.id)
            links[pair] = min(links.get(pair, at), at)
    ages = {pair: (first, pair) for pair, first in links.items()}
    ranks = Counter[Pair]()
    slots = defaultdict(list)
    for pair in links:
        for end, other in (pair, pair[::-1]):
            slots[end, other.namespace].append(pair)
    for (_, namespace), pairs in slots.items():
        ranks.update(sorted(pairs, key=ages.__getitem__)[: rules.of(namespace).fan_out])
    considered = [pair for pair in links if ranks[pair] == 2 and not blocked.intersection(pair)]
    considered.sort(key=lambda pair: (sum(rules.of(end.namespace).priority for end in pair), ages[pair]))
    person = {identifier: {identifier} for identifier in nodes}
    for left, right in considered:
        united = person[left] | person[right]
        counts = Counter(identifier.namespace for identifier in united)
        if all(count <= rules.of(namespace).at_most for namespace, count in counts.items()):
            for identifier in united:
                person[identifier] = united
    return {
        identifier: _name(min(group, key=lambda one: (nodes[one], rules.strength(one))))
        for identifier, group in person.items()
    }


def _name(founder: Identifier) -> str:
    return stable_id("profile", "default", founder.namespace, founder.token)
