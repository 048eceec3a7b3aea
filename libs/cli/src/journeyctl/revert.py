"""`journeyctl revert`: the programme before the one in force comes back, and so do the customers it had."""

import typer

from cairn.definition.v1 import definition_pb2 as pb
from cairn_journey import parse_bundle
from journeyctl.apply import apply_everywhere
from journeyctl.control import Wait, told
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home
from journeyctl.validate import describe


def revert(home: Home = None, tenant: str = "default", wait: Wait = True) -> None:
    """Bring back the programme that was in force before; customers whom the present one took along go back."""
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.GetPreviousRequest(tenant=tenant)
        programme = parse_bundle(ask(services.definitions("journey_state").GetPrevious, request).bundle)
        applied = apply_everywhere(services, programme, tenant, revert=True)
        typer.echo(f"Version {programme.version} is in force again: {describe(programme)}.")
        if applied.walk:
            told(services, applied.walk, "Customers went back to where they were", wait=wait)
