"""What is known of one customer in all journeys: a fold of the customer's stream.

States are values: nobody changes one after it was returned. `Draft` makes the next one, copying only what changes.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from cairn_journey.engine.slots import slot_of
from cairn_journey.subjects.intervals import Interval
from cairn_kernel.event import canonical

MAX_PAST: Final = 10
"""Ended instances that are kept per journey; all are counted."""


class Count(msgspec.Struct, frozen=True, tag="count", gc=False):
    """Events since the beginning."""

    total: int


class Counts(msgspec.Struct, frozen=True, tag="counts"):
    """Events by bucket of the window, oldest first; at most 30 buckets, those without events left out."""

    buckets: tuple[int, ...]
    numbers: tuple[int, ...]


class Sum(msgspec.Struct, frozen=True, tag="sum"):
    """A sum since the beginning."""

    total: Decimal


class Sums(msgspec.Struct, frozen=True, tag="sums"):
    """Sums by bucket of the window, oldest first; at most 30 buckets, those without events left out."""

    buckets: tuple[int, ...]
    numbers: tuple[Decimal, ...]


class Bound(msgspec.Struct, frozen=True, tag="bound"):
    """The least or greatest number since the beginning."""

    number: Decimal


class Bounds(msgspec.Struct, frozen=True, tag="bounds"):
    """Least or greatest numbers by bucket of the window, oldest first; at most 30 buckets."""

    buckets: tuple[int, ...]
    numbers: tuple[Decimal, ...]


class Distinct(msgspec.Struct, frozen=True, tag="distinct"):
    """Digests of the values seen, each with the bucket it was last seen in (0 if there is no window)."""

    values: dict[str, int]


class Last(msgspec.Struct, frozen=True, tag="last"):
    """A field of the latest event."""

    value: Any


class Seen(msgspec.Struct, frozen=True, tag="seen", gc=False):
    """When the latest event came in."""

    at: int


Accumulator = Count | Counts | Sum | Sums | Bound | Bounds | Distinct | Last | Seen


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A personal trait as it came: nobody here can read it."""

    sealed: bytes
    key_id: str


