"""One customer turns out to be two: which past contacts count for whom.

A contact made before the two were one counts for the person it was decided for; one made while they were one counts
for both, so that no cap is broken by telling them apart. An outcome goes with its contact; a consent with the event
that told it.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from cairn_decisions.decide import DECISION_MADE, SOURCE
from cairn_decisions.facts import LEDGER_PARTED, LEDGER_UNITED, OUTCOME_RECORDED, ProfileState, fold, ledger_data
from cairn_decisions.ledger import Ledger
from cairn_kernel.event import CONSENT_CHANGED, Event, derived
from cairn_kernel.ids import stable_id
from cairn_kernel.two_sided import other_copy


class Owned(NamedTuple):
    """Ids of decisions, and of outcomes of no known decision, by whose they are."""

    theirs: frozenset[str]
    """Of the profile that leaves."""
    shared: frozenset[str]
    """Made while both were one."""


def owned(history: Sequence[Event], receiver: str) -> Owned:
    """Whose the contacts of a profile are, if `receiver` leaves it. Of one that never came everything is shared."""
    places = (i for i, fact in enumerate(history) if fact.type == LEDGER_UNITED and fact.data["from"] == receiver)
    came = max(places, default=None)
    theirs = _keys_of(history[came].data) if came is not None else frozenset[str]()
    since = history[came + 1 :] if came is not None else history
    made = {fact.id for fact in since if fact.type == DECISION_MADE}
    told = {fact.id for fact in since if fact.type == OUTCOME_RECORDED and not fact.data["decision_id"]}
    return Owned(theirs, frozenset(made | told))


def given(state: ProfileState, split: Event, history: Sequence[Event]) -> Ledger:
    """The ledger without what belongs to the other alone."""
    theirs = owned(history, str(split.data["to"])).theirs
    return Ledger(
        contacts=tuple(row for row in state.ledger.contacts if row.decision_id not in theirs),
        outcomes=tuple(row for row in state.ledger.outcomes if (row.decision_id or row.event_id) not in theirs),
        words=(staying := _folded(state, _staying_words(history, split))).words,
        joined=staying.joined,
    )


def received(state: ProfileState, split: Event, giver: Sequence[Event]) -> Ledger:
    """The own ledger of before, with what was its own all along and what was done while both were one."""
    held = giver[: other_copy(split, giver)]
    before = reduce(fold, held, ProfileState(state.tenant, str(split.data["from"]))).ledger
    keys = frozenset[str]().union(*owned(held, state.profile_id))
    moved = [fact for fact in held if fact.type == CONSENT_CHANGED and fact.id in split.data.get("events", ())]
    gained = Ledger(
        contacts=tuple(row for row in before.contacts if row.decision_id in keys),
        outcomes=tuple(row for row in before.outcomes if (row.decision_id or row.event_id) in keys),
        words=_folded(state, moved).words,
    )
    return state.ledger.united(gained)


def ledger_parted(split: Event, state: ProfileState, ledger: Ledger) -> Event:
    """The fact that holds the whole ledger of one side from now on."""
    return derived(
        split,
        id=stable_id("ledger-parted", split.id),
        type=LEDGER_PARTED,
        version=2,
        source=SOURCE,
        profile_id=state.profile_id,
        data={"from": split.data["from"], "to": split.data["to"], **ledger_data(ledger)},
    )


def _keys_of(united: dict[str, Any]) -> frozenset[str]:
    contacts, outcomes = united["contacts"], united["outcomes"]
    return frozenset({*united["decided"], *(row[1] for row in contacts), *(row[6] or row[1] for row in outcomes)})


def _staying_words(history: Sequence[Event], split: Event) -> Sequence[Event]:
    """Facts that tell of consent, without what the moved events told and what came with the profile that leaves."""
    moved, leaving, stays = set(split.data.get("events", ())), split.data["to"], split.data["from"]
    return [
        fact
        for fact in history
        if (fact.type == CONSENT_CHANGED and fact.id not in moved)
        or (fact.type == LEDGER_UNITED and fact.data["from"] != leaving)
        or (fact.type == LEDGER_PARTED and fact.data["to"] == stays)
    ]


def _folded(state: ProfileState, told: Sequence[Event]) -> Ledger:
    return reduce(fold, told, ProfileState(state.tenant, state.profile_id)).ledger
