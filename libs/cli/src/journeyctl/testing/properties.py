"""What must hold for any programme, tried with made-up customers; what breaks it is told as a small scenario."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from cairn_journey import Programme
from cairn_journey.language.model import SERVICE
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, HOUR
from journeyctl.testing.judging import day
from journeyctl.testing.scenario import DEFAULT_START
from journeyctl.virtual.customer import Customer
from journeyctl.virtual.delivery import fact as delivery_fact
from journeyctl.virtual.world import World

MOST_FACTS: Final = 2_000
"""One intervention in one stay that states more than this does not end."""

_DAYS: Final = 120
_QUIET_DAYS: Final = 400
_FIELD: Final = re.compile(r"event\.([a-z_][a-z0-9_]*)")
_TRAIT: Final = re.compile(r"profile\.([a-z_][a-z0-9_]*)")
_WORD: Final = re.compile(r"\"([^\"]{1,40})\"|'([^']{1,40})'")
_VALUES: Final = (0, 1, 2, 5, 20, 100, 1000, True, False, "a")
_ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
_OURS: Final = ("identity.", "journey.", "cairn.", "definition.", "audience.", "delivery.", "profile.")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a made-up customer does."""

    at: int
    """µs since the scenario's start."""
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A property that does not hold, and a life as small as could be found that shows it."""

    words: str
    acts: tuple[Act, ...]

    def scenario(self) -> str:
        """The life as a scenario file."""
        lines = ["kind: Scenario", f"name: {_quoted(self.words)}", "given:"]
        lines.append("  - {at: 0, identify: {email: anna@example.com}}")
        for act in self.acts:
            key = "identify" if act.type == "profile.identified" else "event"
            what = _flow(act.data) if key == "identify" else act.type
            more = f", data: {_flow(act.data)}" if key == "event" and act.data else ""
            lines.append(f"  - {{at: {_offset(act.at)}, {key}: {what}{more}}}")
        return "\n".join([*lines, "expect:", "  - {messages: 0}  # say here what should come of it"]) + "\n"


def check(programme: Programme, *, customers: int = 200, seed: int = 0) -> Counterexample | None:
    """Look for a customer for whom a property does not hold. The same seed looks at the same ones."""
    world = World(programme)
    vocabulary = _Vocabulary(world)
    for number in range(customers):
        acts = vocabulary.life(random.Random(f"{seed}/{number}"))  # noqa: S311  # made-up customers, to be repeated
        words = _broken(world, acts)
        if words:
            return _smallest(acts, words, lambda fewer: _broken(world, fewer))
    return None


class _Vocabulary:
    """What the programme listens to: event types, fields and traits, and the words that conditions compare with."""

    def __init__(self, world: World) -> None:
        programme = world.programme
        compiled = world.programmes.active(world.tenant)
        types = sorted(compiled.by_type) if compiled is not None else []
        self.types = [each for each in types if not each.startswith((*_OURS, "delivery.", "profile."))] or [
            "page.viewed"
        ]
        text = programme.bundle().decode().replace('\\"', '"')
        self.fields = sorted(set(_FIELD.findall(text)))
        self.traits = sorted(set(_TRAIT.findall(text)))
        self.words = sorted({one or other for one, other in _WORD.findall(text)})[:200]

    def life(self, chance: random.Random) -> tuple[Act, ...]:
        """Some months of one customer: days of silence, and bursts."""
        at = 0
        acts: list[Act] = []
        for _ in range(chance.randrange(2, 30)):
            at += chance.choice((0, 1, HOUR, DAY, 3 * DAY, 20 * DAY)) * chance.randrange(1, 3)
            if at > _DAYS * DAY:
                break
            if chance.random() < 0.2:
                traits = {name: self._value(chance) for name in self.traits if chance.random() < 0.5}
                acts.append(Act(at, "profile.identified", {"timezone": chance.choice(_ZONES), **traits}))
            else:
                data = {name: self._value(chance) for name in self.fields if chance.random() < 0.7}
                acts.append(Act(at, chance.choice(self.types), data))
        return tuple(acts)

    def _value(self, chance: random.Random) -> Any:
        return chance.choice(self.words) if self.words and chance.random() < 0.5 else chance.choice(_VALUES)


def _broken(world: World, acts: Sequence[Act]) -> str:
    """The first property that this life breaks, in words; empty if none."""
    try:
        customer, end = _lived(world, acts)
    except Exception as fault:  # whatever it is, the engine must not raise it
        return f"the engine fails: {type(fault).__name__}"
    return next((words for rule in _PROPERTIES for words in rule(world.programme, customer, end)), "")


def _lived(world: World, acts: Sequence[Act]) -> tuple[Customer, int]:
    profile = stable_id("made-up")
    customer = Customer(world, profile, answers=_answers, histories=True)
    customer.take(_event(profile, -1, Act(0, "profile.identified", {}), {"email": b"a", "phone": b"b"}))
    for number, act in enumerate(acts):
        customer.take(_event(profile, number, act, {}))
    last = acts[-1].at if acts else 0
    end = DEFAULT_START + last + _QUIET_DAYS * DAY
    customer.advance(end)
    return customer, end


def _answers(customer: Customer, told: Event) -> tuple[Event, ...]:
    """Each message that goes out is opened an hour later."""
    if told.type != "delivery.sent":
        return (told,)
    return (told, delivery_fact(told, "opened", told.as_of + HOUR))


def _event(profile: str, number: int, act: Act, sealed: dict[str, bytes]) -> Event:
    at = DEFAULT_START + act.at
    return Event(
        id=stable_id("made-up", number), tenant="default", type=act.type, event_time=at, as_of=at, source="made-up",
        profile_id=profile, data=dict(act.data), sealed=sealed, key_id="k" if sealed else "",
    )  # fmt: skip


def _caps_hold(programme: Programme, customer: Customer, end: int) -> Iterator[str]:
    """No window of a cap holds more messages than it may."""
    for policy in programme.policies.values():
        for cap in policy.caps:
            times = sorted(
                contact.at
                for contact in customer.ledger.ledger.contacts
                if contact.message_class != SERVICE
                and cap.class_ in ("", contact.message_class)
                and cap.channel in ("", contact.channel)
            )
            for first, after in zip(times, times[cap.max :], strict=False):
                if after - first < cap.per:
                    what = " ".join(word for word in (cap.class_, cap.channel, "messages") if word)
                    yield f"{cap.max + 1} {what} between {day(first)} and {day(after)}: the cap is {cap.max}"


def _stays_end(programme: Programme, customer: Customer, end: int) -> Iterator[str]:
    """Every stay whose goal has a time is over when the time is."""
    for instance in customer.state.open.values():
        journey = programme.journeys.get(instance.journey)
        within = journey.goal.within if journey is not None else None
        if within and instance.entered + within <= end and instance.held is None:
            yield f"{instance.journey} was entered at {day(instance.entered)} and has not ended by {day(end)}"


def _runs_end(programme: Programme, customer: Customer, end: int) -> Iterator[str]:
    """No intervention goes on for ever."""
    stated = Counter(
        (fact.data["instance_id"], fact.data["intervention"], fact.data["journey"])
        for fact in customer.log
        if "intervention" in fact.data and "instance_id" in fact.data
    )
    for (_, intervention, journey), count in stated.items():
        if count > MOST_FACTS:
            yield f"{journey}/{intervention} does not end: it has stated {count} facts in one stay"


def _told_once(programme: Programme, customer: Customer, end: int) -> Iterator[str]:
    """No fact is stated twice, and time does not run backwards."""
    ids = Counter(fact.id for fact in customer.history)
    yield from (f"a fact is stated {count} times" for count in ids.values() if count > 1)
    if not any(journey.lateness for journey in programme.journeys.values()):
        for one, other in pairwise(customer.history):
            if other.as_of < one.as_of:
                yield f"{other.type} at {day(other.as_of)} is stated after {one.type} at {day(one.as_of)}"


_PROPERTIES: Final[tuple[Callable[[Programme, Customer, int], Iterator[str]], ...]] = (
    _caps_hold,
    _stays_end,
    _runs_end,
    _told_once,
)


def _smallest(acts: tuple[Act, ...], words: str, broken: Callable[[tuple[Act, ...]], str]) -> Counterexample:
    """Leave out acts, then fields, as long as a property of the same kind stays broken."""
    found = Counterexample(words, acts)
    moving = True
    while moving:
        moving = False
        for fewer in (*_without_an_act(found.acts), *_without_a_field(found.acts)):
            said = broken(fewer)
            if said and _kind(said) == _kind(words):
                found, moving = Counterexample(said, fewer), True
                break
    return found


def _kind(words: str) -> str:
    """The property behind the words, whatever times and counts they tell."""
    return re.sub(r"[0-9].*|^[0-9]+ ", "", words)[:20]


def _without_an_act(acts: tuple[Act, ...]) -> Iterator[tuple[Act, ...]]:
    for index in range(len(acts)):
        yield (*acts[:index], *acts[index + 1 :])


def _without_a_field(acts: tuple[Act, ...]) -> Iterator[tuple[Act, ...]]:
    for index, act in enumerate(acts):
        for name in act.data:
            less = replace(act, data={key: value for key, value in act.data.items() if key != name})
            yield (*acts[:index], less, *acts[index + 1 :])


def _offset(at: int) -> str:
    days, rest = divmod(at, DAY)
    seconds, micros = divmod(rest, 1_000_000)
    return f"{days}d{seconds + (micros > 0)}s" if rest else f"{days}d"


def _flow(data: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {_scalar(value)}" for name, value in data.items()) + "}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
