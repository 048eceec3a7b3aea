"""Anything in any order: events late and out of order, ticks, new definitions, merges, splits, crashes, replays.

After each step the engine must say what the model in `naive.py` works out from scratch. The machine was seen to fail
within its bounds when each of these was broken on purpose: an exit leaves its timers armed; a wait that an event ends
keeps its timer; the time for the goal never ends; a refold goes in order of arrival; a merge takes the loser's
touchpoints twice, or forgets them; a split leaves with the giver what moved; a profile that was merged and is restored
counts what stayed behind; a late event retells too short a tail; a revision withdraws no moments, or does not say what
it undid; a pause forgets what ends a wait, or lets what is refused enter when two turn out to be one; a timer that
fired does not count as what took effect last; a merge is no floor; an event takes effect however long ago it happened,
or before the journey was last paused or resumed; a merge lets in by what holds now, or holds only those who were held.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cairn_journey import JourneyDomain, Programmes, canonical_state, load_text, parse_state
from cairn_journey.engine.facts import MOMENT_REACHED
from cairn_journey.engine.state import CustomerState
from cairn_journey.engine.timeline import facts_in_force
from cairn_kernel.event import MERGED, PAUSED, RESUMED, SPLIT, Event, Identifier, from_canonical_json, to_canonical_json
from cairn_kernel.ids import stable_id

from .naive import DAY, LATENESS, LENGTHS, PROGRAMME, Act, Happened, moments, summary
from .scenario import CATALOGUE

QUARTER = DAY // 4
VERSIONS = {
    name: load_text(PROGRAMME.format(idle=idle, wait=wait) + CATALOGUE) for name, (idle, wait) in LENGTHS.items()
}
NAMES = {programme.version: name for name, programme in VERSIONS.items()}
PEOPLE = ("ada", "bob", "cyd")


class Stored:
    """One profile: its stream as bytes, which is all that survives a crash, and what is in memory."""

    def __init__(self, domain: JourneyDomain, profile_id: str) -> None:
        self.domain = domain
        self.profile_id = profile_id
        self.rows: list[bytes] = []
        self.state = domain.initial("default", profile_id)
        self.happened: list[Happened] = []
        self.floor = 0

    @property
    def stream(self) -> list[Event]:
        return [from_canonical_json(row) for row in self.rows]

    def commit(self, result: tuple[list[Event], CustomerState]) -> None:
        facts, self.state = result
        self.rows += [to_canonical_json(fact) for fact in facts]


class Everything(RuleBasedStateMachine):
    """What a partition goes through."""

    def __init__(self) -> None:
        super().__init__()
        self.programmes = Programmes()
        self.domain = JourneyDomain(self.programmes)
        self.stored = {name: Stored(self.domain, name) for name in PEOPLE}
        self.owner = {name: name for name in PEOPLE}
        """Who an identifier belongs to."""
        self.now = 100 * DAY
        self.count = 0
        self.acts: list[Act] = []
        self.paused = False

    @initialize()
    def begins(self) -> None:
        for name in reversed(LENGTHS):
            self.programmes.activate("default", VERSIONS[name])
        self.version = "first"

    @rule(
        person=st.sampled_from(PEOPLE),
        type=st.sampled_from(
            ["basket.purchased"] * 4 + ["page.viewed", "coupon.redeemed", "account.closed", "profile.identified"]
        ),
        ago=st.sampled_from([0, 0, 0, 1, 3, 8, 15, 16, 17, 30]),
        later=st.sampled_from([0, 0, 1, 2, 6]),
        lost=st.booleans(),
    )
    def something_happens(self, person: str, type: str, ago: int, later: int, lost: bool) -> None:
        """`ago` in quarters of a day, often within the allowance; `lost`: the commit failed and is made again."""
        self.count += 1
        self.now += later * QUARTER
        profile = self.stored[self.owner[person]]
        data: dict[str, Any] = {"tier": self.count % 5} if type == "profile.identified" else {"amount": 2.5}
        event = Event(
            id=stable_id("event", self.count),
            tenant="default",
            type=type,
            event_time=self.now - ago * QUARTER,
            as_of=self.now,
            profile_id=profile.profile_id,
            identifiers=(Identifier("user_id", person),),
            data=data,
        )
        effect = max(event.event_time, self.now - LATENESS, profile.floor)
        happened = Happened(event.id, type, effect, event.event_time, self.version, data)
        result = self.handled(profile, event)
        if lost:
            assert [*map(to_canonical_json, result[0])] == [*map(to_canonical_json, self.handled(profile, event)[0])]
        profile.commit(result)
        profile.happened.append(happened)
        self.check(profile)

    def handled(self, profile: Stored, event: Event) -> tuple[list[Event], CustomerState]:
        if self.domain.disordered(profile.state, event):
            return self.domain.revise(profile.state, event, profile.stream)
        return self.domain.handle(profile.state, event)

    @rule(quarters=st.sampled_from([1, 4, 14, 30, 90]), ticked=st.booleans())
    def time_passes(self, quarters: int, ticked: bool) -> None:
        self.now += quarters * QUARTER
        for profile in self.stored.values() if ticked else ():
            profile.commit(self.domain.tick(profile.state, self.now))
            self.check(profile)

    @rule()
    def a_new_definition_comes_into_force(self) -> None:
        self.version = "second" if self.version == "first" else "first"
        self.programmes.activate("default", VERSIONS[self.version])

    @rule()
    def an_operator_pauses_the_journey_or_lets_it_go_on(self) -> None:
        self.now += 1
        self.paused = not self.paused
        self.acts.append(Act(self.now, self.paused))
        control = self.control(PAUSED if self.paused else RESUMED, "", {"journey": "care"})
        self.programmes.operate("default", control)
        for profile in self.stored.values():
            profile.commit(self.domain.walk(profile.state, control))
            profile.floor = self.now + 1
            self.check(profile)
        self.now += 1

    @rule(one=st.sampled_from(PEOPLE), other=st.sampled_from(PEOPLE))
    def two_turn_out_to_be_one(self, one: str, other: str) -> None:
        survivor, loser = self.stored[self.owner[one]], self.stored[self.owner[other]]
        if survivor is loser:
            return
        self.now += 1
        about = {"from": loser.profile_id, "to": survivor.profile_id}
        copies = {side: self.control(MERGED, side, about) for side in about.values()}
        loser.commit(self.domain.close(loser.state, copies[loser.profile_id]))
        copy = copies[survivor.profile_id]
        survivor.commit(self.domain.unite(survivor.state, copy, survivor.stream, loser.stream))
        survivor.happened += loser.happened
        loser.happened = []
        survivor.floor = loser.floor = self.now
        self.owner = {name: survivor.profile_id if who == loser.profile_id else who for name, who in self.owner.items()}
        self.check(survivor)
        self.now += 1

    @rule(person=st.sampled_from(PEOPLE))
    def one_turns_out_to_be_two(self, person: str) -> None:
        giver, receiver = self.stored[self.owner[person]], self.stored[person]
        if giver is receiver:
            return
        self.now += 1
        about = {"from": giver.profile_id, "to": receiver.profile_id, "moved": [f"user_id:{person}"]}
        giver.commit(self.domain.give(giver.state, self.control(SPLIT, giver.profile_id, about), giver.stream))
        copy = self.control(SPLIT, receiver.profile_id, about)
        receiver.commit(self.domain.receive(receiver.state, copy, receiver.stream, giver.stream))
        self.owner[person] = person
        going = {stable_id("event", number) for number in range(self.count + 1)} & self.of(person, giver)
        receiver.happened += [one for one in giver.happened if one.id in going]
        giver.happened = [one for one in giver.happened if one.id not in going]
        giver.floor = receiver.floor = self.now
        self.check(giver)
        self.check(receiver)
        self.now += 1

    def of(self, person: str, giver: Stored) -> set[str]:
        """Ids of all events ever told of a person."""
        told = [fact for profile in self.stored.values() for fact in profile.stream]
        return {fact.id for fact in told if fact.identifiers and fact.identifiers[0].token == person}

    @rule(person=st.sampled_from(PEOPLE), cut=st.integers(0, 1_000))
    def the_process_dies(self, person: str, cut: int) -> None:
        """What is left is the stream, and perhaps a snapshot of any time."""
        profile = self.stored[person]
        initial = self.domain.initial("default", profile.profile_id)
        stream = profile.stream
        at = cut % (len(stream) + 1)
        snapshot = canonical_state(self.domain.fold(initial, stream[:at]))
        after = self.domain.fold(parse_state(snapshot), stream[at:])
        assert canonical_state(after) == canonical_state(self.domain.fold(initial, stream))
        assert canonical_state(after) == canonical_state(profile.state)
        profile.state = after

    def control(self, type: str, profile_id: str, data: dict[str, Any]) -> Event:
        self.count += 1
        return Event(
            id=stable_id(type, self.now, profile_id, self.count),
            tenant="default",
            type=type,
            event_time=self.now,
            as_of=self.now,
            profile_id=profile_id,
            data=data,
            causation_id=stable_id("cause", self.now, *(str(data.get(side)) for side in ("from", "to"))),
        )

    def check(self, profile: Stored) -> None:
        """The state, brought to this instant, against the model; and no moment is ever stated twice."""
        if profile.state.closed_into:
            return
        facts, state = self.domain.tick(profile.state, self.now)
        assert self.said(state) == summary(profile.happened, self.acts, self.now)
        stream = [*profile.stream, *facts]
        stated = [fact.id for fact in stream if fact.type == MOMENT_REACHED]
        assert len(stated) == len(set(stated))
        held = [fact for fact in facts_in_force(stream).values() if fact.type == MOMENT_REACHED]
        later = sorted((fact.as_of, fact.data["step"]) for fact in held if fact.as_of > profile.floor)
        assert later == sorted(moments(profile.happened, self.acts, self.now, profile.floor))

    def said(self, state: CustomerState) -> dict[str, Any]:
        active = self.programmes.active("default")
        assert active is not None
        features = {one.name: one.value(state.features, self.now) for one in active.journeys["care"].features}
        record = state.records.get("care")
        return {
            "traits": state.traits,
            **features,
            "last_seen": state.last_seen,
            "open": [
                (NAMES[one.version], one.entered, one.stage, one.stage_entered, waits(one.runs), one.held is not None)
                for one in state.open.values()
            ],
            "entered": record.entered if record else 0,
            "past": [
                (NAMES[one.version], one.entered, one.ended, one.exit_reason or "goal")
                for one in (record.past if record else ())
            ],
        }


def waits(runs: dict[str, Any]) -> int | None:
    return runs["offer"].due if "offer" in runs else None


Everything.TestCase.settings = settings(max_examples=150, stateful_step_count=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestAnythingInAnyOrder(Everything.TestCase):  # type: ignore[misc, valid-type]  # made by Hypothesis
    """150 runs of up to 40 steps, the same ones each time."""
