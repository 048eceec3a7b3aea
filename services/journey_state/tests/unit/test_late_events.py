"""What late events bring about is told from the end of a stream: it must be what the whole stream would say."""

from collections.abc import Iterable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_eventstore import Loaded, UnitOfWork
from cairn_eventstore.memory import MemoryEventStore
from cairn_journey import CustomerState, JourneyDomain, Programmes, load_text
from cairn_journey.engine.evolve import MEANING
from cairn_journey.engine.facts import REVISED
from cairn_journey.engine.stored import STORED
from cairn_kernel.event import (
    DEFINITION_ACTIVATED,
    MERGED,
    PAUSED,
    RESUMED,
    SPLIT,
    Event,
    Identifier,
    to_canonical_json,
    to_msgpack,
)
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.time import DAY
from cairn_messaging import Entry
from cairn_runtime import ProfileProcessor, Snapshots, profiles
from cairn_runtime.walks import Walk

QUARTER = DAY // 4
JOURNEY = """
kind: Journey
name: care
features:
  recent: {count: basket.purchased, window: 30d}
entry: [{on: basket.purchased}]
reentry: {after: 5d}
goal: {on: coupon.redeemed, value: event.amount, currency: EUR, within: 20d}
exit: [{on: account.closed}]
stages:
  - {name: active, on: basket.purchased}
  - {name: lapsing, after: {idle: basket.purchased, for: 6d}}
interventions:
  - name: offer
    trigger: {stage: lapsing}
    steps:
      - decide: {actions: [hello-email]}
      - wait: {until: {on: basket.purchased}, for: 2d}
      - decide: {actions: [hello-email]}
in_flight: {migrate: {}}
lateness: 4d
---
{kind: Connector, name: smtp, channel: email, idempotency: query}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: Hello}
---
{kind: Action, name: hello-email, class: marketing, treatments: [{channel: email, template: hello}]}
"""
PROGRAMMES = (
    load_text(JOURNEY),
    load_text(
        JOURNEY.replace("for: 6d", "for: 3d")
        .replace("lateness: 4d", "lateness: 6d")
        .replace("\nentry:", "\n  spent: {sum: basket.purchased, of: amount}\nentry:")
    ),
)
PEOPLE = {name: stable_id(name) for name in ("ada", "bob")}
SNAPSHOTS = Snapshots(CustomerState, meaning=MEANING)


class CountingStore(MemoryEventStore):
    """Counts what is read for late events."""

    def __init__(self) -> None:
        super().__init__()
        self.read_late = 0

    async def load_to_tell(self, effects: Any, format: str) -> dict[str, Loaded]:
        found = await super().load_to_tell(effects, format)
        self.read_late += sum(len(loaded.events) for loaded in found.values())
        return found


class Service:
    """Two profiles in memory, as the service has them; `snapshots`: or else it reads whole streams."""

    def __init__(self, *, snapshots: bool) -> None:
        self.store = CountingStore()
        self.programmes = Programmes()
        self.programmes.activate("default", PROGRAMMES[0])
        self.snapshots = SNAPSHOTS if snapshots else None
        self.position = 0
        self.begin()

    def begin(self) -> None:
        """Start, with nothing in memory."""
        self.domain = JourneyDomain(self.programmes)
        self.processor = ProfileProcessor(
            log_name="journeys",
            domain=self.domain,
            store=self.store,
            pool=cast(Any, None),  # nothing is ever parked
            cache_profiles=100,
            walk=self.domain.walk,
            stored=STORED,
            snapshots=self.snapshots,
        )

    async def take(self, events: Iterable[Event]) -> None:
        """One batch, as often as it takes."""
        waiting: dict[int, list[Entry]] = {}
        for event in events:
            self.position += 1
            partition = partition_of("default", event.profile_id)
            entry = Entry("resolved", partition, self.position, event.type, to_msgpack(event))
            waiting.setdefault(partition, []).append(entry)
        while any(waiting.values()):
            work = UnitOfWork()
            taken = await self.processor.process(waiting, work)
            assert any(taken.values())
            await self.commit(work)
            waiting = {partition: run[taken[partition] :] for partition, run in waiting.items()}

    async def walk(self, event: Event) -> None:
        """Tell both of a control event."""
        work = UnitOfWork()
        pages = [(Walk(partition_of("default", one), 1, "default", event, (), 0, ""), [one]) for one in PEOPLE.values()]
        await self.processor.walk(pages, work)
        await self.commit(work)

    async def commit(self, work: UnitOfWork) -> None:
        await self.store.commit(work)
        self.processor.committed(work)

    async def log(self) -> list[bytes]:
        found = [await self.store.read(partition, 0, 100_000) for partition in range(PARTITIONS)]
        return [to_canonical_json(stored.event) for run in found for stored in run]


