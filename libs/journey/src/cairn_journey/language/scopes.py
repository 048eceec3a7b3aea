"""Which names an expression may use, by where it stands."""

from collections.abc import Mapping
from typing import Final

from cairn_journey.language.model import Feature

_FEATURE_TYPES: Final[Mapping[str, type]] = {
    "count": int,
    "sum": float,
    "min": object,
    "max": object,
    "distinct": int,
    "last": object,
    "idle": int,
    "rate": float,
}

ACTION_VARIABLES: Final[Mapping[str, type]] = {
    "profile": dict,
    "event": dict,
    "features": dict,
    "stage": str,
    "health": object,
}
"""For `eligible` of an action: the context that a moment carries. `health` is null in a journey without frictions."""

WHERE_VARIABLES: Final[Mapping[str, type]] = {"event": dict}
"""For `where` of a feature."""


def standing_variables(features: tuple[Feature, ...]) -> dict[str, type]:
    """Where there is no event at hand: the audience, and a stage detected by absence."""
    return {"profile": dict, "audience": dict, **{feature.name: _FEATURE_TYPES[feature.kind] for feature in features}}


def event_variables(features: tuple[Feature, ...]) -> dict[str, type]:
    """Where an event is at hand."""
    return {"event": dict, **standing_variables(features)}


def branch_variables(features: tuple[Feature, ...]) -> dict[str, type]:
    """In a branch: also `wait.timed_out` of the wait before it."""
    return {"wait": dict, **event_variables(features)}
