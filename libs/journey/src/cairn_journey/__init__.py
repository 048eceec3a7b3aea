"""Cairn's journey language: model, checks, compiler and pure engine."""

from cairn_journey.engine.counts import JourneyCounts, count, counts
from cairn_journey.engine.domain import JourneyDomain
from cairn_journey.engine.explain import ExplainedCondition, Explanation, explain, purpose
from cairn_journey.engine.health import WELL, instance_health
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import CustomerState, Instance, canonical_state, parse_state
from cairn_journey.engine.timeline import known_at, timeline
from cairn_journey.engine.touchpoints import touchpoints_of
from cairn_journey.language.diff import DefinitionChange, FieldChange, diff
from cairn_journey.language.faults import DefinitionFaults, Fault
from cairn_journey.language.formatting import format_file, format_text
from cairn_journey.language.model import (
    Action,
    Connector,
    ContactPolicy,
    Feature,
    Journey,
    Money,
    Selector,
    Template,
)
from cairn_journey.language.programme import Programme, load_directory, load_text, parse_bundle
from cairn_journey.language.schema import json_schema
from cairn_journey.language.scopes import ACTION_VARIABLES
from cairn_kernel.time import duration_text

__all__ = [
    "ACTION_VARIABLES",
    "WELL",
    "Action",
    "Connector",
    "ContactPolicy",
    "CustomerState",
    "DefinitionChange",
    "DefinitionFaults",
    "ExplainedCondition",
    "Explanation",
    "Fault",
    "Feature",
    "FieldChange",
    "Instance",
    "Journey",
    "JourneyCounts",
    "JourneyDomain",
    "Money",
    "Programme",
    "Programmes",
    "Selector",
    "Template",
    "canonical_state",
    "count",
    "counts",
    "diff",
    "duration_text",
    "explain",
    "format_file",
    "format_text",
    "instance_health",
    "json_schema",
    "known_at",
    "load_directory",
    "load_text",
    "parse_bundle",
    "parse_state",
    "purpose",
    "timeline",
    "touchpoints_of",
]
