"""IdentityService: translate in, call, translate out."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol

from cairn.identity.v1 import identity_pb2 as pb
from cairn.identity.v1.identity_pb2_grpc import IdentityServiceServicer
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.event import Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.time import to_datetime
from identity_resolution.adapters import ledger_messages
from identity_resolution.adapters.grpc_reviews import LEAST_BITS, STATE_NAMES, field_weights, review_message
from identity_resolution.application.decide_reviews import ReviewDesk
from identity_resolution.application.find_profile import ProfileFinder
from identity_resolution.application.ledgers import Ledgers
from identity_resolution.application.look_back import FOR_EVER, Instant, LookBack
from identity_resolution.application.make_statements import Said, StatementMaker
from identity_resolution.application.ports import IdentityStore, StoredStatement
from identity_resolution.application.preview_rules import Preview, RulesPreview
from identity_resolution.domain.commands import Answer
from identity_resolution.domain.elements import Link
from identity_resolution.domain.matching import Told
from identity_resolution.domain.paths import Step
from identity_resolution.domain.refusing import rule_of
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Kind

DEFAULT_TENANT: Final = "default"
MOST_SAMPLES: Final = 100
KINDS: Final = {
    pb.STATEMENT_KIND_SAME: Kind.SAME,
    pb.STATEMENT_KIND_NOT_SAME: Kind.NOT_SAME,
    pb.STATEMENT_KIND_BLOCK: Kind.BLOCK,
    pb.STATEMENT_KIND_ALLOW: Kind.ALLOW,
}


class Tokens(Protocol):
    """Turns values, however they are spelt, into tokens."""

    def token(self, tenant: str, namespace: str, value: str) -> str:
        """Empty if the value cannot be an identifier."""
        ...


class IdentityApi(IdentityServiceServicer):
    """See identity.proto."""

    def __init__(
        self,
        finder: ProfileFinder,
        past: LookBack,
        store: IdentityStore,
        tokens: Tokens,
        maker: StatementMaker,
        preview: RulesPreview,
        ledgers: Ledgers,
        desk: ReviewDesk,
    ) -> None:
        self._ledgers = ledgers
        self._desk = desk
        self._past = past
        self._finder = finder
        self._store = store
        self._tokens = tokens
        self._maker = maker
        self._preview = preview

    async def Resolve(self, request: pb.ResolveRequest, context: Any) -> pb.ResolveResponse:
        tenant = request.tenant or DEFAULT_TENANT
        _require(request.namespace, "namespace")
        _require(request.value, "value")
        if request.namespace == CAIRN_PROFILE:
            profile = await self._finder.get(tenant, request.value)
            return pb.ResolveResponse(profile_id=profile.profile_id)
        token = self._tokens.token(tenant, request.namespace, request.value)
        if not token:
            raise NotFound("no event has shown this identifier", reason="NO_SUCH_IDENTIFIER")
        identifier = Identifier(request.namespace, token)
        return pb.ResolveResponse(profile_id=await self._finder.resolve(tenant, identifier))

    async def GetProfile(self, request: pb.GetProfileRequest, context: Any) -> pb.GetProfileResponse:
        tenant = request.tenant or DEFAULT_TENANT
        when = _when(request)
        if when != Instant():
            was, identifiers = await self._past.profile(tenant, request.profile_id, when)
            answer = pb.GetProfileResponse(profile_id=was, identifiers=[_identifier(one) for one in identifiers])
        else:
            profile = await self._finder.get(tenant, request.profile_id)
            answer = pb.GetProfileResponse(
                profile_id=profile.profile_id,
                identifiers=[_identifier(identifier) for identifier in profile.identifiers],
                merged_profile_ids=profile.merged_profile_ids,
            )
        token = _bearer(context) if request.open_sealed else None
        told = await self._ledgers.traits(tenant, request.profile_id, when, access_token=token)
        consents = await self._ledgers.consents(tenant, request.profile_id, when)
        answer.traits.extend(ledger_messages.trait(one) for one in told)
        answer.consents.extend(ledger_messages.entry(word) for word in consents.words)
        return answer

    async def GetConsents(self, request: pb.GetConsentsRequest, context: Any) -> pb.GetConsentsResponse:
        tenant = request.tenant or DEFAULT_TENANT
        ledger = await self._ledgers.consents(tenant, request.profile_id, _when(request))
        return ledger_messages.consents(ledger, request.channel, getattr(request, "class"))

    async def Explain(self, request: pb.ExplainRequest, context: Any) -> pb.ExplainResponse:
        explanation = await self._finder.explain(request.tenant or DEFAULT_TENANT, request.profile_id)
        return pb.ExplainResponse(
            links=[_link(link, explanation.told) for link in explanation.links],
            refused=[_link(link, explanation.told, rule) for link, rule in explanation.refused],
            rules_version=explanation.rules_version,
        )

    async def ExplainPair(self, request: pb.ExplainPairRequest, context: Any) -> pb.ExplainPairResponse:
        tenant = request.tenant or DEFAULT_TENANT
        (left,) = self._named(tenant, [request.left], "left")
        (right,) = self._named(tenant, [request.right], "right")
        found = await self._past.pair(tenant, left, right, _when(request))
        return pb.ExplainPairResponse(
            same=found.left_profile_id == found.right_profile_id,
            left_profile_id=found.left_profile_id,
            right_profile_id=found.right_profile_id,
            path=[_step(step, found.rules, found.told) for step in found.steps],
            rules_version=found.rules.version,
        )

    async def GetCounts(self, request: pb.GetCountsRequest, context: Any) -> pb.GetCountsResponse:
        counts = await self._store.count(request.tenant or DEFAULT_TENANT)
        return pb.GetCountsResponse(profiles=counts.profiles, merges=counts.merges)

    async def MakeStatement(self, request: pb.MakeStatementRequest, context: Any) -> pb.MakeStatementResponse:
        tenant = request.tenant or DEFAULT_TENANT
        if request.kind not in KINDS:
            raise Invalid("kind is required", reason="FIELD_REQUIRED", field="kind")
        said = Said(
            KINDS[request.kind],
            self._named(tenant, request.left, "left"),
            self._named(tenant, request.right, "right"),
            request.author,
            request.reason,
            _instant(request),
        )
        answer = await self._maker.make(tenant, request.request_id, said)
        return pb.MakeStatementResponse(statement_id=answer.statement_id, moves=_moves(answer))

    async def SplitProfile(self, request: pb.SplitProfileRequest, context: Any) -> pb.SplitProfileResponse:
        tenant = request.tenant or DEFAULT_TENANT
        left = self._named(tenant, request.identifiers, "identifiers")
        said = Said(Kind.NOT_SAME, left, (), request.author, request.reason, _instant(request))
        answer = await self._maker.split(tenant, request.request_id, request.profile_id, said)
        return pb.SplitProfileResponse(statement_id=answer.statement_id, moves=_moves(answer))

    async def WithdrawStatements(
        self, request: pb.WithdrawStatementsRequest, context: Any
    ) -> pb.WithdrawStatementsResponse:
        tenant = request.tenant or DEFAULT_TENANT
        about = self._named(tenant, request.identifiers, "identifiers")
        kind = KINDS.get(request.kind)
        answer = await self._maker.withdraw(tenant, request.request_id, request.statement_ids, kind, about)
        return pb.WithdrawStatementsResponse(statement_ids=answer.withdrawn, moves=_moves(answer))

    async def PreviewRules(
        self, request: pb.PreviewRulesRequest, context: Any
    ) -> AsyncIterator[pb.PreviewRulesResponse]:
        samples = min(request.samples or 10, MOST_SAMPLES)
        async for found in self._preview.run(request.tenant or DEFAULT_TENANT, request.bundle, samples):
            yield _previewed(found)

    async def GetRules(self, request: pb.GetRulesRequest, context: Any) -> pb.GetRulesResponse:
        found = await self._preview.in_force(request.tenant or DEFAULT_TENANT)
        return pb.GetRulesResponse(
            version=found.version, done=found.done, share=found.share, merges=found.merges, splits=found.splits
        )

    async def ListStatements(self, request: pb.ListStatementsRequest, context: Any) -> pb.ListStatementsResponse:
        tenant = request.tenant or DEFAULT_TENANT
        about = self._named(tenant, request.identifiers, "identifiers")
        found = await self._maker.list(tenant, about, request.limit, ended=request.ended)
        return pb.ListStatementsResponse(statements=[_statement(one) for one in found])

    async def ListReviews(self, request: pb.ListReviewsRequest, context: Any) -> pb.ListReviewsResponse:
        tenant, state = request.tenant or DEFAULT_TENANT, STATE_NAMES.get(request.state, "")
        least = request.min_bits if request.HasField("min_bits") else LEAST_BITS
        found, token = await self._desk.list(tenant, state, least, request.page_size, request.page_token)
        return pb.ListReviewsResponse(reviews=[review_message(one) for one in found], next_page_token=token)

    async def DecideReview(self, request: pb.DecideReviewRequest, context: Any) -> pb.DecideReviewResponse:
        _require(request.request_id, "request_id")
        _require(request.review_id, "review_id")
        answer = await self._desk.decide(
            request.tenant or DEFAULT_TENANT,
            request.request_id,
            request.review_id,
            request.author,
            request.reason,
            accept=request.accept,
        )
        return pb.DecideReviewResponse(statement_id=answer.statement_id, moves=_moves(answer))

    def _named(self, tenant: str, refs: Sequence[pb.IdentifierRef], field: str) -> list[Identifier]:
        return named(self._tokens, tenant, refs, field)


def named(tokens: Tokens, tenant: str, refs: Sequence[pb.IdentifierRef], field: str) -> list[Identifier]:
    """Identifiers with the tokens of their values."""
    found = []
    for ref in refs:
        _require(ref.namespace, f"{field}.namespace")
        if ref.value:
            token = tokens.token(tenant, ref.namespace, ref.value)
            if not token:
                raise Invalid(f"no {ref.namespace} is spelt like that", reason="FIELD_FORMAT", field=field)
            found.append(Identifier(ref.namespace, token))
        else:
            _require(ref.token, f"{field}.value")
            found.append(Identifier(ref.namespace, ref.token))
    return found


def _require(value: str, field: str) -> None:
    if not value:
        raise Invalid(f"{field} is required", reason="FIELD_REQUIRED", field=field)


def _bearer(context: Any) -> str:
    """The access token of the caller; empty if there is none."""
    metadata = dict(context.invocation_metadata() or ())
    return str(metadata.get("authorization", "")).removeprefix("Bearer ")


def _instant(request: pb.MakeStatementRequest | pb.SplitProfileRequest) -> int | None:
    if not request.HasField("expire_time"):
        return None
    return request.expire_time.ToMicroseconds()


def _when(request: pb.GetProfileRequest | pb.ExplainPairRequest | pb.GetConsentsRequest) -> Instant:
    as_of = request.as_of_time.ToMicroseconds() if request.HasField("as_of_time") else FOR_EVER
    known_at = request.known_time.ToMicroseconds() if request.HasField("known_time") else FOR_EVER
    return Instant(as_of, known_at)


def _step(step: Step, rules: Rules, told: Mapping[str, tuple[Told, ...]]) -> pb.PathStep:
    message = pb.PathStep(to=_identifier(step.end), statement_id=step.statement.id if step.statement else "")
    getattr(message, "from").CopyFrom(_identifier(step.start))
    if step.link is not None and step.link.suggested:
        message.weight = step.link.weight
        message.fields.extend(field_weights(told.get(step.link.first[1], ())))
    elif step.link is not None:
        at, message.event_id = step.link.first
        message.event_time.FromMicroseconds(at)
    if step.refused is not None:
        message.refusal, message.limit = str(step.refused.refusal), step.refused.limit
        message.statement_id = step.refused.statement_id
        if step.link is not None:
            message.rule = rule_of(step.link, step.refused.refusal, rules, step.refused.limit)
    return message


def _moves(answer: Answer) -> list[pb.ProfileMove]:
    splits = [
        pb.ProfileMove(from_profile_id=source, to_profile_id=target, moved=moved)
        for source, target, moved in answer.splits
    ]
    return splits + [pb.ProfileMove(from_profile_id=gone, to_profile_id=heir) for gone, heir in answer.merges]


def _statement(stored: StoredStatement) -> pb.Statement:
    said = stored.statement
    message = pb.Statement(
        id=said.id,
        kind=next(number for number, kind in KINDS.items() if kind == said.kind),
        left=[_identifier(one) for one in said.left],
        right=[_identifier(one) for one in said.right],
        author=said.author,
        reason=said.reason,
        ended=stored.ended,
    )
    message.statement_time.FromMicroseconds(said.at)
    if said.expires is not None:
        message.expire_time.FromMicroseconds(said.expires)
    return message


def _previewed(found: Preview) -> pb.PreviewRulesResponse:
    return pb.PreviewRulesResponse(
        rules_version=found.rules_version,
        in_force_version=found.in_force_version,
        seen=found.seen,
        total=found.total,
        profiles=found.profiles,
        profiles_then=found.profiles_then,
        merges=found.merges,
        splits=found.splits,
        records=found.records,
        samples=[
            pb.RulesSample(
                profile_id=one.profile_id,
                identifiers=one.identifiers,
                to_profile_ids=[profile_id for profile_id, _ in one.becomes],
                sizes=[size for _, size in one.becomes],
                refusal=str(one.refusal),
                rule=one.rule,
            )
            for one in found.samples
        ],
    )


def _identifier(identifier: Identifier) -> pb.ProfileIdentifier:
    return pb.ProfileIdentifier(namespace=identifier.namespace, token=identifier.token)


def _link(link: Link, told: Mapping[str, tuple[Told, ...]], rule: str = "") -> pb.Link:
    left, right = link.pair
    at, event_id = link.first
    message = pb.Link(
        left=_identifier(left),
        right=_identifier(right),
        support=link.support,
        first_event_id="" if link.suggested else event_id,
        refusal=str(link.refusal),
        rule=rule,
    )
    if link.suggested:
        message.weight = link.weight
        message.fields.extend(field_weights(told.get(event_id, ())))
    else:
        message.first_event_time.FromDatetime(to_datetime(at))
    return message
