"""`journeyctl events`: what sources send, what of it is missing, and a schema that describes it."""

import json
from datetime import UTC
from io import StringIO
from typing import Annotated

import typer
from rich.table import Table
from ruamel.yaml import YAML

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn_kernel.event_names import normalised
from journeyctl.console import wide_console
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home

app = typer.Typer(help="What sources send, and what of it is missing.", no_args_is_help=True, add_completion=False)

Days = Annotated[int, typer.Option(help="Over so many days.", min=1, max=400)]
Tenant = Annotated[str, typer.Option(help="Tenant.")]


@app.command()
def quality(days: Days = 7, home: Home = None, tenant: Tenant = "default") -> None:
    """Tell volume, freshness and rejects by source; missing fields and drift by event type."""
    with Services(Installation.load(home or home_folder())) as services:
        answer = ask(services.quality.GetQuality, pb.GetQualityRequest(tenant=tenant, days=days))
    console = wide_console()
    sources = Table("source", "taken in", "repeats", "kept aside", "last heard of", box=None, pad_edge=False)
    for source in answer.sources:
        numbers = (f"{count:,}" for count in (source.accepted, source.duplicates, source.quarantined))
        last = source.last_received_time.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds")
        sources.add_row(source.source, *numbers, last)
    console.print(sources)
    for type_ in answer.event_types:
        known = "" if type_.described else ", not described"
        console.print(f"\n{type_.event_type} from {type_.source}: {type_.events:,} events looked at{known}")
        for field in type_.fields:
            there = "always there" if field.missing_share == 0 else f"missing in {field.missing_share:.1%}"
            console.print(f"  {field.path}: {there}, {' or '.join(field.kinds)}", markup=False, highlight=False)
        for sentence in type_.drift:
            console.print(f"  ! {sentence}", markup=False, highlight=False)


@app.command()
def propose(event_type: str, days: Days = 7, home: Home = None, tenant: Tenant = "default") -> None:
    """Print an EventType that all events of a type seen lately fit; look at it, then put it into the programme."""
    event_type = normalised(event_type)
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.ProposeSchemaRequest(tenant=tenant, event_type=event_type, days=days)
        answer = ask(services.quality.ProposeSchema, request)
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    definition = {"kind": "EventType", "name": event_type, "mode": "learn", "schema": json.loads(answer.json_schema)}
    yaml.dump(definition, text)
    typer.echo(f"# From {answer.events:,} events.\n{text.getvalue()}", nl=False)
