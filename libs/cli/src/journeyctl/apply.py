"""`journeyctl apply`: a programme comes into force in all services, or in none."""

import asyncio
import sys
from contextlib import suppress
from typing import Annotated, Final, NamedTuple
from uuid import uuid4

import typer

from cairn.definition.v1 import definition_pb2 as pb
from cairn_journey import Programme
from journeyctl import plan_identity
from journeyctl.connectors import standings
from journeyctl.console import wide_console
from journeyctl.control import Wait, told
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.plan import CHANGES, PLAN_S, Plan, plan_of, tell
from journeyctl.services import ServiceRefused, Services, ask
from journeyctl.up import Home
from journeyctl.validate import Directory, describe, load_or_tell

ORDER: Final = ("activation", "decisioning", "journey_state", "identity_resolution", "ingestion")
"""Last in the chain first, so that whoever acts on a moment or a decision knows the programme it is of."""


class Applied(NamedTuple):
    """What came of it; true if anything changed."""

    changed: bool
    walk: int
    """Number of the walk that tells the customers concerned; 0 if there is none."""

    def __bool__(self) -> bool:
        return self.changed


def apply(
    directory: Directory,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, even if customers are concerned.")] = False,
    home: Home = None,
    tenant: str = "default",
    wait: Wait = True,
) -> None:
    """Check a programme as a whole and bring it into force; asks first if customers are concerned."""
    programme = load_or_tell(directory)
    installation = Installation.load(home or home_folder())
    with Services(installation) as services:
        try:
            found = plan_of(services, programme, tenant)
            _ask_first(found, yes=yes)
            applied = apply_everywhere(services, programme, tenant)
        except ServiceRefused as refused:
            for violation in refused.violations:
                typer.echo(violation)
            raise
        news = "is in force now" if applied else "was in force already"
        typer.echo(f"Version {programme.version} {news}: {describe(programme)}.")
        if applied.walk:
            told(services, applied.walk, "Customers in flight were told", wait=wait)
        if found.identity is not None and wait:
            typer.echo(plan_identity.sentence(plan_identity.wait(services, tenant)))
    for one in asyncio.run(standings(installation.nats_url, programme, {})):
        if not one.usable:
            news = f"warning: connector {one.name} is served by {one.told}; its messages wait until it can send."
            typer.echo(news, err=True)


def _ask_first(found: Plan, *, yes: bool) -> None:
    if not (found.in_flight or found.moved) or found.exit_code != CHANGES:
        return
    tell(wide_console(), found)
    if yes:
        return
    if not sys.stdin.isatty():
        raise CannotRun("Customers are concerned; look at the plan above, then say --yes.")
    typer.confirm("Bring it into force?", abort=True)


def apply_everywhere(
    services: Services, programme: Programme, tenant: str = "default", *, revert: bool = False
) -> Applied:
    """Bring a programme into force everywhere; on the way back (`revert`) customers return to where they were.

    All services are asked first whether they would refuse it. If one refuses all the same, those before get back what
    they had. Raises ServiceRefused with what it said.
    """
    for service in ORDER:
        check = pb.CheckRequest(tenant=tenant, bundle=programme.bundle(), revert=revert)
        ask(services.definitions(service).Check, check, timeout_s=PLAN_S)
    before: list[tuple[str, bytes]] = []
    applied = Applied(False, 0)
    for service in ORDER:
        had = _in_force(services, service, tenant)
        try:
            answer = _apply(services, service, programme.bundle(), tenant, revert=revert)
        except ServiceRefused:
            for name, bundle in reversed(before):
                with suppress(ServiceRefused):  # the first refusal is the one to tell
                    _apply(services, name, bundle, tenant, revert=True)
            raise
        if answer.changed and had:
            before.append((service, had))
        applied = Applied(applied.changed or answer.changed, applied.walk or answer.walk)
    return applied


def _in_force(services: Services, service: str, tenant: str) -> bytes:
    try:
        return ask(services.definitions(service).GetActive, pb.GetActiveRequest(tenant=tenant)).bundle
    except ServiceRefused as refused:
        if refused.reason in ("NO_PROGRAMME", "NOT_FOUND"):
            return b""
        raise


def _apply(services: Services, service: str, bundle: bytes, tenant: str, *, revert: bool) -> pb.ApplyResponse:
    request = pb.ApplyRequest(request_id=str(uuid4()), tenant=tenant, bundle=bundle, revert=revert)
    return ask(services.definitions(service).Apply, request, timeout_s=PLAN_S)
