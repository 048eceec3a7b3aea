"""Accounts and households of a scenario: who belongs to them, and what they are told."""

from collections.abc import Collection, Iterator

from cairn_journey import Programme
from cairn_journey.subjects.intervals import Interval, Point, intervals
from cairn_journey.subjects.rolled_up import changed, copies, traits
from cairn_journey.subjects.told import Kinds
from cairn_kernel.event import MERGED, Event


class Belonging:
    """What identity resolution does of it, for the customers of a scenario. Events and their copies, in order."""

    def __init__(self, programme: Programme) -> None:
        self.kinds = Kinds(programme.subjects.values())
        self._points: dict[str, list[Point]] = {}
        """By the customer of whom it was told."""
        self._heirs: dict[str, str] = {}

    def under(self, programme: Programme) -> None:
        """Another version is in force."""
        self.kinds = Kinds(programme.subjects.values())

    def follow(self, event: Event) -> Iterator[Event]:
        """What is told to subjects because of an event of a customer."""
        member = self._survivor(event.profile_id)
        for told in self.kinds.told(event):
            before = self._of(member, told.kind)
            self._points.setdefault(event.profile_id, []).append(Point(event.event_time, event.id, told))
            after = self._of(member, told.kind)
            for key in sorted({one.key for one in set(before) ^ set(after)}):
                yield changed(event, told.kind, key, member, before, after)
            abouts = [traits(self.kinds.by_name[told.kind], key, event) for key in told.keys]
            yield from (about for about in abouts if about is not None)
        for name, kind in self.kinds.by_name.items():
            yield from copies(kind, self._of(member, name), event)

    def join_or_part(self, event: Event, moved: Collection[str]) -> Iterator[Event]:
        """A merge, or a split by which these events turn out to be another's; `event` is either side's copy."""
        gone, stays = str(event.data["from"]), str(event.data["to"])
        if event.type == MERGED:
            self._heirs[gone] = stays
        else:
            self._heirs.pop(stays, None)
            points = self._points.pop(gone, [])
            self._points[gone] = [point for point in points if point.id not in moved]
            self._points.setdefault(stays, []).extend(point for point in points if point.id in moved)
        for kind in self.kinds.by_name:
            own = {one: self._of(one, kind) if self._survivor(one) == one else () for one in (gone, stays)}
            for key in sorted({one.key for found in own.values() for one in found}):
                for member, found in own.items():
                    yield changed(event, kind, key, member, (), found)

    def _of(self, member: str, kind: str) -> tuple[Interval, ...]:
        own = [one for one in self._points if self._survivor(one) == member]
        return intervals(point for one in own for point in self._points[one] if point.told.kind == kind)

    def _survivor(self, profile_id: str) -> str:
        while profile_id in self._heirs:
            profile_id = self._heirs[profile_id]
        return profile_id
