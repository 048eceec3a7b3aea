"""One household to tell of, and its year as marks on a timeline."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from cairn.journey.v1.journey_pb2 import TimelineEntry
from journeyctl import words
from journeyctl.customer import Customer
from journeyctl.demo.households import Call, household_of
from journeyctl.demo.results import Lane, Mark, Span, Standing, Story, Told

_FEW: Final = range(8, 60)
"""Baskets that make a readable picture."""
_PAUSE_DAYS: Final = 22


def choose(calls: Sequence[Call]) -> str:
    """The household with the most to tell: known by card, with demographics, a pause, a campaign and a redemption."""
    own: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        own[call.user_id or str(household_of(call.anonymous_id or ""))].append(call)
    return max(sorted(own), key=lambda household: (_worth_telling(own[household]), -int(household)))


def _worth_telling(calls: Sequence[Call]) -> int:
    baskets = [call for call in calls if call.event == "Basket Purchased"]
    pauses = sum((later.at - earlier.at).days >= _PAUSE_DAYS for earlier, later in pairwise(baskets))
    return sum(
        [
            2 * (len(baskets) in _FEW),
            any(call.user_id is None for call in calls),
            any(call.kind == "identify" and "age_band" in call.body for call in calls),
            3 * (pauses > 0),
            1 * (pauses > 1),
            any(call.event == "Campaign Received" for call in calls),
            3 * any(call.event == "Coupon Redeemed" for call in calls),
        ]
    )


def story(user_id: str, customer: Customer) -> Story:
    """The customer as the report tells it."""
    traits = {name: str(value) for name, value in words.plain(customer.state.traits).items()}
    return Story(
        user_id=user_id,
        profile_id=customer.profile_id,
        traits=dict(sorted(traits.items())),
        links=[words.link(link) for link in customer.identity.links],
        lanes=lanes(customer),
        decisions=[
            Told(
                at=words.moment(made.decided_time),
                journey=made.journey,
                headline=words.decision(made),
                made=bool(made.action),
                candidates=[(item.action, item.chosen, words.candidate(item)) for item in made.candidates],
            )
            for made in customer.decisions
        ],
        standings=[
            Standing(
                journey=journey,
                summary=explained.summary,
                conditions=[(item.role, item.expression, item.holds, item.saw) for item in explained.conditions],
            )
            for journey, explained in customer.explained.items()
        ],
    )


def lanes(customer: Customer) -> list[Lane]:
    """What happened, what was detected, what was decided, what was sent: a lane each."""
    entries = list(customer.timeline)
    return [
        Lane("baskets", _baskets(entries)),
        Lane("campaigns", _campaigns(entries)),
        *(Lane(journey, spans=_spans(entries, journey)) for journey in customer.explained),
        Lane(
            "decisions",
            [
                Mark(words.moment(made.decided_time), "chosen" if made.action else "suppressed", words.decision(made))
                for made in customer.decisions
            ],
        ),
        Lane(
            "messages",
            [Mark(words.moment(sent.planned_time), "mail", words.delivery(sent)) for sent in customer.deliveries],
        ),
    ]


def _baskets(entries: Iterable[TimelineEntry]) -> list[Mark]:
    found = [(entry, words.plain(entry.data)) for entry in entries if entry.type == "basket.purchased"]
    largest = max((float(data.get("amount", 0)) for _, data in found), default=1.0) or 1.0
    return [
        Mark(words.moment(entry.event_time), "basket", _told(entry), float(data.get("amount", 0)) / largest)
        for entry, data in found
    ]


def _campaigns(entries: Iterable[TimelineEntry]) -> list[Mark]:
    kinds = {"campaign.received": "campaign", "coupon.redeemed": "coupon", "identity.merged": "merge"}
    return [
        Mark(words.moment(entry.event_time), kinds[entry.type], _told(entry))
        for entry in entries
        if entry.type in kinds
    ]


def _told(entry: TimelineEntry) -> str:
    return f"{words.moment(entry.event_time):%-d %B %Y %H:%M}: {words.touchpoint(entry)}"


def _spans(entries: Iterable[TimelineEntry], journey: str) -> list[Span]:
    """The stays in a journey, from its facts."""
    stays: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if not entry.type.startswith("journey."):
            continue
        data = words.plain(entry.data)
        if data.get("journey") != journey:
            continue
        at = words.moment(entry.event_time)
        stay = stays.setdefault(data["instance_id"], {"start": at, "end": None, "outcome": "", "stages": []})
        match entry.type:
            case "journey.stage_entered":
                stay["stages"].append((at, data["stage"]))
            case "journey.goal_reached":
                stay.update(end=at, outcome="goal")
            case "journey.exited":
                stay.update(end=at, outcome="exited")
    return [
        Span(stay["start"], stay["end"], stay["outcome"], stay["stages"], _stay_in_words(journey, stay))
        for stay in stays.values()
    ]


def _stay_in_words(journey: str, stay: dict[str, Any]) -> str:
    ends = {"goal": "goal reached on", "exited": "left on"}
    end = f", {ends[stay['outcome']]} {stay['end']:%-d %B %Y}" if stay["outcome"] else ", still in it"
    stages = ", ".join(name for _, name in stay["stages"])
    return f"{journey} since {stay['start']:%-d %B %Y}" + (f" ({stages})" if stages else "") + end
