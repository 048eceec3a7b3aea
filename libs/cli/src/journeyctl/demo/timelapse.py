"""History, played day by day: what a day brought is sent, then the clock steps, and Cairn settles before the next."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import grpc

from cairn.ingestion.v1 import ingestion_pb2 as pb
from journeyctl.demo.front_door import FrontDoor
from journeyctl.demo.households import Call, Period
from journeyctl.services import ServiceRefused, Services, ask

STEP_TIMEOUT_S: Final = 120.0
_ATTEMPTS: Final = 60
_PAUSE_S: Final = 0.5
_AGAIN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

Answer = TypeVar("Answer")


class Day(NamedTuple):
    """Where the time-lapse stands."""

    number: int
    """From 1."""
    sent: int
    """Calls sent so far, repeats included."""
    sending_s: float
    stepping_s: float


class Played(NamedTuple):
    """How it went."""

    sent: int
    """Calls, repeats included; those of days that were over before this run counted once."""
    sent_here: int
    """Calls of this run."""
    sending_s: float
    """This run's time of sending: from a day's first call to the front door's last answer, over all days."""
    wall_s: float


class Bookmark:
    """The last day that was sent whole, in a file: its step may be ending, and then takes nothing more in."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """The number of that day; 0 if there is none."""
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return 0

    def write(self, number: int) -> None:
        """Day `number` was sent whole."""
        draft = self._path.with_suffix(".new")
        draft.write_text(str(number))
        draft.replace(self._path)


def play(
    services: Services,
    door: FrontDoor,
    days: Sequence[Sequence[Call]],
    period: Period,
    on_day: Callable[[Day], None] = lambda day: None,
    bookmark: Bookmark | None = None,
) -> Played:
    """Play all days that are not over yet; doing it again after a crash goes on where it stopped.

    Without a bookmark only a day that was not sent whole can be gone on with.
    """
    began = time.perf_counter()
    first = _open_step(services, period)
    sent_whole = bookmark.read() if bookmark else 0
    earlier = sum(map(len, days[: max(sent_whole, first - 1)]))
    sending_s = stepping_s = 0.0
    for number in range(first, len(days) + 1):
        started = time.perf_counter()
        if number > sent_whole:
            door.send(days[number - 1])
            if bookmark:
                bookmark.write(number)
        sent_at = time.perf_counter()
        _step(services, number, period)
        sending_s += sent_at - started
        stepping_s += time.perf_counter() - sent_at
        on_day(Day(number, earlier + door.sent, sending_s, stepping_s))
    return Played(earlier + door.sent, door.sent, sending_s, time.perf_counter() - began)


def _open_step(services: Services, period: Period) -> int:
    """The step that is open; the time-lapse is begun if need be."""
    clock = _insist(lambda: ask(services.clock.GetClock, pb.GetClockRequest(), wait_for_ready=True))
    if clock.open_step == 0:
        _step(services, 0, period)
        return 1
    return clock.open_step


def _step(services: Services, number: int, period: Period) -> None:
    request = pb.StepRequest(step=number)
    request.end_time.FromDatetime(period.start + timedelta(days=number))
    _insist(lambda: ask(services.clock.Step, request, timeout_s=STEP_TIMEOUT_S, wait_for_ready=True))


def _insist(question: Callable[[], Answer]) -> Answer:
    """Ask again while the service is away: a step may be repeated."""
    for _ in range(_ATTEMPTS):
        try:
            return question()
        except ServiceRefused as refused:
            if refused.code not in _AGAIN:
                raise
            time.sleep(_PAUSE_S)
    return question()
