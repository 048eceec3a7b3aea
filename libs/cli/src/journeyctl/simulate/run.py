"""A simulation from start to end: the log is spooled by partition, then each partition is replayed; on all cores.

Every stage of every partition ends with a file in the work directory that is there whole or not at all. A rerun does
only what has no file yet, so a simulation that was killed goes on.
"""

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from cairn.event.v1.event_pb2 import Batch
from cairn_journey import parse_bundle
from cairn_kernel.event import DEFINITION_ACTIVATED, WALKED, Event
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.two_sided import TWO_SIDED
from journeyctl.simulate.outcomes import Histories, Observed, observe
from journeyctl.simulate.question import Plan, Question, programmes
from journeyctl.simulate.recording import (
    Index,
    Past,
    People,
    Spool,
    elsewhere,
    past,
    read_index,
    reading,
    spool,
    write,
)
from journeyctl.simulate.replay import Replay
from journeyctl.simulate.shortcut import Shortcut
from journeyctl.simulate.tally import Tally, total
from journeyctl.virtual.customer import OUTCOMES, Customer
from journeyctl.virtual.world import World

OnProgress = Callable[[str, int], None]
"""Told the name of a stage and how many of its partitions are done."""

SPOOLING: Final = "reading the log"
GATHERING: Final = "joining profiles that are one person"
OBSERVING: Final = "looking at what came back of messages"
REPLAYING: Final = "replaying"


def _begin() -> None:
    gc.disable()  # a replay makes many objects and no cycles: looking for them costs a third of it


