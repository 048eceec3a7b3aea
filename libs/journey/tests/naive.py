"""A model of one small programme that anybody can check by reading: lists, scans, no engine.

It knows what happened to one customer (in order of effect) and, for any instant, works everything out from the first
event on. It shares no code with the engine.
"""

from dataclasses import dataclass, field
from typing import Any

DAY = 86_400_000_000

PROGRAMME = """
kind: Journey
name: care
features:
  baskets: {{count: basket.purchased}}
  recent: {{count: basket.purchased, window: 30d}}
  spend: {{sum: basket.purchased, of: amount}}
entry: [{{on: basket.purchased}}]
reentry: {{after: 5d}}
goal: {{on: coupon.redeemed, value: event.amount, currency: EUR, within: 20d}}
exit: [{{on: account.closed}}]
stages:
  - {{name: active, on: basket.purchased}}
  - {{name: keen, on: page.viewed, when: baskets >= 2}}
  - {{name: lapsing, after: {{idle: basket.purchased, for: {idle}d}}}}
interventions:
  - name: offer
    trigger: {{stage: lapsing}}
    steps:
      - decide: {{actions: {{tag: greeting}}}}
      - wait: {{until: {{on: basket.purchased}}, for: {wait}d}}
      - branch:
          - {{when: wait.timed_out, steps: [{{decide: {{actions: [reminder-email]}}}}]}}
lateness: 4d
"""
LATENESS = 4 * DAY
LENGTHS = {"first": (6, 3), "second": (4, 2)}
"""Days until lapsing and of the wait, by version."""


@dataclass
class Happened:
    """Something a customer did, and when it takes effect."""

    id: str
    type: str
    effect: int
    event_time: int
    version: str
    data: dict[str, Any]

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.effect, self.event_time, self.id)


@dataclass
class Act:
    """The journey was paused, or went on, for everybody."""

    at: int
    paused: bool


@dataclass
class Stay:
    """Once in the journey."""

    version: str
    entered: int
    stage: str = ""
    stage_entered: int | None = None
    lapses: int | None = None
    waits: int | None = None
    met: bool = False
    """Whether what it waits for came during a pause."""
    paused: bool = False
    resumed: int = 0
    ended: int | None = None
    how: str = ""


@dataclass
class Story:
    """What follows from what happened, up to an instant."""

    traits: dict[str, Any] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)
    moments: list[tuple[int, str]] = field(default_factory=list)
    last_seen: int | None = None
    paused: bool = False

    @property
    def open(self) -> Stay | None:
        return self.stays[-1] if self.stays and self.stays[-1].ended is None else None

    def time_passes(self, upto: int) -> None:
        while stay := self.open:
            due = [
                (stay.entered + 20 * DAY, "1 too late"),
                *([(stay.lapses, "2 lapses")] if stay.lapses is not None else []),
                *([(max(stay.waits, stay.resumed), "3 waited")] if stay.waits is not None and not stay.paused else []),
            ]
            at, what = min(due)
            if at > upto:
                return
            if what == "1 too late":
                stay.ended, stay.how = at, "goal_window_elapsed"
            elif what == "2 lapses":
                stay.lapses, stay.stage, stay.stage_entered = None, "lapsing", at
                if stay.waits is None and not stay.paused:
                    self.moments.append((at, "1"))
                    stay.waits = at + LENGTHS[stay.version][1] * DAY
            else:
                if not stay.met:
                    self.moments.append((at, "3.1.1"))
                stay.waits, stay.met = None, False

    def takes_in(self, one: Happened, baskets: int) -> None:
        self.time_passes(one.effect)
        self.last_seen = one.effect
        stay = self.open
        if stay is not None and one.type == "account.closed":
            stay.ended, stay.how = one.effect, "exit_event"
        elif stay is not None and one.type == "coupon.redeemed":
            stay.ended, stay.how = one.effect, "goal"
        elif one.type == "page.viewed" and stay is not None and baskets >= 2 and stay.stage != "keen":
            stay.stage, stay.stage_entered = "keen", one.effect
        elif one.type == "basket.purchased":
            self.buys(one)

    def operated(self, act: Act) -> None:
        self.time_passes(act.at)
        self.paused = act.paused
        stay = self.open
        if stay is not None and stay.paused is not act.paused:
            stay.paused = act.paused
            stay.resumed = stay.resumed if act.paused else act.at

    def buys(self, one: Happened) -> None:
        stay = self.open
        if stay is None:
            if self.paused or (self.stays and one.effect < (self.stays[-1].ended or 0) + 5 * DAY):
                return
            stay = Stay(one.version, one.effect)
            self.stays.append(stay)
        stay.lapses = one.effect + LENGTHS[stay.version][0] * DAY
        if not stay.paused:
            stay.waits = None
        elif stay.waits is not None and not stay.met:
            stay.waits, stay.met = one.effect, True
        if stay.stage != "active":
            stay.stage, stay.stage_entered = "active", one.effect


def story(happened: list[Happened], acts: list[Act], upto: int) -> Story:
    """Everything, worked out from the first event on."""
    told = Story()
    done: list[Happened] = []
    ahead = sorted(acts, key=lambda act: act.at)
    for one in sorted(happened, key=lambda one: one.order):
        while ahead and ahead[0].at <= one.effect:
            told.operated(ahead.pop(0))
        done.append(one)
        told.takes_in(one, len([each for each in done if each.type == "basket.purchased"]))
    for act in ahead:
        told.operated(act)
    told.time_passes(upto)
    for name in {name for one in happened for name in one.data if one.type == "profile.identified"}:
        tellers = [one for one in happened if one.type == "profile.identified" and name in one.data]
        told.traits[name] = max(tellers, key=lambda one: (one.event_time, one.order)).data[name]
    return told


def summary(happened: list[Happened], acts: list[Act], upto: int) -> dict[str, Any]:
    """What the engine must say of a customer at an instant."""
    told = story(happened, acts, upto)
    baskets = [one for one in happened if one.type == "basket.purchased"]
    return {
        "traits": told.traits,
        "baskets": len(baskets),
        "recent": len([one for one in baskets if one.effect // DAY > upto // DAY - 30]),
        "spend": float(sum(one.data["amount"] for one in baskets)),
        "last_seen": told.last_seen,
        "open": [
            (stay.version, stay.entered, stay.stage, stay.stage_entered, stay.waits, stay.paused)
            for stay in told.stays
            if stay.ended is None
        ],
        "entered": len(told.stays),
        "past": [(stay.version, stay.entered, stay.ended, stay.how) for stay in told.stays if stay.ended][-10:],
    }


def moments(happened: list[Happened], acts: list[Act], upto: int, after: int) -> list[tuple[int, str]]:
    """When which decision is due, after an instant."""
    return [moment for moment in story(happened, acts, upto).moments if moment[0] > after]
