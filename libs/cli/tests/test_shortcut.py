"""The short way through a simulation finds what replaying everything twice finds, whatever was changed."""

import random
from pathlib import Path
from typing import Final

import pytest
from libs.cli.tests.recorded import Recording, event, known, record

from cairn_decisions import decision_id
from cairn_journey import Programme, load_text
from cairn_journey.engine.compiler import compile_programme
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY
from journeyctl.simulate.question import Plan, Question
from journeyctl.simulate.report import Report, report
from journeyctl.simulate.run import simulate
from journeyctl.simulate.touched import touched

UPTO: Final = 120
PEOPLE: Final = 36

PROGRAMME: Final = """
{kind: Connector, name: smtp, channel: email, contact: email, idempotency: query}
---
{kind: Connector, name: desk, channel: webhook, idempotency: query}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: Hello}
---
{kind: Template, name: ring, channel: webhook, body: "{}"}
---
kind: Action
name: come-back
class: marketing
value: 2.00 EUR
eligible: features.spent >= 30.0
treatments: [{channel: email, template: hello}]
---
{kind: Action, name: call, class: marketing, value: 1.00 EUR, treatments: [{channel: webhook, template: ring}]}
---
{kind: Action, name: thanks, class: service, treatments: [{channel: email, template: hello}]}
---
kind: ContactPolicy
name: default
caps: [{scope: person, class: marketing, max: 1, per: 7d}]
cooldowns: [{after: {outcome: bounced}, for: 20d}]
quiet_hours: {from: "21:00", to: "08:00", zone: Europe/Berlin}
---
kind: Audience
name: regulars
features: {bought: {count: basket.purchased, window: 30d}}
when: bought >= 4
---
kind: Journey
name: win-back
priority: 5
features:
  spent: {sum: basket.purchased, of: amount, window: 30d}
  baskets: {count: basket.purchased, window: 15d}
entry: [{on: basket.purchased, when: event.amount >= 5.0}]
reentry: always
goal: {on: basket.purchased, when: baskets == 1, value: event.amount, currency: EUR, within: 60d}
exit: [{on: profile.left, reason: left}]
stages:
  - {name: active, on: basket.purchased}
  - {name: lapsing, after: {idle: basket.purchased, for: 10d}}
  - {name: lapsed, after: {idle: basket.purchased, for: 15d}}
interventions:
  - name: nudge
    trigger: {stage: lapsing}
    steps: [{decide: {actions: [call]}}]
  - name: offer
    trigger: {stage: lapsed}
    steps:
      - decide: {actions: [come-back, call]}
      - wait: {until: {on: delivery.opened}, for: 5d}
      - branch:
          - {when: "!wait.timed_out", steps: [{set: {reads_mail: "true"}}, {decide: {actions: [thanks]}}]}
  - name: big
    trigger: {on: basket.purchased, when: event.amount > 90.0}
    steps: [{emit: {event: basket.huge, data: {amount: event.amount}}}]
---
kind: Journey
name: welcome
entry: [{on: profile.identified}]
goal: {on: basket.purchased, within: 20d}
interventions:
  - name: hello
    trigger: {on: profile.identified}
    steps:
      - wait: {for: 3d}
      - experiment:
          name: words
          arms:
            - {name: one, weight: 1, steps: [{decide: {actions: [thanks]}}]}
            - {name: other, weight: 1, steps: [{decide: {actions: [call]}}]}
---
kind: Journey
name: after-goal
entry: [{journey: win-back, on: goal}]
reentry: always
goal: {on: never.comes, within: 9d}
stages: [{name: huge, on: basket.huge}]
interventions:
  - {name: thank, trigger: {stage: huge}, steps: [{decide: {actions: [thanks, call]}}]}
---
kind: Journey
name: loyal
features: {pages: {count: page.viewed, window: 10d}}
entry: [{audience: regulars}]
reentry: {after: 5d}
goal: {on: basket.huge, within: 40d}
exit: [{when: pages >= 5, reason: only-looks}]
stages: [{name: looking, on: page.viewed}]
friction:
  - {name: again, repeat: {on: page.viewed, times: 3, within: 4d}}
  - {name: stuck, dwell: {stage: looking, longer_than: 5d}}
interventions:
  - {name: ring, trigger: {stage: looking}, steps: [{decide: {actions: [call]}}]}
---
kind: Journey
name: weekly
entry: [{schedule: {weekday: monday, at: "09:00", zone: UTC}}]
reentry: always
goal: {on: basket.purchased, within: 2d}
"""


