"""IdentityService: translate in, call, translate out."""

from typing import Any, Protocol

from cairn.identity.v1 import identity_pb2 as pb
from cairn.identity.v1.identity_pb2_grpc import IdentityServiceServicer
from cairn_kernel.errors import Invalid, NotFound
from cairn_kernel.event import Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE, normalise
from cairn_kernel.time import to_datetime
from identity_resolution.application.find_profile import ProfileFinder
from identity_resolution.application.ports import IdentityStore, StoredLink

DEFAULT_TENANT = "default"


class Tokens(Protocol):
    """Turns normalised values into tokens."""

    def token(self, tenant: str, namespace: str, value: str) -> str: ...


class IdentityApi(IdentityServiceServicer):
    """See identity.proto."""

    def __init__(self, finder: ProfileFinder, store: IdentityStore, tokens: Tokens) -> None:
        self._finder = finder
        self._store = store
        self._tokens = tokens

    async def Resolve(self, request: pb.ResolveRequest, context: Any) -> pb.ResolveResponse:
        tenant = request.tenant or DEFAULT_TENANT
        _require(request.namespace, "namespace")
        _require(request.value, "value")
        if request.namespace == CAIRN_PROFILE:
            profile = await self._finder.get(tenant, request.value)
            return pb.ResolveResponse(profile_id=profile.profile_id)
        value = normalise(request.namespace, request.value)
        if not value:
            raise NotFound("no event has shown this identifier", reason="NO_SUCH_IDENTIFIER")
        identifier = Identifier(request.namespace, self._tokens.token(tenant, request.namespace, value))
        return pb.ResolveResponse(profile_id=await self._finder.resolve(tenant, identifier))

    async def GetProfile(self, request: pb.GetProfileRequest, context: Any) -> pb.GetProfileResponse:
        profile = await self._finder.get(request.tenant or DEFAULT_TENANT, request.profile_id)
        return pb.GetProfileResponse(
            profile_id=profile.profile_id,
            identifiers=[_identifier(identifier) for identifier in profile.identifiers],
            merged_profile_ids=profile.merged_profile_ids,
        )

    async def Explain(self, request: pb.ExplainRequest, context: Any) -> pb.ExplainResponse:
        explanation = await self._finder.explain(request.tenant or DEFAULT_TENANT, request.profile_id)
        return pb.ExplainResponse(
            links=[_link(item) for item in explanation.links],
            refused=[_link(item) for item in explanation.refused],
        )

    async def GetCounts(self, request: pb.GetCountsRequest, context: Any) -> pb.GetCountsResponse:
        counts = await self._store.count(request.tenant or DEFAULT_TENANT)
        return pb.GetCountsResponse(profiles=counts.profiles, merges=counts.merges)


def _require(value: str, field: str) -> None:
    if not value:
        raise Invalid(f"{field} is required", reason="FIELD_REQUIRED", field=field)


def _identifier(identifier: Identifier) -> pb.ProfileIdentifier:
    return pb.ProfileIdentifier(namespace=identifier.namespace, token=identifier.token)


def _link(item: StoredLink) -> pb.Link:
    left, right = item.link.pair
    at, event_id = item.link.first
    message = pb.Link(
        left=_identifier(left),
        right=_identifier(right),
        support=item.link.support,
        first_event_id=event_id,
        refusal=str(item.link.refusal),
    )
    message.first_event_time.FromDatetime(to_datetime(at))
    return message
