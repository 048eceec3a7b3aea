"""Other ways to link the same events: none at all of the care, and limits applied as events come."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Final

from tests.bench.shared_identifiers import JUNK, Happened

from cairn_kernel.event import Identifier

LIMITS: Final = {"user_id": 1, "email": 5, "anonymous_id": 20}


class _Union:
    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}
        self.counts: dict[Hashable, Counter[str]] = {}

    def find(self, name: Hashable, namespace: str) -> Hashable:
        parent = self._parent
        if name not in parent:
            parent[name] = name
            self.counts[name] = Counter([namespace])
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(self, roots: Iterable[Hashable]) -> Hashable:
        first, *others = dict.fromkeys(roots)
        for other in others:
            self._parent[other] = first
            self.counts[first] += self.counts.pop(other)
        return first


def naive(events: Iterable[Happened]) -> dict[str, Hashable]:
    """What shares any identifier is one: union-find."""
    return _joined(events, lambda one, identifier: identifier)


def oracle(events: Iterable[Happened]) -> dict[str, Hashable]:
    """The best that linking can do: as naive, had each person their own spelling of what they share."""
    return _joined(events, lambda one, identifier: (identifier, one.person))


def _joined(events: Iterable[Happened], name) -> dict[str, Hashable]:  # type: ignore[no-untyped-def]
    union = _Union()
    events = list(events)
    for one in events:
        union.join(union.find(name(one, identifier), identifier.namespace) for identifier in one.event.identifiers)
    return {
        one.event.id: union.find(name(one, one.event.identifiers[0]), one.event.identifiers[0].namespace)
        for one in events
    }


def flat_limits(events: Iterable[Happened], blocked: frozenset[Identifier] = frozenset({JUNK})) -> dict[str, Hashable]:
    """Limits and priorities as events arrive: over a limit, the weakest identifier of the event is dropped."""
    union = _Union()
    events = list(events)
    owner: dict[str, tuple[Hashable, str]] = {}
    for one in events:
        names = [identifier for identifier in one.event.identifiers if identifier not in blocked]
        while names:
            roots = dict.fromkeys(union.find(identifier, identifier.namespace) for identifier in names)
            united = sum((union.counts[root] for root in roots), Counter[str]())
            if len(roots) == 1 or all(united[namespace] <= limit for namespace, limit in LIMITS.items()):
                break
            names.pop()
        union.join(roots)
        owner[one.event.id] = (names[0], names[0].namespace)
    return {id: union.find(*names) for id, names in owner.items()}
