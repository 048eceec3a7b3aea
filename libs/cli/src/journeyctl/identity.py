"""`journeyctl identity`: who is one person and why, and what people know better."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

import typer

from cairn.identity.v1 import identity_pb2 as pb
from journeyctl import consent, plan_identity, reviews, words
from journeyctl.customer import NAMED, find
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.ledgers import consents, profile
from journeyctl.match_records import match_records
from journeyctl.relations import members, relate, subjects_of, unrelate
from journeyctl.services import ServiceRefused, Services, ask
from journeyctl.up import Home

app = typer.Typer(
    help="Tell who is one person and why; join, part and block by hand.", no_args_is_help=True, add_completion=False
)
app.command("match")(match_records)
app.command("profile")(profile)
app.command("consents")(consents)
app.add_typer(consent.app, name="consent")
app.command("members")(members)
app.command("relate")(relate)
app.command("unrelate")(unrelate)
app.add_typer(reviews.app, name="reviews")

KINDS: Final = {
    pb.STATEMENT_KIND_SAME: "same",
    pb.STATEMENT_KIND_NOT_SAME: "not the same",
    pb.STATEMENT_KIND_BLOCK: "blocked",
    pb.STATEMENT_KIND_ALLOW: "allowed",
}
Customer = Annotated[str, typer.Argument(help=NAMED)]
Identifiers = Annotated[
    list[str], typer.Argument(help="namespace:value, such as email:desk@shop.example, or namespace:#token.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with it.", show_default=False)]
Author = Annotated[str, typer.Option("--author", help="Who says it; by default the user of this machine.")]
Days = Annotated[float | None, typer.Option("--for-days", help="Holds so long; by default until withdrawn.")]
Instant = Annotated[
    datetime | None, typer.Option("--at", help="As of this instant (UTC): only what had happened by then counts.")
]
Known = Annotated[
    datetime | None, typer.Option("--known-at", help="As known at this instant (UTC): nothing learned later counts.")
]
Request = Annotated[str, typer.Option("--request-id", help="Give the same one to repeat a call safely.")]


@app.command()
def show(
    customer: Customer, at: Instant = None, known_at: Known = None, home: Home = None, tenant: str = "default"
) -> None:
    """Tell the identifiers of a profile, the ids that lead to it, and what people said about it."""
    with Services(Installation.load(home or home_folder())) as services:
        profile_id = find(services, customer, tenant)
        request = pb.GetProfileRequest(tenant=tenant, profile_id=profile_id)
        _when(request, at, known_at)
        profile = ask(services.identity.GetProfile, request)
        refs = [pb.IdentifierRef(namespace=one.namespace, token=one.token) for one in profile.identifiers]
        said = ask(services.identity.ListStatements, pb.ListStatementsRequest(tenant=tenant, identifiers=refs))
        belongs = subjects_of(services, tenant, profile_id, at)
    typer.echo(f"Profile {profile.profile_id}")
    for one in profile.identifiers:
        typer.echo(f"  {one.namespace}:#{one.token}")
    for merged in profile.merged_profile_ids:
        typer.echo(f"  was also {merged}")
    for line in (*belongs, *map(sentence, said.statements)):
        typer.echo(f"  {line}")


@app.command()
def rules(home: Home = None, tenant: str = "default") -> None:
    """Tell which rules of identity are in force, and how far their change has come."""
    with Services(Installation.load(home or home_folder())) as services:
        typer.echo(plan_identity.sentence(ask(services.identity.GetRules, pb.GetRulesRequest(tenant=tenant))))


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="A customer, or an identifier as namespace:value.")],
    other: Annotated[str, typer.Argument(help="Another identifier: are they one person, and why?")] = "",
    at: Instant = None,
    known_at: Known = None,
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Tell why the identifiers of a customer are one person; or why two identifiers are, or are not."""
    with Services(Installation.load(home or home_folder())) as services:
        if other:
            pair = pb.ExplainPairRequest(tenant=tenant, left=reference(customer), right=reference(other))
            _when(pair, at, known_at)
            _tell_pair(ask(services.identity.ExplainPair, pair))
            return
        profile_id = find(services, customer, tenant)
        answer = ask(services.identity.Explain, pb.ExplainRequest(tenant=tenant, profile_id=profile_id))
        belongs = subjects_of(services, tenant, profile_id, at)
    typer.echo(f"Profile {profile_id}")
    for line in (*map(words.link, [*answer.links, *answer.refused]), *belongs):
        typer.echo(f"  {line}")


