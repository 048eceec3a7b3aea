"""`journeyctl identity members`, `relate`, `unrelate`: who belongs to which account or household."""

import getpass
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import uuid4

import typer

from cairn.identity.v1 import relations_pb2 as pb
from cairn.identity.v1.identity_pb2 import IdentifierRef
from cairn_kernel.identifiers import CAIRN_PROFILE
from journeyctl import words
from journeyctl.customer import find
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, ask
from journeyctl.up import Home

SubjectName = Annotated[str, typer.Argument(help="kind:key, such as account:acme.", metavar="SUBJECT")]
Member = Annotated[str, typer.Argument(help="namespace:value, such as email:ann@acme.example, or a customer.")]
At = Annotated[datetime | None, typer.Option("--at", help="As of this instant (UTC); by default now.")]
Everything = Annotated[bool, typer.Option("--all", help="Also what is over or has not begun.")]
Role = Annotated[str, typer.Option("--role", help="As what; one that the SubjectKind names.")]
Since = Annotated[datetime | None, typer.Option("--since", help="From this instant (UTC); by default from now.")]
Until = Annotated[datetime | None, typer.Option("--until", help="Up to this instant (UTC); by default until ended.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with it.", show_default=False)]
Author = Annotated[str, typer.Option("--author", help="Who says it; by default the user of this machine.")]
Request = Annotated[str, typer.Option("--request-id", help="Give the same one to repeat a call safely.")]


def members(
    subject: SubjectName, at: At = None, everything: Everything = False, home: Home = None, tenant: str = "default"
) -> None:
    """Tell who belongs to an account or household, as what and from when to when."""
    request = pb.GetRelationsRequest(tenant=tenant, subject=_subject(subject), all=everything)
    if at is not None:
        request.as_of_time.FromDatetime(at)
    with Services(Installation.load(home or home_folder())) as services:
        found = list(_pages(services, request))
    for one in found:
        typer.echo(f"{one.profile_id}  {_as_what(one)}")
    if not found:
        typer.echo(f"Nobody belongs to {subject}.")


def relate(
    subject: SubjectName,
    member: Member,
    reason: Reason,
    role: Role = "",
    since: Since = None,
    until: Until = None,
    author: Author = "",
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that somebody belongs to an account or household, besides what events tell."""
    _say(subject, member, role, False, since, until, reason, author, request_id, home, tenant)


def unrelate(
    subject: SubjectName,
    member: Member,
    reason: Reason,
    role: Role = "",
    since: Since = None,
    author: Author = "",
    request_id: Request = "",
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Say that somebody does not belong to an account or household any more, or not in that role."""
    _say(subject, member, role, True, since, None, reason, author, request_id, home, tenant)


def subjects_of(services: Services, tenant: str, profile_id: str, at: datetime | None) -> list[str]:
    """What a customer belongs to at an instant, and what people said of it by hand, in sentences."""
    request = pb.GetRelationsRequest(tenant=tenant, profile_id=profile_id)
    if at is not None:
        request.as_of_time.FromDatetime(at)
    answer = ask(services.relations.GetRelations, request)
    told = [f"belongs to {one.subject.kind}:{one.subject.key} as {_as_what(one)}" for one in answer.relations]
    return told + [_sentence(said) for said in answer.statements]


def _say(
    subject: str,
    member: str,
    role: str,
    ends: bool,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    author: str,
    request_id: str,
    home: Home,
    tenant: str,
) -> None:
    with Services(Installation.load(home or home_folder())) as services:
        request = pb.RelateRequest(
            request_id=request_id or str(uuid4()),
            tenant=tenant,
            member=_member(services, member, tenant),
            subject=_subject(subject),
            role=role,
            ends=ends,
            author=author or getpass.getuser(),
            reason=reason,
        )
        if since is not None:
            request.since_time.FromDatetime(since)
        if until is not None:
            request.until_time.FromDatetime(until)
        answer = ask(services.relations.Relate, request)
    typer.echo(f"Statement {answer.statement_id}")
    for one in answer.relations:
        typer.echo(f"  {one.profile_id}  {_as_what(one)}")
    if not answer.relations:
        typer.echo(f"  {answer.profile_id} never belonged to {subject}")


def _pages(services: Services, request: pb.GetRelationsRequest) -> Iterator[pb.Relation]:
    while True:
        answer = ask(services.relations.GetRelations, request)
        yield from answer.relations
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def _subject(text: str) -> pb.Subject:
    kind, colon, key = text.partition(":")
    if not (kind and colon and key):
        raise CannotRun(f"{text} is no subject; write kind:key, such as account:acme.")
    return pb.Subject(kind=kind, key=key)


def _member(services: Services, text: str, tenant: str) -> IdentifierRef:
    namespace, colon, value = text.partition(":")
    if not colon:
        return IdentifierRef(namespace=CAIRN_PROFILE, token=find(services, text, tenant))
    if not (namespace and value.lstrip("#")):
        raise CannotRun(f"{text} is nobody; write namespace:value, such as email:ann@acme.example.")
    if value.startswith("#"):
        return IdentifierRef(namespace=namespace, token=value[1:])
    return IdentifierRef(namespace=namespace, value=value)


def _as_what(one: pb.Relation) -> str:
    until = f" to {words.day(one.until_time)}" if one.HasField("until_time") else ""
    return f"{one.role} from {words.day(one.since_time)}{until}"


def _sentence(said: pb.RelationStatement) -> str:
    about = f"{said.subject.kind}:{said.subject.key}" + (f" as {said.role}" if said.role else "")
    what = "does not belong" if said.ends else "belongs"
    return f"{said.author} said on {words.day(said.statement_time)}: {what} to {about} ({said.reason})"
