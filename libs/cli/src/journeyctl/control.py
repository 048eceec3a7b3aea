"""`journeyctl pause|resume|stop|broadcast`: tell many customers at once, and wait until all have been told."""

import json
import sys
import time
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from google.protobuf.struct_pb2 import Struct

from cairn.journey.v1 import journey_pb2 as pb
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home

Journey = Annotated[str, typer.Argument(help="Name of the journey.", show_default=False)]
Wait = Annotated[bool, typer.Option(help="Wait until everybody concerned has been told.")]
LOOK_S: Final = 0.2


def pause(journey: Journey, home: Home = None, tenant: str = "default", wait: Wait = True) -> None:
    """Let nobody enter a journey and hold what it does, until `resume`."""
    with _services(home) as services:
        request = pb.PauseJourneyRequest(request_id=str(uuid4()), tenant=tenant, journey=journey)
        told(services, ask(services.control.PauseJourney, request).walk, f"{journey} is paused", wait=wait)


def resume(journey: Journey, home: Home = None, tenant: str = "default", wait: Wait = True) -> None:
    """Let a paused or stopped journey go on."""
    with _services(home) as services:
        request = pb.ResumeJourneyRequest(request_id=str(uuid4()), tenant=tenant, journey=journey)
        told(services, ask(services.control.ResumeJourney, request).walk, f"{journey} goes on", wait=wait)


def stop(
    journey: Journey,
    now: Annotated[bool, typer.Option("--now", help="Those in it leave now; without it they finish.")] = False,
    home: Home = None,
    tenant: str = "default",
    wait: Wait = True,
) -> None:
    """Let nobody enter a journey any more."""
    with _services(home) as services:
        mode = pb.STOP_MODE_NOW if now else pb.STOP_MODE_DRAIN
        request = pb.StopJourneyRequest(request_id=str(uuid4()), tenant=tenant, journey=journey, mode=mode)
        news = f"{journey} is stopped" + ("" if now else "; those in it finish")
        told(services, ask(services.control.StopJourney, request).walk, news, wait=wait)


def broadcast(
    type: Annotated[str, typer.Argument(help="Name of the event, such as product.recalled.", show_default=False)],
    data: Annotated[str, typer.Option(help="Its fields as a JSON object; nothing personal.")] = "{}",
    home: Home = None,
    tenant: str = "default",
    wait: Wait = True,
) -> None:
    """Tell an event of the business to all customers whose journeys look out for it."""
    fields = Struct()
    fields.update(_fields(data))
    with _services(home) as services:
        request = pb.BroadcastRequest(request_id=str(uuid4()), tenant=tenant, type=type, data=fields)
        told(services, ask(services.control.Broadcast, request).walk, f"{type} was told", wait=wait)


def told(services: Services, walk: int, news: str, *, wait: bool) -> None:
    """Say so, with how many it reached once everybody concerned has been told."""
    if not wait:
        typer.echo(f"{news}. Customers are being told (walk {walk}).")
        return
    while (found := ask(services.control.GetWalk, pb.GetWalkRequest(walk=walk))).partitions_left:
        _progress(f"{found.visited:,} visited, {found.partitions_left} partitions left")
        time.sleep(LOOK_S)
    _progress("")
    typer.echo(f"{news}. {found.visited:,} customers were visited, for {found.changed:,} something changed.")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{text:<60}\r", nl=False, err=True)


def _services(home: Home) -> Services:
    return Services(Installation.load(home or home_folder()))


def _fields(data: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except ValueError as error:
        raise CannotRun(f'--data is not JSON ({error}); write it as \'{{"product": "kettle"}}\'.') from None
    if not isinstance(fields, dict):
        raise CannotRun('--data must be a JSON object; write it as \'{"product": "kettle"}\'.')
    return fields
