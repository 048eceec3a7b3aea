"""The facts of a profile's stream besides decisions, and how each is folded into the state."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cairn_decisions.decide import DECISION_MADE, SOURCE, decision_id
from cairn_decisions.ledger import Contact, Ledger, Outcome
from cairn_kernel.consents import GRANTED, WITHDRAWN, Joined, Word, word_of
from cairn_kernel.event import CONSENT_CHANGED, MERGED, Event, derived
from cairn_kernel.ids import stable_id

OUTCOMES: Final = "delivery."
"""Touchpoints of these names tell what became of our own messages."""
OUTCOME_RECORDED: Final = "contact.outcome_recorded"
LEDGER_UNITED: Final = "contact.ledger_united"
LEDGER_PARTED: Final = "contact.ledger_parted"
DECISION_WITHDRAWN: Final = "decision.withdrawn"
"""A decision whose moment no longer holds: what no connector has had yet is kept back. Its contact counts until
the outcome says that nothing was sent."""


@dataclass(frozen=True, slots=True)
class ProfileState:
    """What decisioning knows of one profile: the fold of its stream."""

    tenant: str
    profile_id: str
    ledger: Ledger = field(default_factory=Ledger)
    decided: frozenset[str] = frozenset()
    """Ids of all decisions, so that a moment told twice is decided once."""
    closed: bool = False
    """True once the profile was merged into another."""


def outcome_recorded(touchpoint: Event) -> Event:
    """The ledger's fact about an outcome that came back as a touchpoint."""
    data = touchpoint.data
    return derived(
        touchpoint,
        id=stable_id("contact-outcome", touchpoint.id),
        type=OUTCOME_RECORDED,
        source=SOURCE,
        data={
            "status": touchpoint.type.removeprefix(OUTCOMES),
            "delivery_id": data.get("delivery_id", ""),
            "decision_id": data.get("decision_id", ""),
            "action": data.get("action", ""),
            "channel": data.get("channel", ""),
        },
    )


def withdrawn(state: ProfileState, moment: Event) -> Iterator[Event]:
    """The fact that the decision of a moment is withdrawn; none if nothing was chosen."""
    decided = decision_id(str(moment.data["moment_id"]))
    for contact in state.ledger.contacts:
        if contact.decision_id == decided:
            yield derived(
                moment,
                id=stable_id("decision-withdrawn", moment.id),
                type=DECISION_WITHDRAWN,
                source=SOURCE,
                data={
                    "decision_id": decided,
                    "moment_id": moment.data["moment_id"],
                    "journey": contact.journey,
                    "action": contact.action,
                    "channel": contact.channel,
                },
            )


def ledger_united(merged: Event, survivor: ProfileState, loser: ProfileState) -> Event:
    """The survivor's fact that holds the whole ledger of the profile merged into it."""
    return derived(
        merged,
        id=stable_id("ledger-united", merged.id),
        type=LEDGER_UNITED,
        version=2,
        source=SOURCE,
        profile_id=survivor.profile_id,
        data={
            "from": loser.profile_id,
            **ledger_data(loser.ledger),
            "decided": sorted(loser.decided),
        },
    )


def ledger_data(ledger: Ledger) -> dict[str, Any]:
    """A whole ledger as a fact carries it."""
    return {
        "contacts": [list(contact) for contact in ledger.contacts],
        "outcomes": [list(outcome) for outcome in ledger.outcomes],
        "words": [list(word) for word in ledger.words],
        "joined": [list(joined) for joined in ledger.joined],
    }


def with_words(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a whole ledger in version 2, made from version 1: that held the latest consents by channel and class.

    It did not say of whom they were told: of the profile that the fact is about.
    """
    words = [
        list(Word(at, withdrawn, at, event_id, "", channel, class_, WITHDRAWN if withdrawn else GRANTED))
        for channel, class_, at, _, withdrawn, event_id in data["consents"]
    ]
    kept = {name: value for name, value in data.items() if name != "consents"}
    return {**kept, "words": words, "joined": []}


def fold(state: ProfileState, event: Event) -> ProfileState:
    """The state after one more fact; facts of other types change nothing."""
    by_type = _FOLDS.get(event.type)
    return state if by_type is None else by_type(state, event)


def _decision_made(state: ProfileState, event: Event) -> ProfileState:
    decided = state.decided | {event.id}
    chosen = event.data.get("chosen")
    if not chosen:
        return replace(state, decided=decided)
    contact = Contact(
        event.as_of, event.id, chosen["action"], chosen["class"], chosen["channel"], event.data["journey"]
    )
    return replace(state, ledger=state.ledger.with_contact(contact), decided=decided)


def _outcome_recorded(state: ProfileState, event: Event) -> ProfileState:
    data = event.data
    outcome = Outcome(
        event.as_of, event.id, data["status"], data["action"], data["channel"], data["delivery_id"], data["decision_id"]
    )
    return replace(state, ledger=state.ledger.with_outcome(outcome))


def _consent_changed(state: ProfileState, event: Event) -> ProfileState:
    word = word_of(event)._replace(profile_id=state.profile_id)
    return replace(state, ledger=state.ledger.with_word(word))


def _merged(state: ProfileState, event: Event) -> ProfileState:
    return replace(state, closed=True) if event.data.get("from") == state.profile_id else state


def _ledger_united(state: ProfileState, event: Event) -> ProfileState:
    loser = str(event.data["from"])
    gained = replace(_ledger_of(event.data, loser), joined=(Joined(event.as_of, loser, state.profile_id),))
    decided = state.decided | set(event.data["decided"])
    return replace(state, ledger=state.ledger.united(gained), decided=decided)


def _ledger_parted(state: ProfileState, event: Event) -> ProfileState:
    return replace(state, ledger=_ledger_of(event.data, state.profile_id), closed=False)


def _ledger_of(data: Mapping[str, Any], profile_id: str) -> Ledger:
    words = (Word(*row) for row in data["words"])
    return Ledger(
        contacts=tuple(Contact(*row) for row in data["contacts"]),
        outcomes=tuple(Outcome(*row) for row in data["outcomes"]),
        words=tuple(word if word.profile_id else word._replace(profile_id=profile_id) for word in words),
        joined=tuple(Joined(*row) for row in data["joined"]),
    )


_FOLDS: Final[Mapping[str, Callable[[ProfileState, Event], ProfileState]]] = {
    DECISION_MADE: _decision_made,
    OUTCOME_RECORDED: _outcome_recorded,
    CONSENT_CHANGED: _consent_changed,
    MERGED: _merged,
    LEDGER_UNITED: _ledger_united,
    LEDGER_PARTED: _ledger_parted,
}  # Stored for ever: add lines, never rename one.
