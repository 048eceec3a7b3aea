"""A recording as journey-state would have made it: the engine's own facts, by partition."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from cairn.event.v1.event_pb2 import Batch
from cairn_journey import JourneyDomain, Programme, Programmes, load_text
from cairn_journey.engine.walking import OPERATED
from cairn_kernel.event import MERGED, SPLIT, WALKED, Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.time import DAY
from cairn_messaging.frames import batch_of

CATALOGUE = """
---
{kind: Connector, name: smtp, channel: email, idempotency: query}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: Hello}
---
{kind: Action, name: come-back, class: marketing, treatments: [{channel: email, template: hello}]}
---
{kind: Action, name: thanks, class: service, treatments: [{channel: email, template: hello}]}
---
{kind: ContactPolicy, name: default, caps: [{scope: person, class: marketing, max: 1, per: 7d}]}
"""

WIN_BACK = """
kind: Journey
name: win-back
entry: [{on: basket.purchased}]
goal: {on: coupon.redeemed, value: event.amount, currency: EUR, within: 200d}
stages:
  - {name: lapsed, after: {idle: basket.purchased, for: 30d}}
interventions:
  - name: offer
    trigger: {stage: lapsed}
    steps:
      - decide: {actions: [come-back]}
      - wait: {until: {on: delivery.opened}, for: 5d}
      - branch:
          - {when: "!wait.timed_out", steps: [{decide: {actions: [thanks]}}]}
"""


def programme(text: str = WIN_BACK) -> Programme:
    return load_text(text + CATALOGUE)


def event(type: str, profile_id: str, day: float, /, **data: Any) -> Event:
    at = round(day * DAY)
    return Event(
        id=stable_id(type, profile_id, at),
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        source="shop",
        profile_id=profile_id,
        data=data,
    )


def basket(profile_id: str, day: float) -> Event:
    return event("basket.purchased", profile_id, day, amount=10)


def known(profile_id: str, day: float) -> Event:
    plain = event("profile.identified", profile_id, day)
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return Event(**fields | {"sealed": {"email": b"sealed"}, "key_id": "k1"})


def merge(loser: str, survivor: str, day: float) -> list[Event]:
    data = {"from": loser, "to": survivor}
    return [event(MERGED, profile, day, **data) for profile in (loser, survivor)]


def split(giver: str, receiver: str, day: float, *moved: Event) -> list[Event]:
    data = {"from": giver, "to": receiver, "moved": [], "events": [event.id for event in moved], "at": round(day * DAY)}
    copies = [event(SPLIT, profile, day, **data) for profile in (giver, receiver)]
    return [Event(**{**{n: getattr(one, n) for n in one.__struct_fields__}, "causation_id": "split"}) for one in copies]


@dataclass
class Recording:
    """A Source: what journey-state's log holds after these events."""

    entries: dict[int, list[Event]] = field(default_factory=dict)
    bundles: dict[str, bytes] = field(default_factory=dict)

    def read(self, partition: int) -> Callable[[int, int], Batch | None]:
        return Reading(partition, self.entries[partition])

    def bundle(self, tenant: str, version: str) -> bytes | None:
        return self.bundles.get(version)

    def heads(self) -> dict[int, int]:
        return {partition: len(events) for partition, events in self.entries.items()}


@dataclass
class Reading:
    partition: int
    events: Sequence[Event]

    def __call__(self, after: int, limit: int) -> Batch | None:
        events = self.events[after : after + limit]
        return batch_of("journeys", self.partition, after + 1, events) if events else None


def record(events: Iterable[Event], *programmes: tuple[float, Programme], upto: float) -> Recording:
    """Take events in under programmes, each in force from a day on."""
    known = Programmes()
    domain = JourneyDomain(known)
    recording = Recording()
    waiting = list(programmes)
    states: dict[str, Any] = {}
    streams: dict[str, list[Event]] = {}

    def note(profile_id: str, facts: Sequence[Event], state: Any) -> None:
        states[profile_id] = state
        streams.setdefault(profile_id, []).extend(facts)
        recording.entries.setdefault(partition_of("default", profile_id), []).extend(facts)

    for one in sorted(events, key=lambda event: event.as_of):
        while waiting and waiting[0][0] * DAY <= one.as_of:
            programme = waiting.pop(0)[1]
            known.activate("default", programme)
            recording.bundles[programme.version] = programme.bundle()
        if one.type in WALKED:
            for partition in range(PARTITIONS):
                copy = replace(one, id=stable_id(one.id, partition))
                if one.type in OPERATED:
                    known.operate("default", copy, partition)
                recording.entries.setdefault(partition, []).append(replace(copy, as_of=0))
            for profile, state in sorted(states.items()):
                control = replace(one, id=stable_id(one.id, partition_of("default", profile)))
                note(profile, *domain.walk(state, control))
            continue
        profile = one.profile_id
        state = states.get(profile) or domain.initial("default", profile)
        own, other = streams.get(profile, []), streams.get(one.data.get("from", ""), [])
        first = one.data.get("from") == profile
        if one.type == MERGED:
            note(profile, *(domain.close(state, one) if first else domain.unite(state, one, own, other)))
        elif one.type == SPLIT:
            note(profile, *(domain.give(state, one, own) if first else domain.receive(state, one, own, other)))
        elif domain.disordered(state, one):
            note(profile, *domain.revise(state, one, own))
        else:
            note(profile, *domain.handle(state, one))
    for profile, state in sorted(states.items()):
        note(profile, *domain.tick(state, round(upto * DAY)))
    return recording
