"""`journeyctl identity consent`: entries of the consent ledger made by hand. They are events like any others."""

import getpass
from typing import Annotated, Final
from uuid import uuid4

import typer

from cairn.ingestion.v1 import ingestion_pb2 as pb
from journeyctl.errors import CannotRun
from journeyctl.importing.command import KeyFile, write_key
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home

app = typer.Typer(
    help="Enter consents and suppressions by hand, with author and proof.", no_args_is_help=True, add_completion=False
)

REASONS: Final = ("unsubscribe", "complaint", "hard_bounce", "legal")

Who = Annotated[str, typer.Argument(help="namespace:value, such as email:ada@shop.example.")]
Channel = Annotated[str, typer.Option(help="Only this channel; all if left out.")]
Class = Annotated[str, typer.Option("--class", help="Only messages of this class; all if left out.")]
Proof = Annotated[str, typer.Option(help="How it can be proved, such as ticket 4711; it is not sealed.")]
Purpose = Annotated[str, typer.Option(help="What it was given for.")]
Author = Annotated[str, typer.Option(help="Who enters it; by default the user of this machine.")]
Request = Annotated[str, typer.Option("--request-id", help="Give the same one to repeat a call safely.")]
Suppressing = Annotated[str, typer.Option("--reason", help=f"{', '.join(REASONS)}.")]


@app.command()
def grant(
    who: Who, channel: Channel = "", class_: Class = "", proof: Proof = "", purpose: Purpose = "",
    author: Author = "", request_id: Request = "", key_file: KeyFile = None, home: Home = None,
) -> None:  # fmt: skip
    """Somebody agreed. It does not lift a suppression."""
    _enter("consent.granted", who, channel, class_, "", proof, purpose, author, request_id, key_file, home)


@app.command()
def withdraw(
    who: Who, channel: Channel = "", class_: Class = "", proof: Proof = "", purpose: Purpose = "",
    author: Author = "", request_id: Request = "", key_file: KeyFile = None, home: Home = None,
) -> None:  # fmt: skip
    """Somebody agrees no more; a later grant takes that back."""
    _enter("consent.withdrawn", who, channel, class_, "", proof, purpose, author, request_id, key_file, home)


@app.command()
def suppress(
    who: Who, reason: Suppressing, channel: Channel = "", class_: Class = "", proof: Proof = "",
    author: Author = "", request_id: Request = "", key_file: KeyFile = None, home: Home = None,
) -> None:  # fmt: skip
    """Nothing goes there any more, whatever is granted, until it is lifted."""
    _enter("suppression.added", who, channel, class_, _reason(reason), proof, "", author, request_id, key_file, home)


@app.command()
def lift(
    who: Who, reason: Suppressing = "", channel: Channel = "", class_: Class = "", proof: Proof = "",
    author: Author = "", request_id: Request = "", key_file: KeyFile = None, home: Home = None,
) -> None:  # fmt: skip
    """Suppressions for a reason, or for all of them, hold no more."""
    told = _reason(reason) if reason else ""
    _enter("suppression.lifted", who, channel, class_, told, proof, "", author, request_id, key_file, home)


def _reason(text: str) -> str:
    if text not in REASONS:
        raise CannotRun(f"{text} is no reason for a suppression; there are {', '.join(REASONS)}.")
    return text


def _enter(
    type: str, who: str, channel: str, class_: str, reason: str, proof: str, purpose: str, author: str,
    request_id: str, key_file: KeyFile, home: Home,
) -> None:  # fmt: skip
    namespace, colon, value = who.partition(":")
    if not (namespace and colon and value) or value.startswith("#"):
        raise CannotRun(f"{who} names nobody; write namespace:value, such as email:ada@shop.example.")
    event = pb.IngestEvent(message_id=request_id or str(uuid4()), type=type, identifiers={namespace: value})
    told = {"channel": channel, "class": class_, "reason": reason, "proof": proof, "purpose": purpose}
    event.properties.update({name: text for name, text in told.items() if text})
    event.properties["author"] = author or getpass.getuser()
    folder = home or home_folder()
    access = (("authorization", f"Bearer {write_key(folder, key_file)}"),)
    with Services(Installation.load(folder)) as services:
        (result,) = ask(services.ingestion.Ingest, pb.IngestRequest(events=[event]), metadata=access).results
    if result.outcome not in (pb.IngestResult.OUTCOME_ACCEPTED, pb.IngestResult.OUTCOME_DUPLICATE):
        raise CannotRun(f"It was kept aside: {result.reason} {result.field}; see journeyctl quarantine groups.")
    again = " It had been entered before." if result.outcome == pb.IngestResult.OUTCOME_DUPLICATE else ""
    typer.echo(f"Entered as event {result.event_id}.{again}")
