"""The shared devices of a graph: whose the moments on them are, and what moves when that turns out otherwise."""

from collections.abc import Collection, Iterable, Mapping

from cairn_kernel.event import Identifier
from cairn_kernel.time import MINUTE
from identity_resolution.domain.devices import DeviceRules, Point, Stretch, Timeline, changes
from identity_resolution.domain.elements import Node, Refusal
from identity_resolution.domain.memory import Seats
from identity_resolution.domain.moves import Move, Split
from identity_resolution.domain.reassess import Anew
from identity_resolution.domain.resolution import Bar
from identity_resolution.domain.unwritten import Unwritten

NOBODY = ("", "")
"""Written in place of the owner of a log-out."""


class SharedDevices:
    """The log-ins on the shared devices in memory, and those of devices that may turn out to be shared."""

    def __init__(self, nodes: Mapping[Identifier, Node], unwritten: Unwritten) -> None:
        self._nodes = nodes
        self._unwritten = unwritten
        self._timelines: dict[Identifier, Timeline] = {}
        self._history: dict[Identifier, list[Point]] = {}

    def __contains__(self, device: Identifier) -> bool:
        return device in self._timelines

    def owners(self, device: Identifier) -> set[Identifier]:
        """Who ever logged in on a shared device."""
        return self._timelines[device].owners()

    def owner(self, device: Identifier, at: int) -> Identifier:
        """Whose an instant (µs) on a shared device is: the device's own if nobody is at it."""
        return self._timelines[device].owner(at) or device

    def admit(self, device: Identifier, rules: DeviceRules, points: list[Point], last_touch: int) -> None:
        """Take in what was written of a shared device."""
        timeline = self._timelines[device] = Timeline(rules, points)
        timeline.last_touch = last_touch

    def admit_history(self, device: Identifier, points: list[Point]) -> None:
        """Take in the log-ins on a device that may turn out to be shared before the next changes are taken."""
        self._history[device] = points

    def forget_history(self) -> None:
        """All log-ins are written."""
        self._history.clear()

    def keep(self, identifiers: Collection[Identifier]) -> None:
        """Only these are in memory."""
        for device in [one for one in self._timelines if one not in identifiers]:
            del self._timelines[device]

    def log_in(self, seats: Seats, at: int, event_id: str) -> None:
        """An event with an id shows at a time (µs) who is at which device."""
        for own_id, owner in seats:
            self._unwritten.logins.append((own_id, at // MINUTE, at, event_id, *(owner or NOBODY)))

    def begin(self, device: Node, rules: DeviceRules, at: int) -> list[Move]:
        """A device is shared: all that nobody else is named in has just come to its own profile up to an instant (µs).

        Log-ins give it to people.
        """
        fresh = [
            Point(time, event_id, Identifier(namespace, token) if namespace else None)
            for own_id, _, time, event_id, namespace, token in self._unwritten.logins
            if own_id == device.own_id
        ]
        points = [*self._history.pop(device.identifier, ()), *fresh]
        timeline = self._timelines[device.identifier] = Timeline(rules, points)
        self.touch(device.identifier, at)
        return self.moved(device, changes(None, timeline, timeline.last_touch))

    def add(self, device: Node, point: Point) -> list[Move]:
        """A log-in on a shared device came to be known."""
        return self.moved(device, self._timelines[device.identifier].add(point))

    def end(self, device: Identifier) -> None:
        """A device is not shared any more, or names nobody at all."""
        self._timelines.pop(device, None)

    def hand_over(self, device: Node, anew: Anew) -> list[Stretch]:
        """Other rules may hold for a device; what changes hands by that."""
        before, after = (Timeline(rules, anew.points) if rules else None for rules in anew.hands)
        if after is not None:
            self._timelines[device.identifier] = after
            after.last_touch = anew.last_touch
        elif before is not None:
            self.end(device.identifier)
        return changes(before, after, anew.last_touch)

    def touch(self, device: Identifier, at: int) -> None:
        """Remember, to the minute, up to when (µs) something was seen on a shared device."""
        timeline = self._timelines[device]
        upto = (at // MINUTE + 1) * MINUTE
        if upto > timeline.last_touch:
            timeline.last_touch = upto
            self._unwritten.bars[device] = Bar(device, Refusal.SHARED, upto)

    def moved(self, device: Node, stretches: Iterable[Stretch]) -> list[Move]:
        """What that means for the profiles that people on the device have now."""
        told: list[Move] = []
        only = (device.identifier,)
        for stretch in stretches:
            source = self._holder(device, stretch.before)
            target = self._holder(device, stretch.after)
            if source != target:
                told.append(Split(source, target, only, (), only, stretch.since, stretch.until))
        return told

    def _holder(self, device: Node, owner: Identifier | None) -> str:
        node = device if owner is None else self._nodes.get(owner, device)
        return node.profile_id
