"""`journeyctl customers`: who is in a journey, in which stage, and whom a condition picks."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table

from cairn.journey.v1 import journey_pb2 as pb
from journeyctl import words
from journeyctl.console import wide_console
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home

FORMATS: Final = ("table", "json")
PAGE: Final = 200
Output = Annotated[str, typer.Option("-o", "--output", help="table or json.")]


def customers(
    journey: Annotated[str, typer.Option(help="Only those in this journey.")] = "",
    stage: Annotated[str | None, typer.Option(help="Only those in this stage; '' for those in none yet.")] = None,
    filter: Annotated[
        str, typer.Option(help='CEL over journey, stage, entered, profile, features, …, as profile.tier == "gold".')
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    output: Output = "table",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """List the customers who are in journeys now."""
    if output not in FORMATS:
        raise CannotRun(f"-o knows {' and '.join(FORMATS)}.")
    asked = pb.ListInstancesRequest(tenant=tenant, journey=journey, filter=filter, page_size=min(PAGE, limit))
    if stage is not None:
        asked.stage = stage
    with Services(Installation.load(home or home_folder())) as services:
        found = _some(listed(services, asked), limit + 1)
    if output == "json":
        typer.echo(json.dumps([as_json(one) for one in found[:limit]], indent=2, sort_keys=True))
        return
    wide_console().print(table_of(found[:limit]))
    if len(found) > limit:
        typer.echo(f"More than {limit}; --limit shows more.")


def listed(services: Services, asked: pb.ListInstancesRequest) -> Iterator[pb.ListedInstance]:
    """All instances that a request finds, page after page."""
    while True:
        page = ask(services.journeys.ListInstances, asked)
        yield from page.instances
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def table_of(found: list[pb.ListedInstance]) -> Table:
    """One line per instance."""
    table = Table("customer", "journey", "stage", "since", "entered", "health", "waits", box=None, pad_edge=False)
    for one in found:
        instance = one.instance
        name = f"{instance.journey}/{instance.key}" if instance.key else instance.journey
        since = _date(instance.stage_entered_time) if instance.stage else ""
        health = str(instance.health) if instance.HasField("health") else ""
        waits = "paused" if instance.HasField("held_time") else ", ".join(instance.waits)
        table.add_row(one.profile_id, name, instance.stage, since, _date(instance.entered_time), health, waits)
    return table


def _date(time: Timestamp) -> str:
    return f"{words.moment(time):%Y-%m-%d}"


def as_json(one: pb.ListedInstance) -> dict[str, Any]:
    """One instance as the contract names its fields."""
    found: dict[str, Any] = MessageToDict(one, preserving_proto_field_name=True)
    return found


def _some(found: Iterator[pb.ListedInstance], limit: int) -> list[pb.ListedInstance]:
    return [one for one, _ in zip(found, range(limit), strict=False)]
