"""Who belongs to which account or household, in one tenant, as far as it is in memory.

What is told stays with the identifier whose event told it and follows that through merges and splits: a person
belongs where any of their identifiers does. It never joins two persons.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from cairn_journey.subjects.intervals import Interval, Point, intervals
from cairn_journey.subjects.rolled_up import changed, copies, traits
from cairn_journey.subjects.told import Kinds, Told, subject_id
from cairn_kernel.event import Event
from cairn_kernel.time import DAY
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.moves import Merged, Move
from identity_resolution.domain.resolution import Resolution

NO_KINDS: Final = Kinds()
Instant = tuple[int, str]
"""Time of an event (µs) and its id."""


class Evidence(NamedTuple):
    """The same thing told of one identifier on one day (UTC): only the first and the last time count."""

    own_id: str
    told: Told
    day: int
    first: Instant
    last: Instant

    def points(self) -> Iterator[Point]:
        """What it says when."""
        for at, id in {self.first, self.last}:
            yield Point(at, id, self.told)


_Version = tuple[tuple[str, int], ...]
"""What intervals follow from: identifiers, each with the number of changes to what was told of it."""


class _Known:
    """What was told of one identifier."""

    __slots__ = ("cached", "changes", "said")

    def __init__(self) -> None:
        self.said: dict[tuple[Told, int], Evidence] = {}
        self.changes = 0
        self.cached: tuple[_Version, dict[str, tuple[Interval, ...]]] = ((), {})


class Relations:
    """Relations of the identifiers that are in the graph's memory. Changes pile up until `take_changes`."""

    def __init__(self, kinds: Kinds = NO_KINDS) -> None:
        self.kinds = kinds
        self._known: dict[str, _Known] = {}
        self._changed: dict[tuple[str, Told, int], Evidence] = {}

    def under(self, kinds: Kinds) -> None:
        """These kinds are in force from now on."""
        if kinds is not self.kinds:
            self.kinds = kinds
            for known in self._known.values():
                known.cached = ((), {})

    def admit(self, stored: Iterable[Evidence]) -> None:
        """Take in what was written; what is in memory already stays."""
        for one in stored:
            known = self._known.setdefault(one.own_id, _Known())
            known.said.setdefault((one.told, one.day), one)
            known.changes += 1

    def forget(self, own_ids: Iterable[str]) -> None:
        """Those identifiers have left memory."""
        for own_id in own_ids:
            self._known.pop(own_id, None)

    def take_changes(self) -> list[Evidence]:
        """What is to be written since the last call."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def learn(self, own_id: str, told: Told, at: int, cause: str) -> None:
        """Something is told of an identifier, at a time (µs) and by an event or statement with an id."""
        day, instant = at // DAY, (at, cause)
        known = self._known.setdefault(own_id, _Known())
        before = known.said.get((told, day))
        if before is not None:
            first, last = min(before.first, instant), max(before.last, instant)
            if (first, last) == (before.first, before.last):
                return
        else:
            first = last = instant
        known.said[told, day] = self._changed[own_id, told, day] = Evidence(own_id, told, day, first, last)
        known.changes += 1

    def of(self, own_ids: Collection[str]) -> dict[str, tuple[Interval, ...]]:
        """By kind, from when to when the person with these identifiers belongs to what."""
        related = sorted(own_id for own_id in own_ids if own_id in self._known)
        if not related:
            return {}
        first = self._known[related[0]]
        version = tuple((own_id, self._known[own_id].changes) for own_id in related)
        if first.cached[0] != version:
            first.cached = (version, self._intervals(related))
        return first.cached[1]

    def follow(self, graph: IdentityGraph, event: Event, resolution: Resolution) -> Iterator[Event]:
        """What is told to subjects because of an event, and of what it did to profiles."""
        told: dict[str, Event] = {}
        ways = self.kinds.concerned(event.type)
        if not (ways or resolution.moves):
            return
        event = replace(event, profile_id=resolution.profile_id)
        if resolution.moves:
            told = {fact.id: fact for fact in self.retell(graph, event, resolution.moves)}
        for one in self.kinds.told(event):  # of what an event changes twice the latter counts
            told.update((fact.id, fact) for fact in self._say(graph, event, graph.holder(event, event.profile_id), one))
        yield from told.values()
        if self._known:
            belongs = self.of(graph.own_ids(event.profile_id))
            for kind in ways:
                yield from copies(kind, belongs.get(kind.name, ()), event)

    def say(self, graph: IdentityGraph, own_id: str, cause: Event, told: Told) -> Iterator[Event]:
        """Somebody relates a person, by an identifier, to a subject or ends that; `cause` carries time and profile."""
        yield from self._say(graph, cause, own_id, told)

    def retell(self, graph: IdentityGraph, cause: Event, moves: Iterable[Move]) -> Iterator[Event]:
        """Whose memberships are whose since profiles merged or split, to every subject of theirs."""
        told: set[str] = set()
        for move in moves:
            pair = (move.gone, move.heir) if isinstance(move, Merged) else (move.source, move.target)
            belong = {one: self.of(graph.own_ids(one)) if graph.survivor(one) == one else {} for one in pair}
            subjects = sorted({(kind, i.key) for own in belong.values() for kind, found in own.items() for i in found})
            for kind, key in subjects:
                for member in pair:
                    fact = changed(cause, kind, key, member, (), belong[member].get(kind, ()))
                    if fact.id not in told:
                        told.add(fact.id)
                        yield fact

    def _say(self, graph: IdentityGraph, cause: Event, own_id: str, told: Told) -> Iterator[Event]:
        member = cause.profile_id
        own_ids = {*graph.own_ids(member), own_id}
        before = self.of(own_ids).get(told.kind, ())
        self.learn(own_id, told, cause.event_time, cause.id)
        after = self.of(own_ids).get(told.kind, ())
        for key in sorted({one.key for one in set(before) ^ set(after)}):
            yield changed(cause, told.kind, key, member, before, after, author=told.author, reason=told.reason)
        kind = self.kinds.by_name.get(told.kind)
        abouts = [traits(kind, key, cause) for key in told.keys] if kind is not None else []
        yield from (about for about in abouts if about is not None)

    def _intervals(self, own_ids: Iterable[str]) -> dict[str, tuple[Interval, ...]]:
        points: dict[str, list[Point]] = {}
        for own_id in own_ids:
            for evidence in self._known[own_id].said.values():
                points.setdefault(evidence.told.kind, []).extend(evidence.points())
        return {kind: intervals(told) for kind, told in sorted(points.items()) if kind in self.kinds.by_name}


def subjects_of(tenant: str, told: Told) -> list[tuple[str, str]]:
    """Id and key of each subject that something told names."""
    return [(subject_id(tenant, told.kind, key), key) for key in told.keys]
