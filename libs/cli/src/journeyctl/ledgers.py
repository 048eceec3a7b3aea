"""`journeyctl identity profile` and `consents`: what is known of a customer, to what they agreed, and who told it."""

import json
import os
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from google.protobuf.json_format import MessageToDict
from rich.markup import escape
from rich.table import Table

from cairn.identity.v1 import identity_pb2 as pb
from journeyctl import words
from journeyctl.console import wide_console
from journeyctl.customer import NAMED, find
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.quarantine import ACCESS_TOKEN
from journeyctl.services import Services, ask
from journeyctl.up import Home

FORMATS: Final = ("table", "json")
SHOWN_LOSERS: Final = 3
STANDINGS: Final = {
    pb.CONSENT_STANDING_SILENT: "Nobody said anything of it: what the contact policy asks for holds.",
    pb.CONSENT_STANDING_GRANTED: "Messages may go out.",
    pb.CONSENT_STANDING_REFUSED: "Messages must not go out.",
}

Customer = Annotated[str, typer.Argument(help=NAMED)]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", help="As of this instant (UTC): only what had happened by then counts.")
]
Known = Annotated[
    datetime | None, typer.Option("--known-at", help="As known at this instant (UTC): nothing learned later counts.")
]
Output = Annotated[str, typer.Option("-o", "--output", help="table or json.")]
Opened = Annotated[bool, typer.Option("--open", help=f"Open sealed traits, with the access token in {ACCESS_TOKEN}.")]


def profile(
    customer: Customer,
    as_of: AsOf = None,
    known_at: Known = None,
    opened: Opened = False,
    output: Output = "table",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Tell identifiers, traits and consents of a customer, each with who told it when."""
    _check(output)
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.GetProfileRequest(tenant=tenant, profile_id=find(services, customer, tenant), open_sealed=opened)
        answer = ask(services.identity.GetProfile, _when(request, as_of, known_at), metadata=_access(opened))
    if output == "json":
        typer.echo(_json(answer))
        return
    console = wide_console()
    console.print(f"Profile {answer.profile_id}")
    for one in answer.identifiers:
        console.print(f"  {one.namespace}:#{one.token}", markup=False)
    if answer.traits:
        console.print(_traits(answer))
    if answer.consents:
        console.print(_entries(answer.consents))


def consents(
    customer: Customer,
    channel: Annotated[str, typer.Option(help="May messages go out on this channel?")] = "",
    class_: Annotated[str, typer.Option("--class", help="Messages of this class.")] = "marketing",
    as_of: AsOf = None,
    known_at: Known = None,
    output: Output = "table",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Tell the consent ledger of a customer with its proofs, and whether messages may go out."""
    _check(output)
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.GetConsentsRequest(tenant=tenant, profile_id=find(services, customer, tenant), channel=channel)
        setattr(request, "class", class_)
        answer = ask(services.identity.GetConsents, _when(request, as_of, known_at))
    if output == "json":
        typer.echo(_json(answer))
        return
    console = wide_console()
    console.print(_entries(answer.entries) if answer.entries else "Nobody said anything about consent.")
    if channel:
        by = f" By event {answer.decided_by_event_id}." if answer.decided_by_event_id else ""
        console.print(f"{class_} on {channel}: {STANDINGS[answer.standing]}{by}", markup=False)


def _traits(answer: pb.GetProfileResponse) -> Table:
    table = _table("trait", "value", "rule", "source", "happened", "event")
    for trait in answer.traits:
        for number, value in enumerate(trait.values[: 1 + SHOWN_LOSERS]):
            name = trait.name if number == 0 else ""
            rule = trait.rule if number == 0 else "lost"
            shown = value.json or "(sealed)"
            table.add_row(
                escape(name),
                escape(shown),
                rule,
                escape(value.source),
                f"{words.moment(value.event_time):%F %T}",
                value.event_id,
            )
    return table


def _entries(entries: Any) -> Table:
    table = _table("said", "state", "channel", "class", "source", "proof", "author", "event")
    for one in entries:
        state = f"{one.state} ({one.reason.replace('_', ' ')})" if one.reason else one.state
        said = f"{words.moment(one.time):%F %T}"
        told = (one.channel, getattr(one, "class"), one.source, one.proof, one.author, one.event_id)
        table.add_row(said, state, *map(escape, told))
    return table


def _table(*columns: str) -> Table:
    """Ids and proofs are shown whole, to be copied."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ignore")
    return table


def _when(request: Any, as_of: datetime | None, known_at: datetime | None) -> Any:
    if as_of is not None:
        request.as_of_time.FromDatetime(as_of)
    if known_at is not None:
        request.known_time.FromDatetime(known_at)
    return request


def _access(opened: bool) -> tuple[tuple[str, str], ...]:
    token = os.environ.get(ACCESS_TOKEN, "") if opened else ""
    return (("authorization", f"Bearer {token}"),) if token else ()


def _check(output: str) -> None:
    if output not in FORMATS:
        raise CannotRun(f"--output is {' or '.join(FORMATS)}, not {output}.")


def _json(answer: Any) -> str:
    return json.dumps(MessageToDict(answer, preserving_proto_field_name=True), indent=2, ensure_ascii=False)