def changed(*pairs: tuple[str, str]) -> Programme:
    text = PROGRAMME
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return load_text(text)


CHANGES: Final[dict[str, tuple[Programme, set[str] | None]]] = {
    "nothing": (changed(), set()),
    "a template": (changed(("subject: Hello", "subject: Dear you")), set()),
    "a treatment": (
        changed(
            ("treatments: [{channel: webhook", "treatments: [{channel: email, template: hello}, {channel: webhook")
        ),
        set(),
    ),
    "who may get an action": (changed(("features.spent >= 30.0", "features.spent >= 120.0")), set()),
    "the contact policy": (changed(("max: 1, per: 7d", "max: 1, per: 30d")), set()),
    "quiet hours": (changed(('from: "21:00"', 'from: "10:00"')), set()),
    "a shorter absence": (changed(("for: 15d}", "for: 12d}")), set()),
    "a longer absence": (changed(("for: 10d}", "for: 14d}")), set()),
    "absences that come together": (changed(("for: 15d}", "for: 10d}")), set()),
    "the time for the goal": (changed(("currency: EUR, within: 60d", "currency: EUR, within: 33d")), set()),
    "no time for the goal": (changed((", within: 20d", "")), set()),
    "a wait": (changed(("- wait: {for: 3d}", "- wait: {for: 1d}")), {"profile.identified"}),
    "what ends a wait": (
        changed(("until: {on: delivery.opened}", "until: {on: page.viewed}")),
        {"delivery.opened", "page.viewed"},
    ),
    "a step": (changed(("actions: [come-back, call]", "actions: [come-back]")), {"delivery.opened"}),
    "a trigger": (changed(("event.amount > 90.0", "event.amount > 60.0")), {"basket.purchased"}),
    "an intervention less": (
        changed(
            ("  - {name: thank, trigger: {stage: huge}, steps: [{decide: {actions: [thanks, call]}}]}\n", "  []\n")
        ),
        {"basket.huge"},
    ),
    "an intervention more": (
        changed(
            (
                "  - name: nudge\n",
                "  - {name: first, trigger: {on: profile.identified}, steps: [{decide: {actions: [call]}}]}\n"
                "  - name: nudge\n",
            )
        ),
        {"profile.identified"},
    ),
    "what comes first": (
        changed(("  - name: offer\n", "  - name: offer\n    priority: 3\n")),
        {"basket.purchased", "profile.left", "delivery.opened"},
    ),
    "an entry": (
        changed(("event.amount >= 5.0", "event.amount >= 25.0")),
        {"basket.purchased", "profile.left", "delivery.opened"},
    ),
    "a reason to leave": (
        changed(("exit: [{on: profile.left", "exit: [{on: page.viewed, reason: looked}, {on: profile.left")),
        {"basket.purchased", "profile.left", "delivery.opened", "page.viewed"},
    ),
    "a feature": (
        changed(("baskets: {count: basket.purchased, window: 15d}", "baskets: {count: basket.purchased, window: 30d}")),
        {"basket.purchased", "profile.left", "delivery.opened"},
    ),
    "a priority": (changed(("priority: 5", "priority: -5")), {"basket.purchased", "profile.left", "delivery.opened"}),
    "a friction": (changed(("times: 3, within: 4d", "times: 2, within: 4d")), None),
    "an audience": (changed(("bought >= 4", "bought >= 3")), None),
    "a schedule": (changed(("weekday: monday", "weekday: friday")), None),
    "a contact": (changed(("contact: email", "contact: phone")), None),
    "a journey more": (
        load_text(
            PROGRAMME
            + """---
kind: Journey
name: browsers
priority: 9
entry: [{on: page.viewed}]
reentry: always
goal: {on: basket.purchased, within: 8d}
stages: [{name: undecided, after: {idle: page.viewed, for: 3d}}]
interventions: [{name: ring, trigger: {stage: undecided}, steps: [{decide: {actions: [call]}}]}]
"""
        ),
        {"page.viewed", "basket.purchased"},
    ),
    "a journey less": (load_text(PROGRAMME[: PROGRAMME.index("---\nkind: Journey\nname: weekly")]), None),
    "two journeys": (
        changed(
            ("for: 15d}", "for: 9d}"),
            ("- wait: {for: 3d}", "- wait: {for: 12d}"),
            ("max: 1, per: 7d", "max: 2, per: 9d"),
        ),
        {"profile.identified"},
    ),
}
"""By what is changed: the changed programme, and the events that touches; None: all."""


