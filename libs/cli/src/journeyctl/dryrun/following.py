"""Follow a log with two programmes: read on where one stopped, and say what each does."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from cairn.event.v1.event_pb2 import Entry
from cairn_decisions import DECISION_MADE
from cairn_journey.engine.facts import FACTS, SOURCE
from cairn_kernel.event import CONTROL_TYPES, Event, from_msgpack
from cairn_kernel.two_sided import TWO_SIDED
from journeyctl.simulate.recording import People
from journeyctl.simulate.replay import Life, Replay, must_wait
from journeyctl.simulate.tally import Tally
from journeyctl.virtual.customer import Customer

_SKIPPED: Final = FACTS | (CONTROL_TYPES - TWO_SIDED - {"consent.changed"})


class Told(NamedTuple):
    """Something that a programme does."""

    at: int
    profile_id: str
    side: str
    """`both`, `in force` or `changed`."""
    text: str


class Following:
    """Everybody seen so far, under both programmes. Keeps all of it in memory."""

    def __init__(self, replay: Replay, tenant: str) -> None:
        self._replay = replay
        self._tenant = tenant
        self._lives: dict[str, Life] = {}
        self._ties: list[tuple[str, str]] = []
        self._waiting: dict[str, list[Event]] = {}
        self._told: dict[str, tuple[int, int]] = {}

    def take(self, entries: Iterable[Entry]) -> None:
        """The next entries of one partition."""
        for entry in entries:
            if entry.type in _SKIPPED:
                continue
            event = from_msgpack(entry.event)
            if event.tenant != self._tenant or not event.profile_id or event.source == SOURCE:
                continue
            self._waiting.setdefault(event.profile_id, []).append(event)
        self._go_on()

    def advance(self, upto: int, profiles: Iterable[str] | None = None) -> None:
        """Let time pass for everybody, or for some."""
        for profile in self._lives if profiles is None else profiles:
            for customer in self._lives[profile].all():
                customer.advance(upto)

    def profiles(self) -> Iterable[str]:
        """Everybody seen so far."""
        return self._lives

    def news(self) -> list[Told]:
        """What has been decided since the last call, in order of time."""
        found: list[Told] = []
        for profile, life in self._lives.items():
            seen = self._told.get(profile, (0, 0))
            now = (len(life.before.log), len(life.after.log))
            if now != seen:
                self._told[profile] = now
                found += _told(profile, _decisions(life.before, seen[0]), _decisions(life.after, seen[1]))
        return sorted(found)

    def summary(self) -> Tally:
        """How the two differ over everybody."""
        people = People(self._ties)
        persons: dict[str, dict[str, Life]] = {}
        for profile, life in sorted(self._lives.items()):
            persons.setdefault(people.person(profile), {})[profile] = life
        for _, lives in sorted(persons.items()):
            self._replay.sum_up(lives)
        return self._replay.tally.finished()

    def _go_on(self) -> None:
        moving = True
        while moving:
            moving = False
            for profile, events in list(self._waiting.items()):
                moving |= self._take_in(profile, events)
                if not events:
                    del self._waiting[profile]

    def _take_in(self, profile: str, events: list[Event]) -> bool:
        """Whether any of a profile's events could be taken."""
        life = self._lives.get(profile)
        if life is None:
            life = self._lives[profile] = self._replay.begin(profile, older=False, several=True)
        taken = False
        while events:
            event = events[0]
            if event.type in TWO_SIDED:
                if must_wait(event, self._lives):
                    break
                self._ties.append((str(event.data["from"]), str(event.data["to"])))
            self._replay.take(events.pop(0), life, self._lives)
            self._replay.tally.events += 1
            taken = True
        return taken


def _decisions(customer: Customer, start: int) -> dict[str, tuple[int, str]]:
    """By moment: when, and what was decided."""
    found: dict[str, tuple[int, str]] = {}
    for fact in customer.log[start:]:
        if fact.type == DECISION_MADE:
            chosen = fact.data["chosen"]
            what = chosen["action"] if chosen else f"nothing, {fact.data['reason']}"
            found[fact.data["moment_id"]] = (fact.as_of, f"{fact.data['journey']}/{fact.data['intervention']}: {what}")
    return found


def _told(profile: str, before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> Iterator[Told]:
    for moment, (at, text) in before.items():
        same = after.get(moment) == (at, text)
        yield Told(at, profile, "both" if same else "in force", text)
    for moment, (at, text) in after.items():
        if before.get(moment) != (at, text):
            yield Told(at, profile, "changed", text)
