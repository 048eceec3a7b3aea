"""The names of places in interventions where a run can wait: `intervention/path`, or `intervention/id`."""

from collections.abc import Mapping
from typing import Final

from cairn_journey.language.flow import Flow
from cairn_journey.language.steps_model import Intervention, Wait

DROP: Final = "drop"
"""In place of a wait: the intervention ends there."""


def resolved(text: str, interventions: tuple[Intervention, ...]) -> tuple[str, str]:
    """(intervention, path) of a wait written as `intervention/path` or `intervention/id`; no path if there is none."""
    name, _, step = text.partition("/")
    waits = waits_of(interventions).get(name, {})
    return name, waits.get(step, "")


def waits_of(interventions: tuple[Intervention, ...]) -> Mapping[str, Mapping[str, str]]:
    """The paths of the waits of each intervention, by path and by id."""
    found: dict[str, dict[str, str]] = {}
    for item in interventions:
        flow = Flow(item.steps)
        paths = {path: path for path, step in flow.steps.items() if isinstance(step.does, Wait)}
        found[item.name] = paths | {id: path for id, path in flow.ids.items() if path in paths}
    return found
