"""What time it is in each partition, by the domain's clock: live, or in the steps of a time-lapse."""

from collections.abc import Collection, Mapping
from typing import Final

from cairn_kernel.event import Event

LIVE: Final = "live"


class Clocks:
    """Modes are those of the last marker; a partition that never saw one runs live."""

    def __init__(self) -> None:
        self._modes: dict[int, tuple[int, str]] = {}
        self._now: dict[int, int] = {}

    def begin(self, partitions: Collection[int], modes: Mapping[int, tuple[int, str]]) -> None:
        """Take partitions over as they are stored."""
        for partition in partitions:
            self._modes.pop(partition, None)
            self._now.pop(partition, None)
        self._modes.update(modes)

    def live(self, partition: int) -> bool:
        """Whether time passes by itself there."""
        return self._modes.get(partition, (0, LIVE))[1] == LIVE

    def saw(self, partition: int, instant: int) -> None:
        """Everything up to an instant has been read."""
        self._now[partition] = max(instant, self._now.get(partition, 0))

    def now(self, partition: int) -> int:
        """The instant up to which everything has been read; 0 if nothing was."""
        return self._now.get(partition, 0)

    def pass_marker(self, partition: int, marker: Event) -> tuple[int, int, str]:
        """A step has ended there; returns the row to store."""
        step, mode = int(marker.data["step"]), str(marker.data["mode"])
        self._modes[partition] = (step, mode)
        self.saw(partition, marker.as_of)
        return (partition, step, mode)

    def whole_step(self, step: int, fronts: Mapping[int, Event], ours: Collection[int]) -> bool:
        """Whether each of our partitions has been read up to the end of a step."""
        return all(part in fronts or self._modes.get(part, (-1, LIVE))[0] >= step for part in ours)
