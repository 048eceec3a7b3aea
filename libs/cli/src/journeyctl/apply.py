"""`journeyctl apply`: a programme comes into force in all services, or in none."""

from contextlib import suppress
from typing import Final
from uuid import uuid4

import typer

from cairn.definition.v1 import definition_pb2 as pb
from cairn_journey import Programme
from journeyctl.installation import Installation, home_folder
from journeyctl.services import ServiceRefused, Services, ask
from journeyctl.up import Home
from journeyctl.validate import Directory, describe, load_or_tell

ORDER: Final = ("activation", "decisioning", "journey_state")
"""Last in the chain first, so that whoever acts on a moment or a decision knows the programme it comes from."""


def apply(directory: Directory, home: Home = None, tenant: str = "default") -> None:
    """Check a programme as a whole and bring it into force."""
    programme = load_or_tell(directory)
    with Services(Installation.load(home or home_folder())) as services:
        try:
            changed = apply_everywhere(services, programme, tenant)
        except ServiceRefused as refused:
            for violation in refused.violations:
                typer.echo(violation)
            raise
    news = "is in force now" if changed else "was in force already"
    typer.echo(f"Version {programme.version} {news}: {describe(programme)}.")


def apply_everywhere(services: Services, programme: Programme, tenant: str = "default") -> bool:
    """Bring a programme into force; whether anything changed.

    If a service refuses it, those before get back what they had. Raises ServiceRefused with what it said.
    """
    before: list[tuple[str, bytes]] = []
    changed = False
    for service in ORDER:
        had = _in_force(services, service, tenant)
        try:
            answer = _apply(services, service, programme.bundle(), tenant)
        except ServiceRefused:
            for name, bundle in reversed(before):
                with suppress(ServiceRefused):  # the first refusal is the one to tell
                    _apply(services, name, bundle, tenant)
            raise
        if answer.changed and had:
            before.append((service, had))
        changed |= answer.changed
    return changed


def _in_force(services: Services, service: str, tenant: str) -> bytes:
    try:
        return ask(services.definitions(service).GetActive, pb.GetActiveRequest(tenant=tenant)).bundle
    except ServiceRefused as refused:
        if refused.reason in ("NO_PROGRAMME", "NOT_FOUND"):
            return b""
        raise


def _apply(services: Services, service: str, bundle: bytes, tenant: str) -> pb.ApplyResponse:
    request = pb.ApplyRequest(request_id=str(uuid4()), tenant=tenant, bundle=bundle)
    return ask(services.definitions(service).Apply, request)
