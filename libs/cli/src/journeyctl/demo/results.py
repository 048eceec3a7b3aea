"""What a demo has shown: plain data between those who ask the services and those who draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class Mark(NamedTuple):
    """Something that happened at an instant."""

    at: datetime
    kind: str
    """How it is drawn: basket, coupon, campaign, chosen, suppressed, mail, merge."""
    text: str
    size: float = 0.0
    """0 to 1; the amount of a basket against the largest one."""


class Span(NamedTuple):
    """One journey instance."""

    start: datetime
    end: datetime | None
    outcome: str
    """goal, exited or empty while it lasts."""
    stages: Sequence[tuple[datetime, str]]
    text: str


class Lane(NamedTuple):
    """One row of a timeline picture."""

    name: str
    marks: Sequence[Mark] = ()
    spans: Sequence[Span] = ()


class Told(NamedTuple):
    """A decision in words."""

    at: datetime
    journey: str
    headline: str
    made: bool
    candidates: Sequence[tuple[str, bool, str]]
    """Action, whether it was chosen, why or why not."""


class Standing(NamedTuple):
    """Where a customer is in a journey, and why."""

    journey: str
    summary: str
    conditions: Sequence[tuple[str, str, bool, str]]
    """Role, expression, whether it holds, what it saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One customer's year."""

    user_id: str
    profile_id: str
    traits: Mapping[str, str]
    links: Sequence[str]
    """Why these identifiers are one person, a sentence each."""
    lanes: Sequence[Lane]
    decisions: Sequence[Told]
    standings: Sequence[Standing]


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyCount:
    """The counts of one journey."""

    name: str
    entered: int
    in_flight: int
    goal: int
    goal_value: str
    currency: str
    exited: int
    stages: Mapping[str, int] = field(default_factory=dict)
    """Open instances by stage; the empty name is no stage."""
    stage_entries: Mapping[str, int] = field(default_factory=dict)
    stage_transitions: Mapping[str, int] = field(default_factory=dict)
    """`from>to` to how many times."""


class Slice(NamedTuple):
    """What a day or a week brought."""

    start: datetime
    baskets: int
    messages: int


class Latency(NamedTuple):
    """From ingest commit to dispatch published, live: wall time in milliseconds."""

    p50_ms: float
    p99_ms: float
    decisions: int
    rate: float
    """Events a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything the demo tells."""

    period: str
    start: datetime
    end: datetime
    programme_version: str
    sent: int
    accepted: int
    duplicates: int
    quarantined: int
    lost: int
    profiles: int
    merges: int
    journeys: Sequence[JourneyCount]
    moments: int
    made: int
    suppressed: Mapping[str, int]
    actions: Mapping[str, int]
    deliveries: Mapping[str, int]
    mails_expected: int
    mails_found: int
    mails_missing: int
    mails_twice: int
    calls_expected: int
    calls_found: int
    throughput_eps: float
    latency: Latency | None
    """None if it was not measured."""
    state_hash: str
    wall_s: float
    slices: Sequence[Slice]
    slice_days: int
    story: Story | None


def summary(results: Results) -> dict[str, Any]:
    """The content of summary.json."""
    return {
        "events": {
            "sent": results.sent,
            "accepted": results.accepted,
            "duplicates": results.duplicates,
            "quarantined": results.quarantined,
            "lost": results.lost,
        },
        "profiles": results.profiles,
        "merges": results.merges,
        "journeys": {
            journey.name: {
                "entered": journey.entered,
                "in_flight": journey.in_flight,
                "goal": journey.goal,
                "goal_value": float(journey.goal_value or 0),
                "exited": journey.exited,
            }
            for journey in results.journeys
        },
        "decisions": {"made": results.made, "suppressed": dict(sorted(results.suppressed.items()))},
        "deliveries": dict(sorted(results.deliveries.items())),
        "throughput_eps": round(results.throughput_eps, 1),
        "latency_ms": {
            "p50": round(results.latency.p50_ms, 2) if results.latency else None,
            "p99": round(results.latency.p99_ms, 2) if results.latency else None,
        },
        "state_hash": results.state_hash,
        "wall_s": round(results.wall_s, 2),
    }
