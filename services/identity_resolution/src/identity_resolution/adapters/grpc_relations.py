"""RelationService: translate in, call, translate out."""

from collections.abc import Callable
from typing import Any

from cairn.identity.v1 import relations_pb2 as pb
from cairn.identity.v1.relations_pb2_grpc import RelationServiceServicer
from cairn_journey.language.model import MEMBER
from cairn_journey.subjects.told import Says, Told, keys_of, subject_id
from cairn_kernel.errors import Invalid
from identity_resolution.adapters.grpc_api import DEFAULT_TENANT, Tokens, named
from identity_resolution.application.find_relations import DEFAULT_AT_ONCE, MOST_AT_ONCE, Related, RelationFinder
from identity_resolution.application.make_statements import StatementMaker
from identity_resolution.domain.relations import Evidence


class RelationApi(RelationServiceServicer):
    """See relations.proto."""

    def __init__(self, finder: RelationFinder, maker: StatementMaker, tokens: Tokens, now: Callable[[], int]) -> None:
        self._finder = finder
        self._maker = maker
        self._tokens = tokens
        self._now = now

    async def GetRelations(self, request: pb.GetRelationsRequest, context: Any) -> pb.GetRelationsResponse:
        tenant = request.tenant or DEFAULT_TENANT
        at = request.as_of_time.ToMicroseconds() if request.HasField("as_of_time") else self._now()
        said: list[Evidence] = []
        more = ""
        if request.HasField("subject"):
            kind, key = _subject(request.subject)
            limit = min(request.page_size or DEFAULT_AT_ONCE, MOST_AT_ONCE)
            found, more = await self._finder.of_subject(tenant, kind, key, request.page_token, limit)
        elif request.profile_id:
            found, said = await self._finder.of_profile(tenant, request.profile_id)
        else:
            raise Invalid("subject or profile_id is required", reason="FIELD_REQUIRED", field="subject")
        return pb.GetRelationsResponse(
            relations=[_relation(tenant, one) for one in found if request.all or one.interval.holds(at)],
            statements=[statement for one in said for statement in _statements(tenant, one)],
            next_page_token=more,
        )

    async def Relate(self, request: pb.RelateRequest, context: Any) -> pb.RelateResponse:
        tenant = request.tenant or DEFAULT_TENANT
        (member,) = named(self._tokens, tenant, [request.member], "member")
        kind, key = _subject(request.subject)
        roles = (request.role,) if request.role else ()
        known = self._finder.kind(tenant, kind).by_name[kind].roles
        if request.role and known and request.role not in (*known, MEMBER):
            listed = ", ".join((*known, MEMBER))
            raise Invalid(f"nobody can be {request.role} in a {kind}; there are: {listed}", reason="NO_SUCH_ROLE")
        told = Told(
            says=Says.ENDS if request.ends else Says.ALSO,
            kind=kind,
            keys=(key,),
            roles=roles,
            since=request.since_time.ToMicroseconds() if request.HasField("since_time") else None,
            until=request.until_time.ToMicroseconds() if request.HasField("until_time") else None,
            author=request.author,
            reason=request.reason,
        )
        answer = await self._maker.relate(tenant, request.request_id, member, told)
        found, _ = await self._finder.of_profile(tenant, answer.profile_id)
        return pb.RelateResponse(
            statement_id=answer.statement_id,
            profile_id=answer.profile_id,
            relations=[_relation(tenant, one) for one in found if (one.kind, one.interval.key) == (kind, key)],
        )


def _subject(subject: pb.Subject) -> tuple[str, str]:
    if not subject.kind:
        raise Invalid("subject.kind is required", reason="FIELD_REQUIRED", field="subject.kind")
    keys = keys_of(subject.key)
    if not keys:
        raise Invalid("subject.key names nobody", reason="FIELD_REQUIRED", field="subject.key")
    return subject.kind, keys[0]


def _message(tenant: str, kind: str, key: str) -> pb.Subject:
    return pb.Subject(kind=kind, key=key, profile_id=subject_id(tenant, kind, key))


def _relation(tenant: str, related: Related) -> pb.Relation:
    interval = related.interval
    message = pb.Relation(
        subject=_message(tenant, related.kind, interval.key), profile_id=related.profile_id, role=interval.role
    )
    message.since_time.FromMicroseconds(interval.since)
    if interval.until is not None:
        message.until_time.FromMicroseconds(interval.until)
    return message


def _statements(tenant: str, said: Evidence) -> list[pb.RelationStatement]:
    told = said.told
    messages = [
        pb.RelationStatement(
            subject=_message(tenant, told.kind, key),
            ends=told.says is Says.ENDS,
            role=" ".join(told.roles),
            author=told.author,
            reason=told.reason,
        )
        for key in told.keys
    ]
    for message in messages:
        message.statement_time.FromMicroseconds(said.last[0])
    return messages
