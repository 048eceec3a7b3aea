"""People who share identifiers, made up: two to a household, some with a tablet or a mailbox in common.

5,000 people in pairs and 35,000 events over 90 days. One person in five uses the household's tablet for 40 % of
their events, else one of two devices of their own. 45 % of the events are logged in. Each has one row in the CRM with
an e-mail address, which for 5 % is the family's and for 1 % one that a till writes when nobody gives any.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, MINUTE

PEOPLE: Final = 5_000
EVENTS: Final = 35_000
DAYS: Final = 90
TABLET_USERS: Final = 0.20
ON_TABLET: Final = 0.40
FAMILY_MAIL: Final = 0.05
JUNK_MAIL: Final = 0.01
LOGGED_IN: Final = 0.45
VISITORS: Final = 2_500
VISITORS_ON_TABLET: Final = 0.35
SESSIONS: Final = 6_000
BETWEEN_PAGES: Final = 8 * MINUTE
JUNK: Final = Identifier("email", "till@shop.example")


class Happened(NamedTuple):
    """An event and the person behind it."""

    event: Event
    person: int


class Quality(NamedTuple):
    """How well clusters of events match people."""

    precision: float
    recall: float
    f1: float
    largest: int
    """Most people with events in one cluster."""


def happened(seed: int) -> list[Happened]:
    """All events in order of time."""
    chance = random.Random(seed)
    tablet_users = {person for person in range(PEOPLE) if chance.random() < TABLET_USERS}
    found = [_crm_row(chance, person) for person in range(PEOPLE)]
    for number in range(EVENTS):
        person = chance.randrange(PEOPLE)
        if person in tablet_users and chance.random() < ON_TABLET:
            device = f"tablet-{person // 2}"
        else:
            device = f"device-{person}-{chance.randrange(2)}"
        names = [Identifier("anonymous_id", device)]
        if chance.random() < LOGGED_IN:
            names.insert(0, Identifier("user_id", f"user-{person}"))
        found.append(_event(chance, f"event-{number}", "page.viewed", person, names))
    return sorted(found, key=lambda one: (one.event.event_time, one.event.id))


def in_sessions(seed: int) -> list[Happened]:
    """People who come in sessions: in half of them they log in on the way, and half of what follows is logged in."""
    chance = random.Random(seed)
    tablet_users = {person for person in range(VISITORS) if chance.random() < VISITORS_ON_TABLET}
    found = [_crm_row(chance, person) for person in range(VISITORS)]
    for session in range(SESSIONS):
        person = chance.randrange(VISITORS)
        tablet = person in tablet_users and chance.random() < 0.5
        device = Identifier("anonymous_id", f"tablet-{person // 2}" if tablet else f"device-{person}")
        at, pages = chance.randrange(DAYS * DAY), 1 + int(chance.expovariate(0.4))
        login = chance.randrange(pages) if chance.random() < 0.5 else pages
        for page in range(pages):
            at += int(chance.expovariate(1 / BETWEEN_PAGES))
            logged_in = page == login or (page > login and chance.random() < 0.5)
            names = [*([Identifier("user_id", f"user-{person}")] if logged_in else []), device]
            id = stable_id("session", session, page)
            event = Event(
                id=id, tenant="default", type="page.viewed", event_time=at, as_of=at, identifiers=tuple(names)
            )
            found.append(Happened(event, person))
    return sorted(found, key=lambda one: (one.event.event_time, one.event.id))


def _crm_row(chance: random.Random, person: int) -> Happened:
    draw = chance.random()
    if draw < JUNK_MAIL:
        mail = JUNK
    elif draw < JUNK_MAIL + FAMILY_MAIL:
        mail = Identifier("email", f"family-{person // 2}")
    else:
        mail = Identifier("email", f"mail-{person}")
    return _event(
        chance, f"crm-{person}", "profile.identified", person, [Identifier("user_id", f"user-{person}"), mail]
    )


def _event(chance: random.Random, name: str, type: str, person: int, names: Sequence[Identifier]) -> Happened:
    at = chance.randrange(DAYS * DAY)
    id = stable_id("shared", name)
    event = Event(id=id, tenant="default", type=type, event_time=at, as_of=at, identifiers=tuple(names))
    return Happened(event, person)


def quality(clusters: Mapping[str, Hashable], happened: Iterable[Happened]) -> Quality:
    """B-cubed over events; `clusters` gives each event id its cluster."""
    pairs = [(clusters[one.event.id], one.person) for one in happened]
    both, cluster, person = Counter(pairs), Counter(c for c, _ in pairs), Counter(p for _, p in pairs)
    precision = sum(count * count / cluster[name] for (name, _), count in both.items()) / len(pairs)
    recall = sum(count * count / person[who] for (_, who), count in both.items()) / len(pairs)
    people: defaultdict[Hashable, set[int]] = defaultdict(set)
    for name, who in both:
        people[name].add(who)
    return Quality(precision, recall, _f1(precision, recall), max(len(who) for who in people.values()))


def agreement(one: Mapping[str, Hashable], other: Mapping[str, Hashable]) -> float:
    """B-cubed F1 between two clusterings of the same events: 1 if they are the same."""
    both = Counter((one[id], other[id]) for id in one)
    first, second = Counter(one.values()), Counter(other.values())
    precision = sum(count * count / first[name] for (name, _), count in both.items()) / len(one)
    recall = sum(count * count / second[name] for (_, name), count in both.items()) / len(one)
    return _f1(precision, recall)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall)
