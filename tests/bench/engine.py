"""The pure engine: events handled on one core, facts and state included, with few journeys and with many.

Each journey looks out for six event types of four times as many as there are journeys, so that with 10 and with 500 an
event is looked out for by one or two: what it costs must follow those, not their number. Beside it stands what no
journey can beat: the same events where nobody looks out for them. CPU time counts, so that neighbours do not.
"""

import gc
import time
from collections.abc import Sequence
from random import Random

from tests.bench.figures import Figure

from cairn_journey import CustomerState, JourneyDomain, Programmes, load_text
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, HOUR

CUSTOMERS = 400
PER_CUSTOMER = 60
ROUNDS = 3
AIM_10 = 50_000
AIM_500 = 30_000

CATALOGUE = """
{kind: Connector, name: smtp, channel: email, idempotency: query}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: "Hello {{ profile.locale }}"}
---
{kind: Action, name: hello-email, tags: [greeting], class: marketing, treatments: [{channel: email, template: hello}]}
"""

JOURNEY = """
---
kind: Journey
name: journey-{n}
audience: profile.tier != "none"
features:
  seen_30d: {{count: {a}, window: 30d}}
  spent: {{sum: {b}, of: amount}}
entry: [{{on: {a}}}]
reentry: {{after: 20d}}
goal: {{on: {c}, when: event.amount > 40.0, value: event.amount, currency: EUR, within: 60d}}
exit: [{{on: {d}, when: event.amount > 99.0}}]
stages:
  - {{name: active, on: {b}, when: event.amount > 5.0}}
  - {{name: keen, on: {e}, when: seen_30d > 2}}
  - {{name: lapsing, after: {{idle: {b}, for: 30d}}}}
friction: [{{name: refused, on: {f}, when: event.amount < 1.0}}]
interventions:
  - name: offer
    trigger: {{stage: lapsing}}
    steps:
      - decide: {{actions: {{tag: greeting}}}}
      - wait: {{until: {{on: {b}}}, for: 7d}}
"""


def measure() -> list[Figure]:
    """`engine.journeys_10`, `engine.journeys_500`, `engine.nobody_listens`."""
    few, matched_few = _rate(10, heard=True)
    many, matched_many = _rate(500, heard=True)
    nobody, _ = _rate(500, heard=False)
    return [
        Figure(
            "engine.journeys_10",
            few,
            "events/s",
            AIM_10,
            beside={"engine.nobody_listens": few / nobody, "journeys per event": matched_few},
        ),
        Figure(
            "engine.journeys_500",
            many,
            "events/s",
            AIM_500,
            beside={
                "engine.journeys_10": many / few,
                "engine.nobody_listens": many / nobody,
                "journeys per event": matched_many,
            },
        ),
        Figure("engine.nobody_listens", nobody, "events/s"),
    ]


def domain_of(journeys: int) -> JourneyDomain:
    """So many journeys over four times as many event types."""
    programmes = Programmes()
    parts = [CATALOGUE]
    for n in range(journeys):
        types = {name: type_of((n * 4 + offset) % (journeys * 4)) for offset, name in enumerate("abcdef")}
        parts.append(JOURNEY.format(n=n, **types))
    programmes.activate("default", load_text("".join(parts)))
    return JourneyDomain(programmes)


def type_of(number: int) -> str:
    """The name of an event type."""
    return f"area{number}.happened"


def lives(journeys: int, *, heard: bool) -> list[Event]:
    """The lives of customers, interleaved, each with a liking for some of what there is."""
    random = Random(7)
    events: list[Event] = []
    likings = [random.randrange(journeys * 4) for _ in range(CUSTOMERS)]
    clocks = [0] * CUSTOMERS
    for number in range(PER_CUSTOMER):
        for customer in range(CUSTOMERS):
            clocks[customer] += random.randrange(HOUR, 3 * DAY)
            type = type_of((likings[customer] + int(random.expovariate(0.3))) % (journeys * 4))
            profile = stable_id("profile", customer)
            events.append(
                Event(
                    id=stable_id("event", customer, number),
                    tenant="default",
                    type=type if heard else f"un{type}",
                    event_time=clocks[customer],
                    as_of=clocks[customer],
                    source="bench",
                    profile_id=profile,
                    data={"amount": random.randrange(10_000) / 100, "currency": "EUR", "page": "/sale", "n": number},
                )
            )
    return events


def _rate(journeys: int, *, heard: bool) -> tuple[float, float]:
    """Events per second of CPU in the best of some rounds, and by how many journeys an event is looked out for."""
    domain = domain_of(journeys)
    events = lives(journeys, heard=heard)
    active = domain.programmes.active("default")
    assert active is not None
    matched = sum(len(active.by_type[event.type].journeys) for event in events if event.type in active.by_type)
    best = min(_once(domain, events) for _ in range(ROUNDS))
    return len(events) / best, matched / len(events)


def _once(domain: JourneyDomain, events: Sequence[Event]) -> float:
    states: dict[str, CustomerState] = {}
    for event in events:
        if event.profile_id not in states:
            state = states[event.profile_id] = domain.initial("default", event.profile_id)
            state.traits = {"tier": "gold", "locale": "en"}
    gc.collect()
    gc.disable()
    begun = time.process_time()
    for event in events:
        _, states[event.profile_id] = domain.handle(states[event.profile_id], event)
    took = time.process_time() - begun
    gc.enable()
    return took