class Telling(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An event told a value of a trait; of several that told the same the one that speaks most for it."""

    event_time: int
    event_id: str
    source: str
    value: Sealed | str | int | float | bool | list[Any] | None
    times: int = 1
    """How many events told it."""


class Timer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something that will happen at `due` unless it is disarmed."""

    due: int
    kind: str
    """goal (the time for the goal ends), idle (a stage is reached by absence), wait (a wait ends), dwell or silence (a
    friction), look (time alone may bring an exit condition about); of the customer: schedule (it comes round), audience
    (time alone may change it)."""
    journey: str
    ref: str = ""
    """The stage or the intervention."""
    cause: str = ""
    """Id of the event that armed it; correlation, hops and historical are that event's."""
    correlation_id: str = ""
    hops: int = 0
    historical: bool = False
    key: str = ""
    """Of the instance it belongs to."""

    @property
    def slot(self) -> str:
        """Where the instance it belongs to is open."""
        return slot_of(self.journey, self.key) if self.key else self.journey


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """An intervention that is waiting."""

    run: str
    """What started it."""
    step: str
    """Path of the wait."""
    due: int
    limit: int | None = None
    """When it ends at the latest, if what is waited for may move."""
    awaited: bool = False
    """Whether `due` is what is waited for, not the end of patience."""
    counters: dict[str, int] = {}
    """Rounds of loops and jumps so far by path, and under the empty name how often the run went back."""


class Before(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an instance was before it was migrated."""

    version: str
    stage: str
    stage_entered: int | None = None
    runs: dict[str, Run] = {}


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may become a friction."""

    position: int = 0
    """How far round a loop."""
    at: tuple[int, ...] = ()
    """When it happened, or a round was complete; the latest ones."""


class Instance(msgspec.Struct, frozen=True, omit_defaults=True):
    """One customer once in one journey."""

    instance_id: str
    journey: str
    version: str
    """Version of the programme it runs under."""
    occurrence: int
    entered: int
    stage: str = ""
    stage_entered: int | None = None
    runs: dict[str, Run] = {}
    """By intervention."""
    goal: int | None = None
    goal_value: str = ""
    currency: str = ""
    attributed: bool | None = None
    """Whether the goal followed a moment soon enough; None if the journey does not ask."""
    moment: int | None = None
    """When the latest moment was reached, in a journey whose goal asks for it."""
    exited: int | None = None
    exit_reason: str = ""
    key: str = ""
    """What the instance is about, in a journey with a key."""

    traces: dict[str, Trace] = {}
    """By friction."""
    channel: str = ""
    """The channel by which the customer came last, in a journey that knows channels."""
    came_from: str = ""
    """The one before that event."""
    health: int = 100
    """As of `health_since`; see `health.health_at`."""
    health_since: int | None = None
    furthest: int = -1
    """Position of the furthest stage so far, in a journey with frictions."""
    held: int | None = None
    """Since when its journey is paused: what we do in it waits."""
    asleep: dict[str, Timer] = {}
    """Timers of its interventions that a pause disarmed."""
    before: Before | None = None
    """Where it was before its last migration; None if it never was migrated, or went back."""

    @property
    def slot(self) -> str:
        """Where it is open: the journey, with the key if it has one."""
        return slot_of(self.journey, self.key) if self.key else self.journey

    @property
    def ended(self) -> int | None:
        """When it ended, with the goal or without; None while it is open."""
        return self.goal if self.goal is not None else self.exited


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """A customer's history in one journey."""

    entered: int = 0
    goals: int = 0
    attributed: int = 0
    """How many of the goals followed a moment soon enough."""
    exits: int = 0
    values: dict[str, Decimal] = {}
    """Sum of goal values by currency."""
    stage_entries: dict[str, int] = {}
    transitions: dict[str, int] = {}
    """How many times one stage followed another, as `from>to`."""
    dwell: dict[str, int] = {}
    """Time spent in stages that were left (µs)."""
    frictions: dict[str, int] = {}
    arms: dict[str, str] = {}
    """The arm by experiment, where a person keeps it."""
    past: tuple[Instance, ...] = ()
    """The latest instances that have ended, oldest first."""
    keys: dict[str, int] = {}
    """When the latest instance of each key ended."""

    @property
    def last_ended(self) -> int:
        """When the latest instance ended."""
        return (self.past[-1].ended or 0) if self.past else 0


class CustomerState(msgspec.Struct, omit_defaults=True):
    """Everything that is known of one profile here. Treat it as a value."""

    tenant: str
    profile_id: str
    subject: str = ""
    """What kind of subject it is; empty: a person."""
    members: dict[str, tuple[Interval, ...]] = {}
    """Of a subject that is no person: by profile, from when to when they belong to it."""
    traits: dict[str, Any] = {}
    sealed: dict[str, Sealed] = {}
    told: dict[str, int] = {}
    """When each trait was told, by the event's own time: an older word does not replace it."""
    survivors: dict[str, tuple[Telling, ...]] = {}
    """Of traits with a rule of survivorship, what may count, the best first."""
    features: dict[str, Accumulator] = {}
    """By feature key: features with the same definition are kept once."""
    open: dict[str, Instance] = {}
    """Open instances by slot: the journey's name, or `name/key` in a journey with a key."""
    records: dict[str, Record] = {}
    """By journey."""
    timers: dict[str, Timer] = {}
    audiences: dict[str, int] = {}
    """Since when the customer has been in audiences that lead into journeys."""
    version: str = ""
    """The programme that such audiences and schedules were last looked at under; empty if there are none."""
    last_seen: int | None = None
    """When the customer, rather than an outcome of ours, was last heard of."""
    failures: dict[str, int] = {}
    """When it was stated that a condition failed, by its place and the sort of error (see `failing`)."""
    closed_into: str = ""
    """The profile that took this one in."""
    latest: tuple[int, int, str] = (0, 0, "")
    """What has taken effect last: (as_of, event time, id) of a touchpoint, (due, 0, "") of a timer. Kept where events
    may be late."""
    united: int = 0
    """How many profiles this one has taken in."""

    def is_due(self, upto: int) -> bool:
        """Whether a timer is due at or before an instant."""
        for timer in self.timers.values():  # a loop costs a third of any() over a generator
            if timer.due <= upto:
                return True
        return False

    def instances(self, journey: str) -> list[Instance]:
        """The open instances of a journey, in order of key."""
        return sorted((one for one in self.open.values() if one.journey == journey), key=lambda one: one.key)


_decoder: Final = msgspec.json.Decoder(CustomerState)


def canonical_state(state: CustomerState) -> bytes:
    """The one text of a state, for hashing and storing: canonical JSON of everything, no wall-clock time in it."""
    return canonical(state)


def parse_state(text: bytes) -> CustomerState:
    """The state that `canonical_state` wrote. Raises msgspec.ValidationError if it is none."""
    return _decoder.decode(text)


def state_to_plain(state: CustomerState) -> dict[str, Any]:
    """The state as plain JSON values, to be carried in a fact."""
    plain: dict[str, Any] = msgspec.to_builtins(state)
    return plain


def state_from_plain(plain: Any) -> CustomerState:
    """The state that `state_to_plain` wrote."""
    return msgspec.convert(plain, CustomerState)


class Draft:
    """The next state in the making. Each map is copied before its first change."""

    __slots__ = ("_features", "_open", "_records", "_timers", "state")

    def __init__(self, state: CustomerState) -> None:
        self.state: CustomerState = state.__copy__()  # type: ignore[attr-defined]  # structs have it; copy.copy costs more
        self._features = self._open = self._records = self._timers = False

    @property
    def features(self) -> dict[str, Accumulator]:
        """Features, to be changed."""
        if not self._features:
            self.state.features = self.state.features.copy()
            self._features = True
        return self.state.features

    @property
    def open(self) -> dict[str, Instance]:
        """Open instances, to be changed."""
        if not self._open:
            self.state.open = self.state.open.copy()
            self._open = True
        return self.state.open

    @property
    def records(self) -> dict[str, Record]:
        """Records, to be changed."""
        if not self._records:
            self.state.records = self.state.records.copy()
            self._records = True
        return self.state.records

    @property
    def timers(self) -> dict[str, Timer]:
        """Timers, to be changed."""
        if not self._timers:
            self.state.timers = self.state.timers.copy()
            self._timers = True
        return self.state.timers

    def replace(self, state: CustomerState) -> None:
        """Go on from another state."""
        self.state = state.__copy__()  # type: ignore[attr-defined]
        self._features = self._open = self._records = self._timers = False
