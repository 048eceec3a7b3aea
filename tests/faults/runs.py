"""Runs of the small demo with a disturbance on chosen days."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cairn.activation.v1 import activation_pb2
from journeyctl.apply import apply_everywhere
from journeyctl.demo.front_door import FrontDoor
from journeyctl.demo.households import PERIODS, by_day
from journeyctl.demo.households import calls as calls_of
from journeyctl.demo.reading import fate
from journeyctl.demo.run import state_hash
from journeyctl.demo.stage import Stage, set_up
from journeyctl.demo.timelapse import Day, play
from journeyctl.embedded import THROWAWAY
from journeyctl.services import ask
from journeyctl.validate import load_or_tell

PROGRAMME = Path(__file__).parents[2] / "deploy" / "examples" / "retail"
LEASE_S = 2.0
"""Shorter than in earnest, so that whoever takes over need not wait long."""
MOMENT_S = 0.08
"""How far into a day a disturbance comes."""

Disturb = Callable[[Stage], None]


@dataclass
class Run:
    """How a run ended."""

    state_hash: str
    lost: int
    accepted: int
    mails: Counter[str]
    statuses: dict[str, int]
    notes: dict[str, object] = field(default_factory=dict)


def play_small(
    folder: Path,
    disturbances: Mapping[int, Disturb] | None = None,
    environment: Mapping[str, str] | None = None,
    prepare: Disturb = lambda stage: None,
    finish: Disturb = lambda stage: None,
) -> Run:
    """Play January; `disturbances` come into the day after the one whose number is their key."""
    period = PERIODS["small"]
    calls = calls_of(period)
    told = {"CAIRN_LEASE_TTL_S": str(LEASE_S), **(environment or {})}
    with set_up(folder, environment=told, postgres_settings=THROWAWAY) as stage:
        prepare(stage)
        apply_everywhere(stage.services, load_or_tell(PROGRAMME))
        saboteur = Saboteur(stage, disturbances or {})
        with FrontDoor(stage.front_door) as door:
            played = play(stage.services, door, by_day(calls, period), period, saboteur.on_day)
        saboteur.finish()
        finish(stage)
        fates = fate(stage.services, calls, played.sent)
        return Run(state_hash(stage.services), fates.lost, fates.accepted, stage.sinks.mails(), statuses(stage))


def statuses(stage: Stage) -> dict[str, int]:
    counts = ask(stage.services.deliveries.GetCounts, activation_pb2.GetCountsRequest()).statuses
    return {status: count for status, count in counts.items() if count}


class Saboteur:
    """Runs each disturbance in a thread of its own, a moment after its day has begun."""

    def __init__(self, stage: Stage, disturbances: Mapping[int, Disturb]) -> None:
        self._stage = stage
        self._waiting = dict(disturbances)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def on_day(self, day: Day) -> None:
        self.finish()
        disturb = self._waiting.pop(day.number, None)
        if disturb is not None:
            self._thread = threading.Thread(target=self._run, args=(disturb,))
            self._thread.start()

    def finish(self) -> None:
        """Wait for the disturbance that is under way. Raises what it raised."""
        if self._thread is not None:
            self._thread.join(timeout=120)
            self._thread = None
        if self._failure is not None:
            raise self._failure

    def _run(self, disturb: Disturb) -> None:
        time.sleep(MOMENT_S)
        try:
            disturb(self._stage)
        except BaseException as error:
            self._failure = error