@app.command()
def split(
    customer: Customer,
    identifiers: Identifiers,
    reason: Reason,
    author: Author = "",
    for_days: Days = None,
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Take identifiers out of a profile: they are another person than the rest of it."""
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.SplitProfileRequest(
            request_id=request_id or str(uuid4()),
            tenant=tenant,
            profile_id=find(services, customer, tenant),
            identifiers=[reference(one) for one in identifiers],
            author=author or getpass.getuser(),
            reason=reason,
        )
        _expire(request, for_days)
        answer = ask(services.identity.SplitProfile, request)
    _tell(answer.statement_id, answer.moves)


@app.command("assert")
def same(
    left: str,
    right: str,
    reason: Reason,
    author: Author = "",
    for_days: Days = None,
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that two identifiers are one person."""
    _make(pb.STATEMENT_KIND_SAME, [left], [right], reason, author, for_days, request_id, home, tenant)


@app.command()
def deny(
    left: str,
    right: str,
    reason: Reason,
    author: Author = "",
    for_days: Days = None,
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that two identifiers are not one person, whatever was seen or is suggested."""
    _make(pb.STATEMENT_KIND_NOT_SAME, [left], [right], reason, author, for_days, request_id, home, tenant)


@app.command()
def block(
    identifiers: Identifiers,
    reason: Reason,
    author: Author = "",
    for_days: Days = None,
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that identifiers name nobody in particular: what they joined parts, also of the past."""
    _make(pb.STATEMENT_KIND_BLOCK, identifiers, [], reason, author, for_days, request_id, home, tenant)


@app.command()
def allow(
    identifiers: Identifiers,
    reason: Reason,
    author: Author = "",
    for_days: Days = None,
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that identifiers name somebody although they were seen with many people."""
    _make(pb.STATEMENT_KIND_ALLOW, identifiers, [], reason, author, for_days, request_id, home, tenant)


@app.command()
def unblock(identifiers: Identifiers, request_id: Request = "", home: Home = None, tenant: str = "default") -> None:
    """Withdraw the blocks of identifiers: what they joined is joined again."""
    _withdraw(pb.STATEMENT_KIND_BLOCK, identifiers, request_id, home, tenant)


@app.command()
def undeny(left: str, right: str, request_id: Request = "", home: Home = None, tenant: str = "default") -> None:
    """Withdraw what was said to keep two identifiers apart, by deny or by split."""
    _withdraw(pb.STATEMENT_KIND_NOT_SAME, [left, right], request_id, home, tenant)


@app.command()
def withdraw(statement_ids: list[str], request_id: Request = "", home: Home = None, tenant: str = "default") -> None:
    """Withdraw statements by their ids, as `show` and `statements` tell them."""
    request = pb.WithdrawStatementsRequest(tenant=tenant, statement_ids=statement_ids)
    _end(request, request_id, home)


@app.command()
def statements(
    home: Home = None,
    tenant: str = "default",
    ended: Annotated[bool, typer.Option("--ended", help="Also those that do not hold any more.")] = False,
) -> None:
    """Tell what people said, the latest first."""
    with Services(Installation.load(home or home_folder())) as services:
        answer = ask(services.identity.ListStatements, pb.ListStatementsRequest(tenant=tenant, ended=ended))
    for statement in answer.statements:
        typer.echo(sentence(statement))
    if not answer.statements:
        typer.echo("Nobody said anything.")


def reference(text: str) -> pb.IdentifierRef:
    """An identifier as people write it. Raises CannotRun."""
    namespace, colon, value = text.partition(":")
    if not (namespace and colon and value.lstrip("#")):
        raise CannotRun(f"{text} is no identifier; write namespace:value, such as email:desk@shop.example.")
    if value.startswith("#"):
        return pb.IdentifierRef(namespace=namespace, token=value[1:])
    return pb.IdentifierRef(namespace=namespace, value=value)


def sentence(said: pb.Statement) -> str:
    """A statement in words."""
    sides = [" and ".join(f"{one.namespace}:#{one.token}" for one in side) for side in (said.left, said.right) if side]
    until = f", until {words.day(said.expire_time)}" if said.HasField("expire_time") else ""
    ended = ", ended" if said.ended else ""
    what = f"{KINDS[said.kind]}: {' / '.join(sides)}"
    return f"{said.id}  {what} ({said.author} on {words.day(said.statement_time)}: {said.reason}{until}{ended})"


def _make(
    kind: pb.StatementKind,
    left: Sequence[str],
    right: Sequence[str],
    reason: str,
    author: str,
    for_days: float | None,
    request_id: str,
    home: Home,
    tenant: str,
) -> None:
    request = pb.MakeStatementRequest(
        request_id=request_id or str(uuid4()),
        tenant=tenant,
        kind=kind,
        left=[reference(one) for one in left],
        right=[reference(one) for one in right],
        author=author or getpass.getuser(),
        reason=reason,
    )
    _expire(request, for_days)
    with Services(Installation.load(home or home_folder())) as services:
        answer = ask(services.identity.MakeStatement, request)
    _tell(answer.statement_id, answer.moves)


def _withdraw(kind: pb.StatementKind, identifiers: Sequence[str], request_id: str, home: Home, tenant: str) -> None:
    refs = [reference(one) for one in identifiers]
    _end(pb.WithdrawStatementsRequest(tenant=tenant, kind=kind, identifiers=refs), request_id, home)


def _end(request: pb.WithdrawStatementsRequest, request_id: str, home: Home) -> None:
    request.request_id = request_id or str(uuid4())
    with Services(Installation.load(home or home_folder())) as services:
        try:
            answer = ask(services.identity.WithdrawStatements, request)
        except ServiceRefused as refused:
            if refused.reason != "NO_SUCH_STATEMENT":
                raise
            raise CannotRun("Nothing in force says that; see journeyctl identity statements.") from None
    _tell(", ".join(answer.statement_ids), answer.moves)


def _when(
    request: pb.GetProfileRequest | pb.ExplainPairRequest, at: datetime | None, known_at: datetime | None
) -> None:
    if at is not None:
        request.as_of_time.FromDatetime(at)
    if known_at is not None:
        request.known_time.FromDatetime(known_at)


def _tell_pair(answer: pb.ExplainPairResponse) -> None:
    if answer.same:
        typer.echo(f"One person, profile {answer.left_profile_id}")
    else:
        typer.echo(f"Not one person: profiles {answer.left_profile_id} and {answer.right_profile_id}")
    for step in answer.path:
        typer.echo(f"  {words.path_step(step)}")
    if not answer.path:
        typer.echo("  no event and no statement connects them")
    typer.echo(f"  by the rules {answer.rules_version}")


def _expire(request: pb.MakeStatementRequest | pb.SplitProfileRequest, days: float | None) -> None:
    if days is not None:
        if days <= 0:
            raise CannotRun("--for-days must be more than 0.")
        request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=days))


def _tell(statements: str, moves: Sequence[pb.ProfileMove]) -> None:
    typer.echo(f"Statement {statements}")
    for move in moves:
        if move.moved:
            count = "1 identifier" if move.moved == 1 else f"{move.moved} identifiers"
            typer.echo(f"  {count} left {move.from_profile_id} for {move.to_profile_id}")
        else:
            typer.echo(f"  {move.from_profile_id} lives on in {move.to_profile_id}")
    if not moves:
        typer.echo("  no profile changed by it")
