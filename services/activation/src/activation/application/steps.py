"""The steps of a time-lapse: what may go out by a marker, and when the marker may be passed on."""

from collections.abc import Collection, Mapping, Sequence

from activation.application.clocks import Clocks
from activation.application.desk import Desk
from activation.application.turn import LOG, Turn
from activation.application.watch import Watch
from cairn_eventstore import NewEvent
from cairn_kernel.event import MARKER, Event, from_msgpack, marker
from cairn_kernel.ids import stable_id
from cairn_messaging import Entry


class Steps:
    """Markers stay unread until everything due by then is known; then they are passed on with what made it known."""

    def __init__(self, desk: Desk, clocks: Clocks, watch: Watch) -> None:
        self._desk = desk
        self._clocks = clocks
        self._watch = watch
        self._read: dict[int, tuple[int, Event]] = {}

    def forget(self, partitions: set[int]) -> None:
        """These partitions are not ours."""
        for partition in partitions:
            self._read.pop(partition, None)

    def fronts(self, entries: Mapping[int, Sequence[Entry]]) -> dict[int, Event]:
        """The marker of each partition that has one next."""
        return {part: self._front(run[0]) for part, run in entries.items() if run and run[0].type == MARKER}

    def release(self, fronts: Mapping[int, Event], ours: Collection[int]) -> None:
        """Let go out what waited for its hour. A time-lapse waits for the whole step: merges span partitions."""
        for partition in ours:
            front = fronts.get(partition)
            if self._clocks.live(partition):
                self._desk.release({partition}, max(self._clocks.now(partition), front.as_of if front else 0))
            elif front and self._clocks.whole_step(int(front.data["step"]), fronts, ours):
                self._desk.release({partition}, front.as_of)

    def end(self, fronts: Mapping[int, Event], turn: Turn) -> set[int]:
        """Pass on the markers of partitions in which everything due by then is known; returns those partitions."""
        ended: set[int] = set()
        for partition, front in fronts.items():
            if self._desk.unsettled(partition, front.as_of):
                continue
            step, mode = int(front.data["step"]), str(front.data["mode"])
            own = marker(LOG, partition, step=step, at=front.as_of, mode=mode)
            turn.work.appends.append(NewEvent(partition, stable_id("markers", LOG, partition), step + 1, own))
            turn.modes.append(self._clocks.pass_marker(partition, front))
            ended.add(partition)
        self._watch.held([partition for partition in fronts if partition not in ended])
        return ended

    def _front(self, entry: Entry) -> Event:
        known = self._read.get(entry.partition)
        if known is None or known[0] != entry.position:
            known = self._read[entry.partition] = (entry.position, from_msgpack(entry.body))
        return known[1]
