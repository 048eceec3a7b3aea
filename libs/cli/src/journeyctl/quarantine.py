"""`journeyctl quarantine`: events that were kept aside, why, and how to take them in after all."""

import json
import os
from datetime import UTC
from typing import Annotated, Any, Final

import typer
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from rich.table import Table

from cairn.ingestion.v1 import ingestion_pb2 as pb
from journeyctl.console import wide_console
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home

app = typer.Typer(
    help="Events kept aside: why, and how to take them in after all.", no_args_is_help=True, add_completion=False
)

ACCESS_TOKEN: Final = "CAIRN_KEY_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
_MOST_ROUNDS: Final = 10_000

Tenant = Annotated[str, typer.Option(help="Tenant.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids in the quarantine; or name a group with --reason.")]
Source = Annotated[str, typer.Option(help="Only of this source.")]
Reason = Annotated[str, typer.Option(help="Only kept aside for this reason.")]
Field = Annotated[str, typer.Option(help="Only with this field at fault, as `groups` tells it.")]
Mend = Annotated[list[str] | None, typer.Option("--set", help="Mend each: path=JSON; path= takes a field away.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would become of them, change nothing.")]


@app.command()
def groups(home: Home = None, tenant: Tenant = "default") -> None:
    """Tell for which reasons how many events are kept aside."""
    with Services(Installation.load(home or home_folder())) as services:
        answer = ask(services.quarantine.ListGroups, pb.ListGroupsRequest(tenant=tenant))
    if not answer.groups:
        typer.echo("Nothing is kept aside.")
        return
    table = Table("events", "source", "reason", "field", "last came", "look at", box=None, pad_edge=False)
    for group in answer.groups:
        came = group.last_received_time.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds")
        table.add_row(f"{group.count:,}", group.source, group.reason, group.field, came, group.latest_quarantine_id)
    wide_console().print(table)


@app.command()
def show(quarantine_id: str, home: Home = None, tenant: Tenant = "default") -> None:
    """Print an event as it came. It may hold personal data."""
    installation = Installation.load(home or home_folder())
    with Services(installation) as services:
        request = pb.GetPayloadRequest(tenant=tenant, quarantine_id=quarantine_id)
        payload = ask(services.quarantine.GetPayload, request, metadata=_access(installation)).payload
    try:
        typer.echo(json.dumps(json.loads(payload), indent=2, ensure_ascii=False))
    except ValueError:
        typer.echo(payload.decode(errors="backslashreplace"))


@app.command()
def redrive(
    quarantine_ids: Ids = None,
    source: Source = "",
    reason: Reason = "",
    field: Field = "",
    mend: Mend = None,
    dry_run: DryRun = False,
    home: Home = None,
    tenant: Tenant = "default",
) -> None:
    """Let events go the way of a new arrival, mended if told; exit code 2 if some are still kept aside."""
    request = pb.RedriveRequest(selection=_selection(tenant, quarantine_ids, source, reason, field), dry_run=dry_run)
    if mend:
        ParseDict(_patch(mend), request.merge_patch)
    taken = known = 0
    left: dict[str, str] = {}
    installation = Installation.load(home or home_folder())
    with Services(installation) as services:
        for _ in range(_MOST_ROUNDS):
            answer = ask(services.quarantine.Redrive, request, metadata=_access(installation))
            for item in answer.results:
                outcome = item.result.outcome
                taken += outcome == pb.IngestResult.OUTCOME_ACCEPTED
                known += outcome == pb.IngestResult.OUTCOME_DUPLICATE
                if outcome == pb.IngestResult.OUTCOME_QUARANTINED:
                    why = f"{item.result.reason} {item.result.field}".strip()
                    left[item.kept_quarantine_id or item.quarantine_id] = why
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    words = ("would be taken in", "would be known") if dry_run else ("taken in", "known already")
    typer.echo(f"{taken:,} {words[0]}, {known:,} {words[1]}, {len(left):,} still kept aside.")
    for id, why in list(left.items())[:10]:
        typer.echo(f"  {id}: {why}")
    if left:
        raise typer.Exit(2)


@app.command()
def discard(
    quarantine_ids: Ids = None,
    source: Source = "",
    reason: Reason = "",
    field: Field = "",
    home: Home = None,
    tenant: Tenant = "default",
) -> None:
    """Forget events that are of no use."""
    request = pb.DiscardRequest(selection=_selection(tenant, quarantine_ids, source, reason, field))
    gone = 0
    installation = Installation.load(home or home_folder())
    with Services(installation) as services:
        for _ in range(_MOST_ROUNDS):
            found = ask(services.quarantine.Discard, request, metadata=_access(installation)).discarded
            gone += found
            if not found or quarantine_ids:
                break
    typer.echo(f"{gone:,} forgotten.")


def _selection(tenant: str, ids: list[str] | None, source: str, reason: str, field: str) -> pb.QuarantineSelection:
    if not ids and not reason:
        raise CannotRun("Which events? Give their ids, or a group with --reason; see journeyctl quarantine groups.")
    return pb.QuarantineSelection(tenant=tenant, quarantine_ids=ids or [], source=source, reason=reason, field=field)


def _patch(mend: list[str]) -> dict[str, Any]:
    """`properties.amount=12.5` as a JSON merge patch. What is no JSON is a text."""
    found: dict[str, Any] = {}
    for told in mend:
        path, equals, text = told.partition("=")
        if not path or not equals:
            raise CannotRun(f"--set {told!r} is no path=value, such as properties.amount=12.5.")
        *parents, last = path.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = _value(text)
    ParseDict(found, Struct())
    return found


def _value(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _access(installation: Installation) -> tuple[tuple[str, str], ...]:
    """What ingestion asks of who sees payloads: from the environment, or as `journeyctl up` made it."""
    token = os.environ.get(ACCESS_TOKEN, "") or installation.key_access
    return (("authorization", f"Bearer {token}"),) if token else ()
