"""What holds whatever happens, in whatever order."""

import random
from dataclasses import replace
from functools import reduce
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from cairn_decisions.facts import ProfileState, fold
from cairn_decisions.ledger import Ledger
from cairn_decisions.limits import cap_verdict
from cairn_journey.language.model import Cap, ContactPolicy, Cooldown
from cairn_kernel.consents import Joined
from cairn_kernel.event import MERGED, Event, canonical

from .scene import PROFILE, T0, Profile, action, consent, event, moment, outcome, programme

WINDOW = 100
LIMIT = 3
RULES = programme(
    action(),
    action("sms", channels=("sms",), eligible="event.amount > 3.0"),
    action("receipt", class_="service"),
    policy=ContactPolicy("p", caps=(Cap("person", LIMIT, WINDOW, "marketing"),), cooldowns=(Cooldown("bounced", 40),)),
)

offsets = st.integers(0, 5 * WINDOW)
moments = st.builds(
    lambda name, at, asked, amount: moment(
        str(name), T0 + at, actions=asked, contacts=("email", "sms"), event={"amount": amount}
    ),
    st.integers(0, 10_000),
    offsets,
    st.sampled_from([["coupon-10"], ["sms"], ["receipt"], None, []]),
    st.sampled_from([1.0, 5.0]),
)
consents = st.builds(
    lambda at, granted, channel: consent(T0 + at, granted=granted, channel=channel),
    offsets,
    st.booleans(),
    st.sampled_from(["email", "sms", ""]),
)
outcomes = st.builds(
    lambda at, status: outcome(status, T0 + at), offsets, st.sampled_from(["sent", "bounced", "rejected"])
)
inputs = st.lists(st.one_of(moments, moments, consents, outcomes), max_size=40)


def busiest(times: list[int]) -> int:
    return max((sum(start <= time < start + WINDOW for time in times) for start in times), default=0)


@given(inputs, st.booleans())
def test_no_window_ever_holds_more_than_the_cap_whatever_the_order_or_burst(come: list[Event], in_order: bool) -> None:
    ada = Profile(RULES).given(*(sorted(come, key=lambda item: item.as_of) if in_order else come))
    marketing = [row.at for row in ada.state.ledger.contacts if row.message_class == "marketing"]
    assert busiest(marketing) <= LIMIT


@given(inputs, st.randoms(use_true_random=False))
def test_a_contact_whose_message_was_not_sent_makes_room_and_what_was_sent_never_exceeds_the_cap(
    come: list[Event], chance: random.Random
) -> None:
    """Each decision's outcome comes back before the next moment: sent, or suppressed, expired, rejected."""
    ada, sent = Profile(RULES), list[int]()
    for item in sorted(come, key=lambda item: item.as_of):
        told = ada.when(item)
        if item.type == "journey.moment_reached" and told.get("chosen") and told["chosen"]["class"] == "marketing":
            status = chance.choice(["sent", "suppressed", "expired", "rejected"])
            ada.when(outcome(status, item.as_of, decision_id=ada.stream[-1].id))
            sent += [item.as_of] if status == "sent" else []
    assert busiest(sent) <= LIMIT
    assert [row.at for row in ada.state.ledger.counted() if row.message_class == "marketing"] == sorted(sent)


@given(st.lists(offsets, max_size=30), offsets)
def test_the_next_possible_instant_is_the_first_that_fits(past: list[int], at: int) -> None:
    times = sorted(past)
    verdict = cap_verdict(times, at, limit=LIMIT, window=WINDOW, what="messages")
    assert verdict.next_at is not None

    def crowd(time: int) -> int:
        near = [*times, time]
        starts = [start for start in near if start <= time < start + WINDOW]
        return max(sum(start <= other < start + WINDOW for other in near) for start in starts)

    assert verdict.allowed == (crowd(at) <= LIMIT)
    assert crowd(verdict.next_at) <= LIMIT
    assert all(crowd(time) > LIMIT for time in range(at, verdict.next_at))


@given(inputs)
def test_the_state_is_the_fold_of_the_stream(come: list[Event]) -> None:
    ada = Profile(RULES).given(*come)
    assert reduce(fold, ada.stream, ProfileState("default", PROFILE)) == ada.state


@given(inputs)
def test_every_moment_gets_exactly_one_decision(come: list[Event]) -> None:
    ada = Profile(RULES).given(*come)
    told = {item.data["moment_id"] for item in come if item.type == "journey.moment_reached"}
    answered = [item.data["moment_id"] for item in ada.stream if item.type == "decision.made"]
    assert sorted(answered) == sorted(told)


@given(inputs)
def test_equal_inputs_give_equal_bytes(come: list[Event]) -> None:
    assert canonical(Profile(RULES).given(*come).stream) == canonical(Profile(RULES).given(*come).stream)


@given(inputs, inputs, inputs)
def test_the_union_of_ledgers_does_not_depend_on_order(a: list[Event], b: list[Event], c: list[Event]) -> None:
    ledgers = [Profile(RULES).given(*come).state.ledger for come in (a, b, c)]
    unions = [reduce(Ledger.united, order) for order in permutations(ledgers)]
    assert all(left == right for left, right in pairwise(unions))
    assert unions[0].united(ledgers[0]) == unions[0]


@given(inputs, inputs)
def test_a_merge_gives_the_survivor_both_ledgers_and_folds_back(mine: list[Event], theirs: list[Event]) -> None:
    survivor, loser = Profile(RULES).given(*mine), Profile(RULES, "loser").given(*theirs)
    merged = event(MERGED, T0 + 5 * WINDOW, {"from": "loser", "to": PROFILE})
    last, closed = loser.domain.close(loser.state, merged)
    assert closed.closed
    facts, state = survivor.domain.unite(survivor.state, merged, survivor.stream, [*loser.stream, *last])
    united = survivor.state.ledger.united(loser.state.ledger)
    assert replace(state.ledger, joined=()) == united
    assert state.ledger.joined == (Joined(merged.as_of, "loser", PROFILE),)
    assert state.decided == survivor.state.decided | loser.state.decided
    assert not state.closed
    assert reduce(fold, [*survivor.stream, *facts], ProfileState("default", PROFILE)) == state
