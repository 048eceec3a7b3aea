"""given/when/then for journeys: days instead of instants, short names for events."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from cairn_journey import CustomerState, JourneyDomain, Programme, Programmes, canonical_state, load_text
from cairn_kernel.event import MERGED, SPLIT, Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY

CATALOGUE = """
---
{kind: Connector, name: smtp, channel: email, idempotency: query}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: "Hello {{ profile.locale }}"}
---
{kind: Action, name: hello-email, tags: [greeting], class: marketing, treatments: [{channel: email, template: hello}]}
---
{kind: Action, name: reminder-email, class: service, treatments: [{channel: email, template: hello}]}
"""

WIN_BACK = """
kind: Journey
name: win-back
features:
  baskets_30d: {count: basket.purchased, window: 30d}
  spend: {sum: basket.purchased, of: amount}
entry: [{on: basket.purchased}]
reentry: {after: 60d}
goal: {on: coupon.redeemed, value: event.amount, currency: EUR, within: 200d}
exit: [{on: account.closed}]
stages:
  - {name: active, on: basket.purchased}
  - {name: lapsing, when: baskets_30d == 0, after: {idle: basket.purchased, for: 30d}}
interventions:
  - name: offer
    trigger: {stage: lapsing}
    steps:
      - decide: {actions: {tag: greeting}, expires: 2d}
      - wait: {until: {on: basket.purchased}, for: 7d}
      - branch:
          - {when: wait.timed_out, steps: [{decide: {actions: [reminder-email]}}]}
"""


def event(type: str, day: float, /, *, hops: int = 0, historical: bool = False, **data: Any) -> Event:
    """A customer's event on a day."""
    at = round(day * DAY)
    return Event(
        id=stable_id(type, at, repr(sorted(data.items()))),
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        source="shop",
        profile_id="p1",
        identifiers=(Identifier("user_id", "t"),),
        hops=hops,
        historical=historical,
        data=data,
    )


def bought(day: float, amount: float = 10.0, **data: Any) -> Event:
    """A basket."""
    return event("basket.purchased", day, amount=amount, **data)


def identified(day: float, *, email: str = "", **traits: Any) -> Event:
    """Traits; the e-mail address sealed."""
    plain = event("profile.identified", day, **traits)
    if not email:
        return plain
    return Event(
        **{name: getattr(plain, name) for name in plain.__struct_fields__}
        | {"sealed": {"email": email.encode()}, "key_id": "k1"}
    )


def merged(day: float, /, *, into: str, gone: str, at: str) -> Event:
    """The copy of a merge in one profile's partition."""
    when = round(day * DAY)
    return Event(
        id=stable_id("merge", into, gone, at),
        tenant="default",
        type=MERGED,
        event_time=when,
        as_of=when,
        profile_id=at,
        data={"from": gone, "to": into},
    )


def split(day: float, /, *, giver: str, receiver: str, at: str, moved: Sequence[str]) -> Event:
    """The copy of a split in one profile's partition; `moved` are tokens of user ids."""
    when = round(day * DAY)
    return Event(
        id=stable_id("split", giver, receiver, at, when),
        tenant="default",
        type=SPLIT,
        event_time=when,
        as_of=when,
        profile_id=at,
        causation_id=stable_id("cause of split", when),
        data={"from": giver, "to": receiver, "moved": [f"user_id:{token}" for token in moved], "at": when},
    )


def of(token: str, event: Event) -> Event:
    """The event under another user id."""
    return replace(event, id=stable_id(event.id, token), identifiers=(Identifier("user_id", token),))


@lru_cache(maxsize=200)
def loaded(text: str) -> Programme:
    """A programme, read once however many examples use it."""
    return load_text(text)


class Customer:
    """One customer under one programme; keeps the stream and checks that folding it gives the state."""

    def __init__(self, journeys: str = WIN_BACK, profile_id: str = "p1", domain: JourneyDomain | None = None) -> None:
        if domain is None:
            programmes = Programmes()
            programmes.activate("default", loaded(journeys + CATALOGUE))
            domain = JourneyDomain(programmes)
        self.domain = domain
        self.profile_id = profile_id
        self.state: CustomerState = self.domain.initial("default", profile_id)
        self.stream: list[Event] = []
        self.new: list[Event] = []

    def when(self, *events: Event) -> "Customer":
        """Handle events, late ones as the runtime does."""
        self.new = []
        for one in events:
            if self.domain.disordered(self.state, one):
                self._take(self.domain.revise(self.state, one, self.stream))
            else:
                self._take(self.domain.handle(self.state, one))
        return self

    def until(self, day: float) -> "Customer":
        """Let time pass."""
        self.new = []
        self._take(self.domain.tick(self.state, round(day * DAY)))
        return self

    def unites_with(self, other: "Customer", day: float) -> "Customer":
        """Take another customer in."""
        self.new = []
        about = {"into": self.profile_id, "gone": other.profile_id}
        other.new = []
        other._take(other.domain.close(other.state, merged(day, **about, at=other.profile_id)))
        copy = merged(day, **about, at=self.profile_id)
        self._take(self.domain.unite(self.state, copy, self.stream, other.stream))
        return self

    def gives(self, other: "Customer", day: float, *moved: str) -> "Customer":
        """Turn out to be two people: what came under the `moved` user ids is the other's."""
        about = {"giver": self.profile_id, "receiver": other.profile_id}
        self.new, other.new = [], []
        self._take(self.domain.give(self.state, split(day, **about, at=self.profile_id, moved=moved), self.stream))
        copy = split(day, **about, at=other.profile_id, moved=moved)
        other._take(other.domain.receive(other.state, copy, other.stream, self.stream))
        return self

    def _take(self, result: tuple[list[Event], CustomerState]) -> None:
        facts, after = result
        before = canonical_state(self.state)
        folded = self.state
        for fact in facts:
            folded = self.domain.evolve(folded, fact)
        assert canonical_state(folded) == canonical_state(after)
        assert canonical_state(self.state) == before, "a state was changed after it had been returned"
        self.stream += facts
        self.new += facts
        self.state = after

    def said(self, *keys: str) -> list[tuple[Any, ...]]:
        """New journey facts as (short type, day, data[keys]...)."""
        return [
            (
                fact.type.removeprefix("journey."),
                fact.as_of / DAY,
                *(fact.data[key] for key in keys if key in fact.data),
            )
            for fact in self.new
            if fact.type.startswith("journey.")
        ]


def types(facts: Sequence[Event]) -> list[str]:
    """Types of facts."""
    return [fact.type for fact in facts]


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Some events over some months, in order."""
    days = sorted(draw(st.lists(st.integers(0, 1000), max_size=12, unique=True)))
    made = []
    for day in days:
        kind = draw(st.sampled_from(["buy", "redeem", "close", "tell", "view"]))
        at = day / 5
        match kind:
            case "buy":
                made.append(bought(at, draw(st.sampled_from([0.1, 5.0, 12.25]))))
            case "redeem":
                made.append(event("coupon.redeemed", at, amount=3.3))
            case "close":
                made.append(event("account.closed", at))
            case "tell":
                made.append(
                    identified(at, email=draw(st.sampled_from(["", "x"])), tier=draw(st.sampled_from(["a", None])))
                )
            case _:
                made.append(event("page.viewed", at, historical=True))
    return made
