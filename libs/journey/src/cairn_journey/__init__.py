"""Cairn's journey language: model, checks, compiler and pure engine."""

from cairn_journey.faults import DefinitionFaults, Fault
from cairn_journey.model import (
    Action,
    Connector,
    ContactPolicy,
    Feature,
    Journey,
    Money,
    Selector,
    Template,
)
from cairn_journey.programme import Programme, load_directory, load_text, parse_bundle
from cairn_journey.scopes import ACTION_VARIABLES

__all__ = [
    "ACTION_VARIABLES",
    "Action",
    "Connector",
    "ContactPolicy",
    "DefinitionFaults",
    "Fault",
    "Feature",
    "Journey",
    "Money",
    "Programme",
    "Selector",
    "Template",
    "load_directory",
    "load_text",
    "parse_bundle",
]
