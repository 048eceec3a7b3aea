"""Rules that change in the running service, which is killed while it does."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from cairn.definition.v1 import definition_pb2
from cairn.identity.v1 import identity_pb2 as pb
from cairn_journey import load_text
from cairn_kernel.event import MERGED, RULES_CHANGED, Event
from cairn_kernel.partitions import PARTITIONS

from .world import Service, Upstream, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COUPLES = 150
ONE_PERSON = """\
kind: IdentityRules
name: couples
namespaces:
  - {name: user_id, max: 2}
"""
NO_RULES = """\
kind: Source
name: shop
"""


def couples(upstream: Upstream, begin: int, numbers: range) -> list[Event]:
    """Two who log in with one address: two people, as long as a person has one user id."""
    return [
        upstream.event(
            begin + 10 * number + who, "user.logged_in", user_id=f"u{number}-{who}", email=f"c{number}@x.example"
        )
        for number in numbers
        for who in (0, 1)
    ]


async def apply(service: Service, text: str) -> str:
    request = definition_pb2.ApplyRequest(bundle=load_text(text).bundle())
    return (await service.definitions.Apply(request)).version


async def rules(service: Service) -> pb.GetRulesResponse:
    while True:
        with suppress(grpc.aio.AioRpcError):
            return await service.identity.GetRules(pb.GetRulesRequest(), timeout=2)
        await asyncio.sleep(0.02)


async def changed(service: Service) -> pb.GetRulesResponse:
    while True:
        found = await rules(service)
        if found.done:
            return found
        await asyncio.sleep(0.02)


async def profile_of(service: Service, user_id: str) -> str:
    return (await service.identity.Resolve(pb.ResolveRequest(namespace="user_id", value=user_id))).profile_id


async def couples_are_one(service: Service, numbers: range) -> set[bool]:
    found = set()
    for number in numbers:
        profiles = {await profile_of(service, f"u{number}-{who}") for who in (0, 1)}
        found.add(len(profiles) == 1)
    return found


async def test_rules_change_in_flight_and_a_kill_changes_nothing(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path, CAIRN_RULES_PAGE="3") as (upstream, service):
        before, after = range(COUPLES), range(COUPLES, COUPLES + 20)
        await upstream.tell(couples(upstream, 1_000, before))
        await service.resolved(2 * COUPLES)
        assert await couples_are_one(service, range(5)) == {False}

        previews = service.identity.PreviewRules(pb.PreviewRulesRequest(bundle=load_text(ONE_PERSON).bundle()))
        preview = [one async for one in previews][-1]
        assert (preview.merges, preview.splits, preview.profiles_then) == (COUPLES, 0, COUPLES)
        assert {(one.refusal, one.rule) for one in preview.samples} == {("CARDINALITY", "user_id max 1")}
        explained = await service.identity.Explain(pb.ExplainRequest(profile_id=await profile_of(service, "u3-1")))
        assert {(one.refusal, one.rule) for one in explained.refused} == {("CARDINALITY", "user_id max 1")}
        assert explained.rules_version == "deterministic-2"

        await apply(service, ONE_PERSON)
        await upstream.tell(couples(upstream, 100_000, after))
        while not 0 < (found := await rules(service)).share < 1:
            assert not found.done
        await service.stop(signal.SIGKILL)
        await service.start()
        found = await changed(service)
        assert found.version == preview.rules_version
        assert await couples_are_one(service, range(COUPLES + 20)) == {True}
        explained = await service.identity.Explain(pb.ExplainRequest(profile_id=await profile_of(service, "u3-1")))
        assert (explained.rules_version, list(explained.refused)) == (found.version, [])

        log = [event for run in (await service.resolved(1)).values() for event in run]
        assert sum(event.type == RULES_CHANGED for event in log) == PARTITIONS
        merged = [event for event in log if event.type == MERGED and event.definition_version == found.version]
        assert len({event.data["from"] for event in merged}) == found.merges >= COUPLES

        await apply(service, NO_RULES)
        found = await changed(service)
        assert found.version == "deterministic-2"
        assert found.splits >= COUPLES
        assert await couples_are_one(service, range(COUPLES + 20)) == {False}