class Source(Protocol):
    """Where recorded events come from. It is sent to other processes, so it must be picklable."""

    def read(self, partition: int) -> Callable[[int, int], Batch | None]:
        """How to read a partition: what follows a position, at most so many."""
        ...

    def bundle(self, tenant: str, version: str) -> bytes | None:
        """A version of the programme that touchpoints name; None if nobody has it."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """The files of one simulation."""

    folder: Path

    def spool(self, partition: int) -> Path:
        """The events of a partition; complete once its index is there."""
        return self.folder / f"{partition:02}.events"

    def moved(self, partition: int, target: int) -> Path:
        """Profiles spooled in one partition that are replayed in another."""
        return self.folder / f"{partition:02}-{target:02}.moved"

    def done(self, stage: str, partition: int) -> Path:
        """Says that a stage is over in a partition, and what it found."""
        return self.folder / f"{partition:02}.{stage}"


def simulate(
    plan: Plan, source: Source, folder: Path, workers: int, on_progress: OnProgress = lambda stage, done: None
) -> Tally:
    """Answer a plan. The same plan gives the same tally, whatever the workers and however often it was interrupted."""
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(folder)
    question = plan.question
    partitions = [part for part in range(PARTITIONS) if plan.heads.get(part, 0) > 0]
    with _pool(workers) as pool:
        each = _Stages(pool, work, partitions, on_progress)
        each(SPOOLING, "index", _spool, work, source, plan)
        write(folder / "common", _common(work, source, plan, partitions))
        each(GATHERING, "gathered", _gather, work, plan)
        if question.assume == "observed":
            each(OBSERVING, "observed", _observe, work, plan)
            seen = (_read(work.done("observed", part), Histories) for part in partitions)
            write(folder / "observed", Histories().joined(seen))
        each(REPLAYING, "tally", _replay, work, plan)
    return total(_read(work.done("tally", part), Tally) for part in partitions)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_ready() -> None:
    """Start the process that workers are copies of; it imports all of this while its caller goes on."""
    get_context("forkserver").set_forkserver_preload([__name__])
    ensure_running()


@contextmanager
def _pool(workers: int) -> Iterator[Executor | None]:
    """As many processes, copies of one that has imported all of this; with one worker everything is done here."""
    if workers == 1:
        yield None
        return
    get_ready()
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver"), initializer=_begin) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@dataclass(frozen=True, slots=True)
class _Stages:
    """Does one stage after the other."""

    pool: Executor | None
    work: Work
    partitions: list[int]
    on_progress: OnProgress

    def __call__(self, stage: str, ending: str, task: Callable[..., None], *rest: Any) -> None:
        """Do a stage in all partitions that have no file with this ending yet."""
        todo = [part for part in self.partitions if not self.work.done(ending, part).exists()]
        done = len(self.partitions) - len(todo)
        self.on_progress(stage, done)
        if self.pool is None:
            for count, part in enumerate(todo, start=done + 1):
                task(part, *rest)
                self.on_progress(stage, count)
            return
        futures: list[Future[None]] = [self.pool.submit(task, part, *rest) for part in todo]
        for count, future in enumerate(as_completed(futures), start=done + 1):
            future.result()
            self.on_progress(stage, count)


def _spool(partition: int, work: Work, source: Source, plan: Plan) -> None:
    batches = reading(source.read(partition), plan.heads[partition])
    spool(work.spool(partition), plan.question.tenant, batches, plan.question.until)


class Common(msgspec.Struct):
    """What is known once all partitions are spooled."""

    ties: list[tuple[str, str]]
    """Profiles that merges and splits name together."""
    earlier: list[bytes]
    """Bundles of the versions that touchpoints name."""
    upto: dict[int, int]
    """How far time had passed in each partition (µs)."""
    walks: dict[int, list[Event]]
    """By partition: what everybody was told, and when."""
    settled: list[int]
    """Partitions that hold all that time alone has brought about."""


def _common(work: Work, source: Source, plan: Plan, partitions: list[int]) -> Common:
    indexes = {part: read_index(work.spool(part)) for part in partitions}
    versions = sorted({version for index in indexes.values() for version in index.versions} - {""})
    found = (source.bundle(plan.question.tenant, version) for version in versions)
    until = plan.question.until
    passed = {
        part: max(plan.complete_to.get(part, 0), index.step_ended) or index.last for part, index in indexes.items()
    }
    return Common(
        ties=[tie for index in indexes.values() for tie in index.ties],
        earlier=[bundle for bundle in found if bundle is not None],
        upto={part: at if until is None else min(at, until) for part, at in passed.items()},
        walks={part: walks for part, index in indexes.items() if (walks := _walks(index))},
        settled=[part for part, index in indexes.items() if plan.complete_to.get(part, 0) or index.step_ended],
    )


def _walks(index: Index) -> list[Event]:
    """What concerns many, in order of time; one of which nobody there took notice counts from when it was commanded."""
    found = (walk for walk in index.walks if walk.type != DEFINITION_ACTIVATED)
    timed = (walk if walk.as_of else replace(walk, as_of=walk.event_time) for walk in found)
    return sorted(timed, key=lambda walk: (walk.as_of, walk.id))


def _gather(partition: int, work: Work, plan: Plan) -> None:
    """Put the profiles that are replayed elsewhere where they are looked for."""
    people = _people(work.folder)
    with Spool(work.spool(partition)) as own:
        for target, profiles in elsewhere(people, plan.question.tenant, own.index).items():
            write(work.moved(partition, target), {profile: own.raw(profile) for profile in profiles})
    write(work.done("gathered", partition), True)


def _persons(partition: int, work: Work, plan: Plan) -> Iterator[dict[str, Past]]:
    """Everybody replayed in a partition: profile by profile in order of id, with all that are the same person."""
    people, walks = _people(work.folder), _common_of(work.folder).walks
    strangers: dict[str, list[tuple[int, bytes]]] = {}
    for other in plan.heads:
        path = work.moved(other, partition)
        if path.exists():
            strangers |= msgspec.msgpack.decode(path.read_bytes(), type=dict[str, list[tuple[int, bytes]]])
    with Spool(work.spool(partition)) as own:
        gone = {each for profiles in elsewhere(people, plan.question.tenant, own.index).values() for each in profiles}
        here = {people.person(profile) for profile in {*own.index.entries, *strangers} - gone}
        for person in sorted(here):
            members = people.members.get(person, [person])
            found = {each: strangers.get(each) or own.raw(each) for each in members}
            yield {
                each: past(entries, walks.get(partition_of(plan.question.tenant, each), ()))
                for each, entries in found.items()
                if entries
            }


def _observe(partition: int, work: Work, plan: Plan) -> None:
    """Note what came back of the messages that the programme in force sends."""
    before, _ = programmes(plan.question)
    world = World(before, plan.question.tenant)
    histories = Histories()
    for members in _persons(partition, work, plan):
        for profile_id, (touchpoints, *_) in members.items():
            if any(event.type.startswith(OUTCOMES) for event in touchpoints):
                customer = Customer(world, profile_id)
                for event in touchpoints:
                    if event.type not in TWO_SIDED and event.type not in WALKED:
                        customer.take(event)
                observe(touchpoints, customer.made, histories)
    write(work.done("observed", partition), Histories().joined([histories]))


def _replay(partition: int, work: Work, plan: Plan) -> None:
    question = plan.question
    seen = _read(work.folder / "observed", Histories) if question.assume == "observed" else None
    common = _common_of(work.folder)
    replay = Replay(
        *_worlds(work.folder, question),
        upto=common.upto,
        walks=common.walks,
        since=question.since,
        observed=Observed(seen) if seen is not None else None,
        shortcut=_shortcut(work.folder, question),
    )
    for members in _persons(partition, work, plan):
        replay.person(members)
    write(work.done("tally", partition), replay.tally.finished())


@lru_cache(maxsize=1)
def _worlds(folder: Path, question: Question) -> tuple[World, World, World]:
    """In force, changed, and as recorded."""
    before, after = programmes(question)
    earlier = [parse_bundle(bundle) for bundle in _common_of(folder).earlier]
    tenant = question.tenant
    return World(before, tenant), World(after, tenant), World(before, tenant, earlier)


@lru_cache(maxsize=1)
def _shortcut(folder: Path, question: Question) -> Shortcut | None:
    if question.verify:
        return None
    return Shortcut.between(*_worlds(folder, question), settled=frozenset(_common_of(folder).settled))


@lru_cache(maxsize=1)
def _people(folder: Path) -> People:
    return People(_common_of(folder).ties)


@lru_cache(maxsize=1)
def _common_of(folder: Path) -> Common:
    found: Common = _read(folder / "common", Common)
    return found


def _read(path: Path, type: type[Any]) -> Any:
    return msgspec.msgpack.decode(path.read_bytes(), type=type)
