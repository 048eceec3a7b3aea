"""`journeyctl identity reviews`: pairs that matching suggests and people decide."""

import getpass
from typing import Annotated, Final
from uuid import uuid4

import typer

from cairn.identity.v1 import identity_pb2 as pb
from journeyctl import words
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.services import ServiceRefused, Services, ask
from journeyctl.up import Home

app = typer.Typer(
    help="Tell and decide what matching suggests; no values are shown.", no_args_is_help=True, add_completion=False
)

STATES: Final = {
    "open": pb.REVIEW_STATE_OPEN,
    "accepted": pb.REVIEW_STATE_ACCEPTED,
    "rejected": pb.REVIEW_STATE_REJECTED,
    "joined": pb.REVIEW_STATE_JOINED,
    "any": pb.REVIEW_STATE_UNSPECIFIED,
}
NAMES: Final = {number: name for name, number in STATES.items()}
ReviewId = Annotated[str, typer.Argument(help="Id of a review, or so much of it that it is the only one.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with it.", show_default=False)]
Author = Annotated[str, typer.Option("--author", help="Who says it; by default the user of this machine.")]
Request = Annotated[str, typer.Option("--request-id", help="Give the same one to repeat a call safely.")]
PAGE: Final = 500
FULL: Final = 36
"""Characters of a whole id."""


@app.command("list")
def show_all(
    state: Annotated[str, typer.Option("--state", help=f"One of {', '.join(STATES)}.")] = "open",
    least: Annotated[float | None, typer.Option("--min-bits", help="Only those of at least so many bits.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="Most to tell.", min=1)] = 50,
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Tell the pairs that people should decide, the surest first."""
    if state not in STATES:
        raise CannotRun(f"{state} is no state of a review; use one of {', '.join(STATES)}.")
    request = pb.ListReviewsRequest(tenant=tenant, state=STATES[state], page_size=min(limit, PAGE))
    if least is not None:
        request.min_bits = least
    told = 0
    with Services(Installation.load(home or home_folder())) as services:
        while told < limit:
            answer = ask(services.identity.ListReviews, request)
            for one in answer.reviews[: limit - told]:
                typer.echo(sentence(one))
            told += len(answer.reviews)
            request.page_token = answer.next_page_token
            if not answer.next_page_token:
                break
    if not told:
        typer.echo("Nothing waits to be decided." if state == "open" else "There are none.")


@app.command()
def show(review_id: ReviewId, home: Home = None, tenant: str = "default") -> None:
    """Tell what a pair's score adds up from, field by field."""
    with Services(Installation.load(home or home_folder())) as services:
        one = find(services, review_id, tenant)
    typer.echo(sentence(one))
    for field in one.fields:
        typer.echo(f"  {field.bits:+8.2f}  {field.field} {field.level}".rstrip())
    if one.author:
        typer.echo(f"  {NAMES[one.state]} by {one.author}: {one.reason} (statement {one.statement_id})")


@app.command()
def accept(
    review_id: ReviewId,
    reason: Reason,
    author: Author = "",
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that both are one person."""
    _decide(review_id, reason, author, request_id, home, tenant, accept=True)


@app.command()
def reject(
    review_id: ReviewId,
    reason: Reason,
    author: Author = "",
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that they are two; no score joins them any more."""
    _decide(review_id, reason, author, request_id, home, tenant, accept=False)


def find(services: Services, review_id: str, tenant: str) -> pb.Review:
    """The review whose id begins like that. Raises CannotRun."""
    request = pb.ListReviewsRequest(tenant=tenant, page_size=PAGE)
    found: list[pb.Review] = []
    while True:
        answer = ask(services.identity.ListReviews, request)
        found += [one for one in answer.reviews if one.id.startswith(review_id)]
        request.page_token = answer.next_page_token
        if not answer.next_page_token or (len(review_id) == FULL and found):
            break
    if len(found) != 1:
        raise CannotRun(f"{len(found)} reviews have an id that begins with {review_id}; see identity reviews list.")
    return found[0]


def sentence(one: pb.Review) -> str:
    """A review in one line."""
    sides = " and ".join(
        f"{profile} ({end.namespace}:#{end.token[:8]}…)"
        for profile, end in ((one.left_profile_id, one.left), (one.right_profile_id, one.right))
    )
    kept = f", kept apart: {words.reason(one.refusal)}" if one.refusal else ""
    return f"{one.id}  {one.bits:5.1f} bits  {NAMES[one.state]}{kept}  {sides}"


def _decide(
    review_id: str, reason: str, author: str, request_id: str, home: Home, tenant: str, *, accept: bool
) -> None:
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.DecideReviewRequest(
            request_id=request_id or str(uuid4()),
            tenant=tenant,
            review_id=review_id if len(review_id) == FULL else find(services, review_id, tenant).id,
            accept=accept,
            author=author or getpass.getuser(),
            reason=reason,
        )
        try:
            answer = ask(services.identity.DecideReview, request)
        except ServiceRefused as refused:
            if refused.reason not in ("REVIEW_CLOSED", "NO_SUCH_REVIEW"):
                raise
            raise CannotRun(f"That cannot be decided: {words.reason(refused.reason)}; see reviews show.") from None
    typer.echo(f"Statement {answer.statement_id}")
    for move in answer.moves:
        typer.echo(f"  {move.from_profile_id} lives on in {move.to_profile_id}")