class Course:
    """The same happens to two services: one reads streams from snapshots on, the other as a whole."""

    def __init__(self) -> None:
        self.services = [Service(snapshots=True), Service(snapshots=False)]
        self.now = 100 * DAY
        self.count = 0
        self.version = 0
        self.paused = False
        self.one = False
        self.batch: list[Event] = []

    def happened(self, name: str, type: str, ago: int, later: int) -> None:
        self.count += 1
        self.now += later * QUARTER
        self.batch.append(
            Event(
                id=stable_id("event", self.count),
                tenant="default",
                type=type,
                event_time=self.now - ago * QUARTER,
                as_of=self.now,
                source="shop",
                profile_id=PEOPLE["ada" if self.one else name],
                identifiers=(Identifier("user_id", name),),
                data={"tier": self.count % 3} if type == "profile.identified" else {"amount": 2.5},
            )
        )

    async def commit(self) -> None:
        batch, self.batch = self.batch, []
        for service in self.services:
            await service.take(batch)

    async def restart(self) -> None:
        await self.commit()
        for service in self.services:
            service.begin()

    async def two_sides(self) -> None:
        """Bob turns out to be Ada, or to be somebody else after all."""
        await self.commit()
        self.now += 1
        self.count += 1
        self.one = not self.one
        ada, bob = PEOPLE["ada"], PEOPLE["bob"]
        data = {"from": bob, "to": ada} if self.one else {"from": ada, "to": bob, "moved": ["user_id:bob"]}
        for side in ("from", "to"):
            about = self._control(MERGED if self.one else SPLIT, str(data[side]), data)
            self.batch.append(about)
        await self.commit()

    async def walk(self, kind: str) -> None:
        """A programme comes into force, or the journey is paused or goes on."""
        await self.commit()
        self.now += 1
        self.count += 1
        data: dict[str, Any] = {"journey": "care"}
        if kind == "activate":
            previous, self.version = PROGRAMMES[self.version], 1 - self.version
            data = {"version": PROGRAMMES[self.version].version, "previous": previous.version}
            type = DEFINITION_ACTIVATED
        else:
            self.paused = not self.paused
            type = PAUSED if self.paused else RESUMED
        for service in self.services:
            service.programmes.activate("default", PROGRAMMES[self.version])
            control = self._control(type, "", data)
            if kind != "activate":
                service.programmes.operate("default", control)
            await service.walk(control)

    def _control(self, type: str, profile_id: str, data: dict[str, Any]) -> Event:
        return Event(
            id=stable_id(type, self.count, profile_id),
            tenant="default",
            type=type,
            event_time=self.now,
            as_of=self.now,
            profile_id=profile_id,
            causation_id=stable_id("cause", self.count),
            data=data,
        )

    async def same(self) -> int:
        """Check that both logs are the same; how many events were revised."""
        await self.commit()
        one, other = [await service.log() for service in self.services]
        assert one == other
        return sum(REVISED.encode() in line for line in one)


TYPES = ["basket.purchased"] * 3 + ["coupon.redeemed", "account.closed", "profile.identified", "page.viewed"]
HAPPENED = st.tuples(
    st.sampled_from(sorted(PEOPLE)),
    st.sampled_from(TYPES),
    st.sampled_from([0, 0, 0, 1, 3, 8, 15, 16, 17, 30]),
    st.sampled_from([0, 0, 1, 2, 6]),
)
STEPS = st.one_of(
    *[HAPPENED] * 12, *[st.just("commit")] * 3, *map(st.just, ["restart", "merge or split", "activate", "pause"])
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=80))
async def test_from_snapshots_comes_the_log_of_whole_streams(steps: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profiles, "EVERY", 4)
        course = Course()
        for step in steps:
            match step:
                case "commit":
                    await course.commit()
                case "restart":
                    await course.restart()
                case "merge or split":
                    await course.two_sides()
                case "activate" | "pause":
                    await course.walk(step)
                case (name, type, ago, later):
                    course.happened(name, type, ago, later)
        await course.same()


@pytest.mark.parametrize("at_first", ["in order", "late"])
async def test_a_late_event_reads_the_end_of_a_long_stream(monkeypatch: pytest.MonkeyPatch, at_first: str) -> None:
    """All of it only once, whether the stream had been in order so far or not."""
    monkeypatch.setattr(profiles, "EVERY", 20)
    course = Course()
    service = course.services[0]
    read, lengths = 0, []
    for number in range(600):
        course.happened("ada", "page.viewed", 0, 1)
        if number % 6 == 5 and (at_first == "late" or number > 300):
            course.happened("ada", "basket.purchased", 3, 0)
            await course.commit()
            lengths.append(service.store.read_late - read)
            read = service.store.read_late
        await course.commit()
    assert await course.same() >= 50
    longest, next, *_ = sorted(lengths, reverse=True)
    assert longest > 300 if at_first == "in order" else longest < 100
    assert next < 100
