"""Traits and consents on real servers: who told them, as of any instant, through merges and splits."""

import json
import signal
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec.structs import replace

from cairn.identity.v1 import identity_pb2 as pb
from cairn.ingestion.v1 import ingestion_pb2
from cairn.ingestion.v1.ingestion_pb2_grpc import KeyServiceServicer, add_KeyServiceServicer_to_server
from cairn_eventstore import seal_field
from cairn_kernel.event import CONSENT_CHANGED, Event
from cairn_kernel.ids import stable_id

from .world import Service, Upstream, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KEY, KEY_ID, TOKEN = bytes(32), stable_id("key", "h1"), "may-open"


class Keys(KeyServiceServicer):
    """Plays ingestion's KeyService: one key, and one token that may ask for it."""

    async def Unwrap(self, request: ingestion_pb2.UnwrapRequest, context: Any) -> ingestion_pb2.UnwrapResponse:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
        return ingestion_pb2.UnwrapResponse(keys={KEY_ID: KEY})


def at(micros: int) -> Timestamp:
    time = Timestamp()
    time.FromMicroseconds(micros)
    return time


def told(upstream: Upstream, when: int, type: str, source: str, data: dict[str, Any], **names: str) -> Event:
    return replace(upstream.event(when, type, **names), source=source, data=data)


async def consents(service: Service, profile_id: str, **more: Any) -> pb.GetConsentsResponse:
    named: dict[str, Any] = {"class": "marketing", **more}
    request = pb.GetConsentsRequest(profile_id=profile_id, channel="email", **named)
    return await service.identity.GetConsents(request)


async def profile_of(service: Service, user_id: str) -> str:
    return (await service.identity.Resolve(pb.ResolveRequest(namespace="user_id", value=user_id))).profile_id


async def test_traits_are_told_with_who_told_them_as_of_any_instant_and_sealed_ones_to_whom_may_open_them(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    def keys(server: grpc.aio.Server) -> None:
        add_KeyServiceServicer_to_server(Keys(), server)

    async with world(postgres_dsn, nats_url, tmp_path, keys) as (upstream, service):
        sealed = seal_field(
            KEY, tenant="default", key_id=KEY_ID, field="email", value=json.dumps("a@b.example").encode()
        )
        first = told(upstream, 10, "profile.identified", "web", {"loyalty": "guest"}, user_id="h1")
        second = told(upstream, 20, "profile.identified", "crm", {"loyalty": "member"}, user_id="h1")
        second = replace(second, sealed={"email": sealed}, key_id=KEY_ID)
        await upstream.tell([second, first])
        await service.resolved(2)
        profile_id = await profile_of(service, "h1")

        answer = await service.identity.GetProfile(pb.GetProfileRequest(profile_id=profile_id))
        email, loyalty = answer.traits
        assert (loyalty.name, loyalty.rule, [one.json for one in loyalty.values]) == (
            "loyalty", "latest", ['"member"', '"guest"'],
        )  # fmt: skip
        best = loyalty.values[0]
        assert (best.event_id, best.source, best.event_time.ToMicroseconds()) == (second.id, "crm", 20)
        assert [(one.json, one.sealed) for one in email.values] == [("", True)]

        before = await service.identity.GetProfile(pb.GetProfileRequest(profile_id=profile_id, as_of_time=at(15)))
        assert [(one.name, one.values[0].json) for one in before.traits] == [("loyalty", '"guest"')]

        request = pb.GetProfileRequest(profile_id=profile_id, open_sealed=True)
        opened = await service.identity.GetProfile(request, metadata=(("authorization", f"Bearer {TOKEN}"),))
        assert opened.traits[0].values[0].json == '"a@b.example"'
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await service.identity.GetProfile(request)
        assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "a@b" not in str(refusal.value.details())


async def test_the_consent_ledger_is_told_with_proof_and_survives_merges_splits_and_a_kill(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        granted = told(upstream, 20, "consent.granted", "shop", {"channel": "email", "proof": "form 7"}, user_id="h1")
        complained = told(upstream, 10, "email.marked.as.spam", "esp", {}, card="4000 1111")
        await upstream.tell([granted])
        await service.resolved(2)
        profile_id = await profile_of(service, "h1")
        alone = await consents(service, profile_id)
        assert alone.standing == pb.CONSENT_STANDING_GRANTED
        assert [(one.state, one.proof, one.source) for one in alone.entries] == [("granted", "form 7", "shop")]

        await upstream.tell([complained])
        await service.resolved(4)
        await upstream.tell([upstream.event(30, "basket.purchased", user_id="h1", card="4000 1111")])
        log = await service.resolved(7)
        survivor = await profile_of(service, "h1")
        both = await consents(service, survivor)
        assert [(one.state, one.reason) for one in both.entries] == [("granted", ""), ("suppressed", "complaint")]
        assert both.standing == pb.CONSENT_STANDING_REFUSED
        words = {one.id for run in log.values() for one in run if one.type == CONSENT_CHANGED}
        assert {one.event_id for one in both.entries} == words
        assert both.decided_by_event_id == both.entries[1].event_id

        before = await consents(service, profile_id, as_of_time=at(25))
        assert [one.state for one in before.entries] == ["granted"]

        card = pb.IdentifierRef(namespace="card", value="4000 1111")
        user = pb.IdentifierRef(namespace="user_id", value="h1")
        await service.identity.MakeStatement(
            pb.MakeStatementRequest(
                request_id="1", kind=pb.STATEMENT_KIND_NOT_SAME, left=[card], right=[user], author="ops", reason="two"
            )
        )
        await service.stop(signal.SIGKILL)
        await service.start()
        await service.resolved(10)
        apart = await consents(service, await profile_of(service, "h1"))
        assert (apart.standing, len(apart.entries)) == (pb.CONSENT_STANDING_GRANTED, 1)
        other = await service.identity.Resolve(pb.ResolveRequest(namespace="card", value="4000 1111"))
        theirs = await consents(service, other.profile_id)
        assert (theirs.standing, [one.reason for one in theirs.entries]) == (
            pb.CONSENT_STANDING_REFUSED, ["complaint"],
        )  # fmt: skip


async def test_of_nobody_there_is_no_ledger(postgres_dsn: str, nats_url: str, tmp_path: Path) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        await upstream.tell([upstream.event(1, user_id="h1")])
        await service.resolved(1)
        for profile_id in ("nobody", stable_id("profile", "nobody")):
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await consents(service, profile_id)
            assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
