"""What a tenant's programme says of event types and sources: what fits is taken in, what is personal is sealed."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import jsonschema_rs

from cairn_journey import Programme
from cairn_journey.language.model import EventType
from cairn_journey.language.spelling import Spelling
from ingestion.domain.faults import SCHEMA, UNKNOWN_TYPE, BadEvent, join, step
from ingestion.domain.personal import FIELDS, TRAITS, Personal


class Rule(NamedTuple):
    """One event type, ready to check with."""

    version: int
    mode: Literal["strict", "learn", "open"]
    validator: Any
    fields: Personal
    """Which fields are sealed."""
    traits: Personal
    """Which fields are sealed if they are traits of a person."""
    schema: Mapping[str, Any]

    def check(self, fields: dict[str, Any], within: str) -> None:
        """Raises BadEvent (SCHEMA) with the path of the first field at fault, if the type is strict."""
        if self.mode == "strict" and not self.validator.is_valid(fields):
            raise BadEvent(SCHEMA, join(within, next(map(_path, self.validator.iter_errors(fields)), "")))


OPEN: Final = Rule(1, "open", None, FIELDS, TRAITS, {})
"""Of a type that no programme describes."""


class SourceRule(NamedTuple):
    """What a programme says of a source."""

    clock: Literal["server", "device"]
    refuses_unknown: bool
    per_second: int | None


class Catalogue:
    """The event types and sources of one tenant."""

    def __init__(self, programme: Programme) -> None:
        self.spelling = Spelling(programme.identity)
        self.types: Mapping[str, Rule] = {name: _rule(type) for name, type in programme.event_types.items()}
        self.sources: Mapping[str, SourceRule] = {
            name: SourceRule(source.clock, source.unknown == "quarantine", source.per_second)
            for name, source in programme.sources.items()
        }

    def rule(self, type: str, source: str, field: str) -> Rule:
        """The rule of a type. Raises BadEvent (UNKNOWN_TYPE) if its source may only send types that are described."""
        rule = self.types.get(type)
        if rule is not None:
            return rule
        told = self.sources.get(source)
        if told is not None and told.refuses_unknown:
            raise BadEvent(UNKNOWN_TYPE, field)
        return OPEN


EMPTY: Final = Catalogue(Programme((), ()))


def _rule(type: EventType) -> Rule:
    schema = json.loads(type.schema)
    validator = jsonschema_rs.validator_for(schema) if type.mode == "strict" else None
    personal = frozenset(type.personal)
    return Rule(type.version, type.mode, validator, FIELDS.also(personal), TRAITS.also(personal), schema)


def _path(error: Any) -> str:
    """Where an event does not fit; a field that is missing is named itself."""
    path = ""
    for part in error.instance_path:
        path = f"{path}[{part}]" if isinstance(part, int) else join(path, step(str(part)))
    missing = getattr(error.kind, "property", None)
    return join(path, step(str(missing).strip('"'))) if missing is not None else path