def life(number: int) -> list[Event]:
    """A customer who buys and looks in fits and starts."""
    chance, id = random.Random(number), stable_id("profile", number)
    day = chance.random() * 20
    events = [known(id, day)] if chance.random() < 0.8 else []
    while day < UPTO:
        pace = chance.choice((1, 1, 3, 3, 8, 20))
        for _ in range(chance.randrange(1, 8)):
            day += chance.random() * pace
            type = chance.choices(("basket.purchased", "page.viewed", "profile.left"), (6, 4, 0.3))[0]
            events.append(event(type, id, day, amount=chance.choice((2, 10, 40, 95))))
        if chance.random() < 0.1:
            granted = chance.random() < 0.5
            events.append(event("consent.changed", id, day, channel="email", granted=granted, **{"class": "marketing"}))
    return [each for each in events if each.as_of < UPTO * DAY]


def outcomes(recording: Recording) -> list[Event]:
    """What came back of messages: of some nothing, of some too late to matter."""
    chance = random.Random(7)
    found = []
    for partition in sorted(recording.entries):
        for fact in recording.entries[partition]:
            if fact.type == "journey.moment_reached" and chance.random() < 0.7:
                day = fact.as_of / DAY + chance.random() * 6
                type = chance.choices(("opened", "bounced"), (5, 1))[0]
                about = {"decision_id": decision_id(fact.data["moment_id"]), "action": "thanks", "channel": "email"}
                found.append(event(f"delivery.{type}", fact.profile_id, min(day, UPTO - 1), **about))
    return found


@pytest.fixture(scope="module")
def recording() -> Recording:
    events = [each for number in range(PEOPLE) for each in life(number)]
    first = record(events, (0, changed()), upto=UPTO)
    return record([*events, *outcomes(first)], (0, changed()), upto=UPTO)


def answer(recording: Recording, after: Programme, folder: Path, *, verify: bool, since: int | None = None) -> Report:
    before = changed()
    question = Question("default", before.bundle(), after.bundle(), since, None, "none", verify=verify)
    plan = Plan(question, recording.heads(), dict.fromkeys(range(PARTITIONS), UPTO * DAY))
    return report(question, before, after, simulate(plan, recording, folder, 1))


def same_both_ways(recording: Recording, after: Programme, folder: Path, since: int | None = None) -> Report:
    short = answer(recording, after, folder / "short", verify=False, since=since)
    full = answer(recording, after, folder / "full", verify=True, since=since)
    baseline = full.pop("baseline")
    assert baseline["moments_checked"] == baseline["moments_reproduced"] == baseline["moments_recorded"] > 0
    assert baseline["moments_not_recorded"] == 0
    assert short.pop("baseline")["moments_checked"] < baseline["moments_checked"]
    assert short == full
    return short


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", CHANGES)
def test_the_short_way_finds_the_same(recording: Recording, what: str, tmp_path: Path) -> None:
    found = same_both_ways(recording, CHANGES[what][0], tmp_path)
    assert found["recorded"]["people"] == PEOPLE


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_short_way_counts_from_the_same_instant(recording: Recording, tmp_path: Path) -> None:
    found = same_both_ways(recording, CHANGES["two journeys"][0], tmp_path, since=60 * DAY)
    assert found["since"] == "1970-03-02T00:00:00Z"


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_touches_what_it_may_make_a_difference_to(what: str) -> None:
    after, types = CHANGES[what]
    found = touched(compile_programme(changed()), compile_programme(after))
    assert (None if found.everything else set(found.types)) == types


def test_a_change_reaches_those_who_meet_it(recording: Recording) -> None:
    streams: dict[str, list[Event]] = {}
    for fact in (fact for facts in recording.entries.values() for fact in facts):
        streams.setdefault(fact.profile_id, []).append(fact)
    found = touched(compile_programme(changed()), compile_programme(CHANGES["a wait"][0]))
    reached = {id for id, stream in streams.items() if found.reaches(stream)}
    assert reached == {
        id for id, stream in streams.items() if any(fact.type == "profile.identified" for fact in stream)
    }
    assert 0 < len(reached) < PEOPLE
