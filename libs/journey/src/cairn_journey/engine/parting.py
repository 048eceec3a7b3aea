"""One profile turns out to be two people: each gets the state as if they had never been one."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from cairn_journey.engine import facts
from cairn_journey.engine.acts import acts_of
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import CustomerState, state_to_plain
from cairn_journey.engine.touchpoints import moving, touchpoints_of
from cairn_journey.engine.turn import Turn
from cairn_journey.engine.unite import retold
from cairn_kernel.event import BROADCAST, Event
from cairn_kernel.two_sided import other_copy


def give(
    programmes: Programmes, state: CustomerState, split: Event, history: Sequence[Event]
) -> tuple[list[Event], CustomerState]:
    """The profile that loses touchpoints: timers due by now fire as usual, then it is what the others make of it."""
    turn = Turn(programmes, state)
    turn.fire_due(split.as_of)
    own = touchpoints_of(history)
    going = moving(split.data, own)
    parted = _alone(programmes, state, [one for one in own if one.id not in going], acts_of(history), split)
    parted.state.united = max(0, state.united - int(_took_in(history, str(split.data["to"]))))
    return _told(turn, split, parted, sorted(going), moved=sorted(going))


def receive(
    programmes: Programmes, state: CustomerState, split: Event, history: Sequence[Event], giver: Sequence[Event]
) -> tuple[list[Event], CustomerState]:
    """The profile that gains them, new or once merged; `giver` is the other stream."""
    turn = Turn(programmes, state)
    turn.fire_due(split.as_of)
    before = _before_parting(giver, split)
    held, their_acts = touchpoints_of(before), acts_of(before)
    going = moving(split.data, held)
    gained = [_at_home(one, split) for one in held if one.id in going or one.source == BROADCAST]
    parted = _alone(programmes, state, [*touchpoints_of(history), *gained], [*acts_of(history), *their_acts], split)
    parted.state.united = 0 if state.closed_into else state.united
    carried: dict[str, Any] = {"touchpoints": msgspec.to_builtins(gained)}
    if their_acts:
        carried["acts"] = msgspec.to_builtins(their_acts)
    return _told(turn, split, parted, sorted(going), **carried)


def _alone(
    programmes: Programmes,
    state: CustomerState,
    touchpoints: Sequence[Event],
    acts: Sequence[Event],
    split: Event,
) -> Turn:
    initial = CustomerState(tenant=state.tenant, profile_id=state.profile_id)
    return retold(programmes, initial, touchpoints, split.as_of, acts)


def _told(turn: Turn, split: Event, parted: Turn, going: list[str], **moves: Any) -> tuple[list[Event], CustomerState]:
    """From here on the split names each event that moves, so that nobody downstream has to find out again."""
    data: dict[str, Any] = {
        "from": split.data["from"],
        "to": split.data["to"],
        "state": state_to_plain(parted.state),
        "facts": msgspec.to_builtins([fact for fact in parted.facts if facts.is_fact(fact)]),
        "touchpoints": [],
        "moved": [],
        **moves,
    }
    turn.record(facts.make(split, turn.state.profile_id, facts.PARTED, "", split.id, data))
    turn.record(replace(split, data={**split.data, "events": going}))
    return turn.facts, turn.state


def _at_home(touchpoint: Event, split: Event) -> Event:
    """What happened while both were one becomes the other's own; the rest keeps the name it came under."""
    if touchpoint.profile_id != split.data["from"]:
        return touchpoint
    return replace(touchpoint, profile_id=str(split.data["to"]))


def _before_parting(giver: Sequence[Event], split: Event) -> Sequence[Event]:
    """The giver's facts before it gave: its `profile.parted` stands right in front of its copy of the split."""
    copy = other_copy(split, giver)
    return giver if copy is None else giver[: copy - 1]


def _took_in(history: Sequence[Event], profile_id: str) -> bool:
    return any(fact.type == facts.UNITED and fact.data["from"] == profile_id for fact in history)
