"""Fill features that are new from what happened before they were defined."""

from collections.abc import Iterable, Sequence

import msgspec

from cairn_expressions import activate
from cairn_journey.engine import facts
from cairn_journey.engine.compiler import CompiledProgramme
from cairn_journey.engine.features import CompiledFeature
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import Accumulator, CustomerState
from cairn_journey.engine.touchpoints import touchpoints_of
from cairn_journey.engine.turn import Turn
from cairn_journey.language.model import PERSON
from cairn_kernel.event import DEFINITION_ACTIVATED, Event


def new_features(before: CompiledProgramme | None, after: CompiledProgramme) -> list[CompiledFeature]:
    """Features that a programme keeps of one kind of subject and the one before it did not."""
    known = {feature.key for feature in before.features} if before is not None else set()
    return [feature for feature in after.features if feature.key not in known]


def any_new(before: CompiledProgramme | None, after: CompiledProgramme) -> bool:
    """Whether there are such features of any kind of subject."""
    kinds = (PERSON, *after.programme.subjects)
    return any(new_features(before.about(kind) if before is not None else None, after.about(kind)) for kind in kinds)


def wants_history(programmes: Programmes, state: CustomerState, event: Event) -> bool:
    """Whether a programme that comes into force has new features of which the customer's stream may tell something."""
    return bool(_missing(programmes, state, event))


def fill(programmes: Programmes, turn: Turn, event: Event, history: Sequence[Event]) -> None:
    """State what the new features say, as if they had been kept all along; nothing if they have nothing to say."""
    kept = filled(_missing(programmes, turn.state, event), history)
    if kept:
        data = {"features": msgspec.to_builtins(kept)}
        version = str(event.data["version"])
        turn.record(facts.make(event, turn.state.profile_id, facts.FEATURES_FILLED, version, event.id, data))


def filled(features: Iterable[CompiledFeature], history: Sequence[Event]) -> dict[str, Accumulator]:
    """What features keep of a stream, by key."""
    by_type: dict[str, list[CompiledFeature]] = {}
    for feature in features:
        by_type.setdefault(feature.event, []).append(feature)
    touchpoints = [event for event in touchpoints_of(history) if event.type in by_type]
    kept: dict[str, Accumulator] = {}
    for event in sorted(touchpoints, key=lambda one: (one.as_of, one.event_time, one.id)):
        for feature in by_type[event.type]:
            if feature.where is None or feature.where.holds(activate({"event": event.data})):
                feature.keep(kept, event)
    return kept


def _missing(programmes: Programmes, state: CustomerState, event: Event) -> list[CompiledFeature]:
    active, previous = programmes.active(state.tenant), event.data.get("previous")
    if event.type != DEFINITION_ACTIVATED or previous is None or active is None or state.closed_into:
        return []
    if active.version != event.data.get("version"):
        return []
    before = programmes.version(state.tenant, previous).about(state.subject) if previous else None
    new = new_features(before, active.about(state.subject))
    return [feature for feature in new if feature.key not in state.features]
