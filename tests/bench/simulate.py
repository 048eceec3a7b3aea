"""A simulation: recorded events of a year of shopping replayed under two programmes on all cores.

`simulate` is measured from the recorded log to the answer, for one change and others; its limit is decoding the same
events on as many cores. What is imported, here and in the process that workers are copies of, is not in it.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure

from cairn.event.v1.event_pb2 import Batch
from cairn_journey import JourneyDomain, Programme, Programmes, load_directory
from cairn_kernel.event import Event, from_msgpack, to_msgpack
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.time import DAY, HOUR, parse_instant
from cairn_messaging.frames import batch_of
from journeyctl.simulate.question import Plan, Question
from journeyctl.simulate.run import cores, simulate

PROGRAMME: Final = Path("deploy/examples/retail")
CUSTOMERS: Final = 2_500
DAYS: Final = 365
AIM_EPS: Final = 33_400
_SOONER: Final = ("idle: basket.purchased, for: 30d", "idle: basket.purchased, for: 21d")
TYPICAL: Final = "sooner"
CHANGES: Final[dict[str, tuple[str, str, bool]]] = {
    TYPICAL: (*_SOONER, False),
    "words": ('"Welcome"', '"Hello"', False),
    "policy": ("max: 1, per: 7d", "max: 1, per: 14d", False),
    "feature": ("window: 90d", "window: 60d", False),
    "verify": (*_SOONER, True),
}
"""What is changed, by name: old and new text, and whether everything is replayed twice.

The typical change is that of the guide. That of a feature is the worst: the whole journey may differ at each event.
"""
BEGIN: Final = parse_instant("2026-01-01")


@dataclass(frozen=True)
class Source:
    """A recording in files, as LogService would give it."""

    folder: Path

    def read(self, partition: int) -> "Pages":
        return Pages(self.folder / f"{partition}.log")

    def bundle(self, tenant: str, version: str) -> bytes:
        return (self.folder / version).read_bytes()


@dataclass(frozen=True)
class Pages:
    path: Path

    def __call__(self, after: int, limit: int) -> Batch | None:
        return None if after else Batch.FromString(self.path.read_bytes())


def measure() -> list[Figure]:
    """`simulate`, as it is for other changes, and `simulate.decode`."""
    before = load_directory(PROGRAMME)
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as name:
        folder = Path(name)
        heads, bodies = _record(before, folder)
        decode = _decode(bodies)
        rates = {}
        for what, (old, new, verify) in CHANGES.items():
            question = Question(
                tenant="default",
                before=before.bundle(),
                after=_changed(folder / what, old, new).bundle(),
                since=None,
                until=None,
                assume="none",
                verify=verify,
            )
            rates[what] = _rate(question, heads, folder)
    typical = rates.pop(TYPICAL)
    return [
        Figure("simulate", typical, "events/s", AIM_EPS, {"simulate.decode": typical / decode}),
        *(Figure(f"simulate.{what}", rate, "events/s") for what, rate in rates.items()),
        Figure("simulate.decode", decode, "events/s"),
    ]


def _rate(question: Question, heads: dict[int, int], folder: Path) -> float:
    """Events/s from the recorded log to the answer."""
    upto = dict.fromkeys(range(PARTITIONS), BEGIN + DAYS * DAY)
    began = time.perf_counter()
    tally = simulate(Plan(question, heads, upto), Source(folder), folder / question.key, cores())
    ended = time.perf_counter()
    if not 0 < tally.checked == tally.reproduced or tally.extra:
        raise AssertionError("the simulation does not reproduce what was recorded")
    return tally.events / (ended - began)


def _changed(folder: Path, old: str, new: str) -> Programme:
    """The programme with other words in it."""
    for path in PROGRAMME.rglob("*"):
        target = folder / path.relative_to(PROGRAMME)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            target.write_text(path.read_text().replace(old, new))
    return load_directory(folder)


def _record(programme: Programme, folder: Path) -> tuple[dict[int, int], list[list[bytes]]]:
    """What journey-state's log would hold: heads, and the touchpoints alone, by partition."""
    programmes = Programmes()
    programmes.activate("default", programme)
    domain = JourneyDomain(programmes)
    (folder / programme.version).write_bytes(programme.bundle())
    logs: dict[int, list[Event]] = {}
    for number in range(CUSTOMERS):
        profile = stable_id("bench", number)
        state = domain.initial("default", profile)
        log = logs.setdefault(partition_of("default", profile), [])
        for event in _year(number, profile):
            facts, state = domain.handle(state, event)
            log += facts
        log += domain.tick(state, BEGIN + DAYS * DAY)[0]
    for partition, log in logs.items():
        (folder / f"{partition}.log").write_bytes(batch_of("journeys", partition, 1, log).SerializeToString())
    bodies = [[to_msgpack(fact) for fact in log if not fact.type.startswith("journey.")] for log in logs.values()]
    return {partition: len(log) for partition, log in logs.items()}, bodies


def _year(number: int, profile: str) -> Iterator[Event]:
    """A customer who buys about every five days, pauses now and then, and tells who they are at first."""
    chance = random.Random(number)
    at = BEGIN + chance.randrange(30 * DAY)
    yield _event("profile.identified", profile, at, {"kids_count": chance.choice(["0", "1", "2"]), "locale": "en"})
    while at < BEGIN + DAYS * DAY:
        yield _event(
            "basket.purchased", profile, at, {"amount": chance.randrange(100, 9_000) / 100, "items": 7, "store": "330"}
        )
        at += chance.randrange(HOUR, 6 * DAY) if chance.random() < 0.95 else chance.randrange(20 * DAY, 50 * DAY)


def _event(type: str, profile: str, at: int, data: dict[str, object]) -> Event:
    return Event(
        id=stable_id(type, profile, at), tenant="default", type=type, event_time=at, as_of=at, source="bench",
        profile_id=profile, data=data,
    )  # fmt: skip


def _decode(bodies: list[list[bytes]]) -> float:
    """Events/s of decoding alone, on as many cores."""
    events = sum(map(len, bodies))
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
        list(pool.map(_decode_all, [[], []]))  # they have started
        began = time.perf_counter()
        list(pool.map(_decode_all, bodies))
        return events / (time.perf_counter() - began)


def _decode_all(bodies: list[bytes]) -> int:
    return sum(from_msgpack(body).as_of > 0 for body in bodies)
