"""One household to tell of, and its year as marks on a timeline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cairn.journey.v1.journey_pb2 import Instance, TimelineEntry
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
                summary=words.dated(explained.summary),
                conditions=[
                    (item.role, item.expression, item.holds, words.dated(item.saw)) for item in explained.conditions
                ],
            )
            for journey, explained in customer.explained.items()
        ],
    )


def lanes(customer: Customer) -> list[Lane]:
    """What happened, what was detected, what was decided, what was sent: a lane each."""
    entries = list(customer.timeline)
    return [
        Lane("baskets", _baskets(entries)),
        Lane("identity", _marks(entries, {"profile.identified": "identify", "identity.merged": "merge"})),
        Lane("campaigns", _marks(entries, {"campaign.received": "campaign", "coupon.redeemed": "coupon"})),
        *(Lane(journey, spans=_spans(customer, journey)) for journey in customer.explained),
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


def _marks(entries: Iterable[TimelineEntry], kinds: Mapping[str, str]) -> list[Mark]:
    found = [entry for entry in entries if entry.type in kinds]
    return [Mark(words.moment(entry.event_time), kinds[entry.type], _told(entry)) for entry in found]


def _told(entry: TimelineEntry) -> str:
    return f"{words.moment(entry.event_time):%-d %B %Y %H:%M}: {words.touchpoint(entry)}"


def _spans(customer: Customer, journey: str) -> list[Span]:
    """The stays in a journey; what happened in one before a merge is known by its outcome, not by its stages."""
    stages: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for entry in customer.timeline:
        if entry.type == "journey.stage_entered":
            data = words.plain(entry.data)
            stages[data["instance_id"]].append((words.moment(entry.event_time), data["stage"]))
    return [_span(stay, stages[stay.instance_id]) for stay in customer.state.instances if stay.journey == journey]


def _span(stay: Instance, stages: list[tuple[datetime, str]]) -> Span:
    end, outcome = None, ""
    if stay.HasField("goal_time"):
        end, outcome = words.moment(stay.goal_time), "goal"
    elif stay.HasField("exited_time"):
        end, outcome = words.moment(stay.exited_time), "exited"
    return Span(words.moment(stay.entered_time), end, outcome, stages, f"{stay.journey}: {words.instance(stay)}")
