"""`journeyctl plan`: what would change if a programme came into force, and what becomes of the customers in flight."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cairn.definition.v1 import definition_pb2
from cairn.identity.v1.identity_pb2 import PreviewRulesResponse
from cairn.journey.v1 import journey_pb2 as pb
from cairn_journey import DefinitionChange, Programme, diff, parse_bundle
from cairn_journey.language.evolution import Break, breaks
from journeyctl import plan_identity
from journeyctl.console import wide_console
from journeyctl.customers import FORMATS, Output
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.services import ServiceRefused, Services, ask
from journeyctl.up import Home
from journeyctl.validate import Directory, load_or_tell

NOTHING_TO_DO: Final = 0
REFUSED: Final = 1
CHANGES: Final = 2
UNBROKEN: Final[Mapping[str, Sequence[Break]]] = MappingProxyType({})
PLAN_S: Final = 120.0
"""Everybody in flight is counted for a plan."""
_SIGNS: Final = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_WORDS: Final = {
    pb.OUTCOME_STAY: "stay on their version",
    pb.OUTCOME_MIGRATE: "go on",
    pb.OUTCOME_LEAVE: "leave the journey",
    pb.OUTCOME_STRAND: "would be stranded",
}


class Plan(NamedTuple):
    """What would change, and what becomes of those in flight."""

    version: str
    in_force: str
    """Version in force; empty if there is none."""
    changes: Sequence[DefinitionChange]
    places: Sequence[pb.PlannedPlace]
    breaking: Mapping[str, Sequence[Break]] = UNBROKEN
    """By event type, what was allowed and would be refused under the same version number."""
    identity: PreviewRulesResponse | None = None
    """What other rules of identity would make of profiles; None if they stay the same."""

    @property
    def in_flight(self) -> int:
        """How many instances are open."""
        return sum(place.instances for place in self.places)

    @property
    def stranded(self) -> int:
        """How many of them would have nowhere to go."""
        return sum(place.instances for place in self.places if place.outcome == pb.OUTCOME_STRAND)

    @property
    def moved(self) -> int:
        """How many profiles would merge or split, and how many records be compared anew."""
        found = self.identity
        return found.merges + found.splits + found.records if found is not None else 0

    @property
    def exit_code(self) -> int:
        """0: nothing to do; 1: it would be refused; 2: there are changes."""
        if self.stranded or self.breaking:
            return REFUSED
        return CHANGES if self.version != self.in_force else NOTHING_TO_DO


def plan(directory: Directory, output: Output = "table", home: Home = None, tenant: str = "default") -> None:
    """Show what would change and what becomes of customers in flight. Exit code 0: nothing, 1: refused, 2: changes."""
    if output not in FORMATS:
        raise CannotRun(f"-o knows {' and '.join(FORMATS)}.")
    programme = load_or_tell(directory)
    with Services(Installation.load(home or home_folder())) as services:
        found = plan_of(services, programme, tenant)
    if output == "json":
        typer.echo(json.dumps(as_json(found), indent=2, sort_keys=True))
    else:
        tell(wide_console(), found)
    raise typer.Exit(found.exit_code)


def plan_of(services: Services, programme: Programme, tenant: str) -> Plan:
    """What bringing the programme into force would do."""
    request = pb.PlanProgrammeRequest(tenant=tenant, bundle=programme.bundle())
    answer = ask(services.control.PlanProgramme, request, timeout_s=PLAN_S)
    before = _in_force(services, tenant)
    breaking = breaks(before, programme) if before is not None else UNBROKEN
    identity = plan_identity.preview(services, before, programme, tenant)
    return Plan(
        answer.version, answer.in_force_version, diff(before, programme), list(answer.places), breaking, identity
    )


def tell(console: Console, found: Plan) -> None:
    """Print a plan."""
    if found.version == found.in_force:
        console.print(f"Version {found.version} is in force; nothing would change.")
        return
    console.print(f"From version {found.in_force or 'none'} to {found.version}:")
    for change in found.changes:
        _change(console, change)
    _breaking(console, found.breaking)
    if found.identity is not None:
        plan_identity.tell(console, found.identity)
    if not found.places:
        console.print("Nobody is in flight.")
        return
    console.print(f"\n{found.in_flight:,} in flight:")
    console.print(_table(found.places))
    for problem in dict.fromkeys(problem for place in found.places for problem in place.problems):
        console.print(Text(f"✗ {problem}", style="red"))
    if found.stranded:
        console.print(Text(f"{found.stranded:,} would be stranded: apply will refuse this.", style="bold red"))


def as_json(found: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "version": found.version,
        "in_force_version": found.in_force,
        "in_flight": found.in_flight,
        "stranded": found.stranded,
        "identity": plan_identity.as_json(found.identity),
        "changes": [
            {
                "action": change.action,
                "kind": change.kind,
                "name": change.name,
                "fields": [field._asdict() for field in change.fields],
            }
            for change in found.changes
        ],
        "breaking_schemas": [
            {"event_type": name, "path": item.path, "why": item.why}
            for name, items in found.breaking.items()
            for item in items
        ],
        "places": [
            {
                "journey": place.journey,
                "version": place.definition_version,
                "stage": place.stage,
                "waits": list(place.waits),
                "instances": place.instances,
                "outcome": pb.Outcome.Name(place.outcome).removeprefix("OUTCOME_").lower(),
                "to_stage": place.to_stage,
                "to_waits": list(place.to_waits),
                "problems": list(place.problems),
            }
            for place in found.places
        ],
    }


def _in_force(services: Services, tenant: str) -> Programme | None:
    try:
        request = definition_pb2.GetActiveRequest(tenant=tenant)
        return parse_bundle(ask(services.definitions("journey_state").GetActive, request).bundle)
    except ServiceRefused as refused:
        if refused.reason == "NO_PROGRAMME":
            return None
        raise


def _change(console: Console, change: DefinitionChange) -> None:
    sign, style = _SIGNS[change.action]
    console.print(Text(f"  {sign} {change.kind} {change.name}", style=style))
    for field in change.fields:
        console.print(Text(f"      {field.path}: {_value(field.before)} → {_value(field.after)}"))


def _breaking(console: Console, breaking: Mapping[str, Sequence[Break]]) -> None:
    for name, items in breaking.items():
        for item in items:
            console.print(Text(f"✗ EventType {name}: {item}", style="red"))
    if breaking:
        told = "Events that are taken in now would be refused: apply will refuse this (BREAKING_SCHEMA)."
        console.print(Text(f"{told} Raise the version if it is meant.", style="bold red"))


def _value(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def _table(places: Sequence[pb.PlannedPlace]) -> Table:
    columns = ("journey", "version", "stage", "waits at", "instances", "what becomes of them")
    table = Table(*columns, box=None, pad_edge=False)
    for place in places:
        there = _place(place.to_stage, place.to_waits)
        table.add_row(
            place.journey,
            place.definition_version[:8],
            place.stage or "none yet",
            ", ".join(place.waits),
            f"{place.instances:,}",
            _WORDS[place.outcome] + (f" at {there}" if place.outcome == pb.OUTCOME_MIGRATE else ""),
            style="red" if place.outcome == pb.OUTCOME_STRAND else "",
        )
    return table


def _place(stage: str, waits: Sequence[str]) -> str:
    return ", ".join([stage or "no stage yet", *(f"waiting at {wait}" for wait in waits)])
