"""The service as a process, with real PostgreSQL and NATS, beside a made-up ingestion."""

import asyncio
import random
import signal
from pathlib import Path

import asyncpg
import grpc
import pytest

from cairn.identity.v1 import identity_pb2 as pb
from cairn_kernel.event import MARKER, MERGED, SPLIT, Event
from cairn_kernel.partitions import PARTITIONS, partition_of
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.outputs import outputs
from identity_resolution.domain.rules import Rules

from .world import Upstream, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DAY = 86_400_000_000


def by_profile(log: dict[int, list[Event]]) -> dict[str, list[Event]]:
    profiles: dict[str, list[Event]] = {}
    for partition, events in log.items():
        for event in events:
            if event.type != MARKER:
                assert partition_of(event.tenant, event.profile_id) == partition
                profiles.setdefault(event.profile_id, []).append(event)
    return profiles


def history(upstream: Upstream, seed: int, count: int, begin: int = 0) -> list[Event]:
    """Baskets of a few households; some show only a card, so that profiles meet later."""
    chance = random.Random(seed)
    events = []
    for n in range(count):
        household = chance.randrange(count // 4 + 1)
        names = {"card": f"4000-{household:04}"}
        if chance.random() < 0.5:
            names = {"user_id": f"h{household}"} | (names if chance.random() < 0.3 else {})
        events.append(upstream.event(begin + chance.randrange(1, 5_000_000) + n, "basket.purchased", **names))
    return events


def told(events: list[Event], graph: IdentityGraph | None = None) -> dict[int, list[Event]]:
    """What a step should become."""
    graph = graph or IdentityGraph("default", Rules())
    expected: dict[int, list[Event]] = {partition: [] for partition in range(PARTITIONS)}
    for event in sorted(events, key=lambda event: (event.event_time, event.id)):
        for output in outputs(event, graph.resolve(event)):
            expected[partition_of(output.tenant, output.profile_id)].append(output)
    return expected


async def test_live_events_come_out_under_their_profile_and_questions_are_answered(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        card = upstream.event(1, card="4000 1111")
        login = upstream.event(2, user_id="h1")
        both = upstream.event(3, "basket.purchased", user_id="h1", card="4000 1111")
        for event in (card, login, both):
            await upstream.tell([event])
            await service.resolved(1)
        log = await service.resolved(5)

        survivor = (await service.identity.Resolve(pb.ResolveRequest(namespace="user_id", value=" h1"))).profile_id
        same = (await service.identity.Resolve(pb.ResolveRequest(namespace="card", value="40001111"))).profile_id
        assert survivor == same
        profiles = by_profile(log)
        (loser,) = profiles.keys() - {survivor}
        assert [event.type for event in profiles[loser]] == ["page.viewed", MERGED]
        assert [event.type for event in profiles[survivor]] == ["page.viewed", MERGED, "basket.purchased"]
        assert [event.id for event in profiles[survivor] if event.type != MERGED] == [card.id, both.id]

        profile = await service.identity.GetProfile(pb.GetProfileRequest(profile_id=loser))
        assert profile.profile_id == survivor
        assert [identifier.namespace for identifier in profile.identifiers] == ["user_id", "card"]
        assert list(profile.merged_profile_ids) == [loser]
        explanation = await service.identity.Explain(pb.ExplainRequest(profile_id=survivor))
        assert [(link.support, link.first_event_id) for link in explanation.links] == [(1, both.id)]
        assert list(explanation.refused) == []
        counts = await service.identity.GetCounts(pb.GetCountsRequest())
        assert (counts.profiles, counts.merges) == (1, 1)

        by_alias = await service.identity.Resolve(pb.ResolveRequest(namespace="cairn_profile", value=loser))
        assert by_alias.profile_id == survivor


async def test_unknown_names_are_not_found_and_other_tenants_are_not_seen(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        await upstream.tell([upstream.event(1, user_id="h1")])
        log = await service.resolved(1)
        (profile_id,) = by_profile(log)
        for call in (
            service.identity.Resolve(pb.ResolveRequest(namespace="user_id", value="h2")),
            service.identity.Resolve(pb.ResolveRequest(namespace="user_id", value="null")),
            service.identity.Resolve(pb.ResolveRequest(tenant="other", namespace="user_id", value="h1")),
            service.identity.GetProfile(pb.GetProfileRequest(tenant="other", profile_id=profile_id)),
            service.identity.GetProfile(pb.GetProfileRequest(profile_id="no uuid")),
            service.identity.Explain(pb.ExplainRequest(profile_id="6f1d9f0e-5d5b-5a43-9a3e-0c4f7b0c9a11")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await call
            assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await service.identity.Resolve(pb.ResolveRequest(value="h1"))
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_people_say_changes_profiles_at_once_and_can_be_taken_back(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        await upstream.tell([upstream.event(1, email="a@x.example", card="4000 1111")])
        await service.resolved(1)
        await upstream.tell([upstream.event(2, email="b@x.example", card="4000 1111")])
        log = await service.resolved(2)
        (profile_id,) = {event.profile_id for run in log.values() for event in run}
        moved = pb.IdentifierRef(namespace="email", value="B@x.example")
        request = pb.SplitProfileRequest(
            request_id="s1", profile_id=profile_id, identifiers=[moved], author="anna", reason="two neighbours"
        )
        answer = await service.identity.SplitProfile(request)
        (move,) = answer.moves
        assert (move.from_profile_id, move.moved) == (profile_id, 1)
        assert await service.identity.SplitProfile(request) == answer
        other = (await service.identity.Resolve(pb.ResolveRequest(namespace="email", value="b@x.example"))).profile_id
        assert other == move.to_profile_id != profile_id
        (said,) = (await service.identity.ListStatements(pb.ListStatementsRequest(identifiers=[moved]))).statements
        assert (said.author, said.reason, said.ended) == ("anna", "two neighbours", False)

        log = await service.resolved(5)
        profiles = by_profile(log)
        told = [event for event in profiles[profile_id] if event.type == SPLIT]
        assert told[0].data["to"] == other
        assert [event.data for event in profiles[other] if event.type == SPLIT] == [told[0].data]

        ended = await service.identity.WithdrawStatements(
            pb.WithdrawStatementsRequest(request_id="w1", statement_ids=[answer.statement_id])
        )
        assert ended.statement_ids == [answer.statement_id]
        assert [(one.from_profile_id, one.to_profile_id) for one in ended.moves] == [(other, profile_id)]
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await service.identity.WithdrawStatements(
                pb.WithdrawStatementsRequest(request_id="w2", statement_ids=[answer.statement_id])
            )
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_statement_that_nobody_could_do_yet_is_done_when_the_owner_is_back(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        await upstream.tell([upstream.event(1, user_id="h1", card="4000 1111")])
        await service.resolved(1)
        request = pb.MakeStatementRequest(
            request_id="b1", kind=pb.STATEMENT_KIND_BLOCK, author="anna", reason="the till's own card",
            left=[pb.IdentifierRef(namespace="card", value="40001111")],
        )  # fmt: skip
        service.freeze()
        with pytest.raises(grpc.aio.AioRpcError):
            await service.identity.MakeStatement(request, timeout=0.5)
        await service.stop(signal.SIGKILL)
        await service.start()
        answer = await service.identity.MakeStatement(request, wait_for_ready=True)
        assert [move.moved for move in answer.moves] == [1]
        log = await service.resolved(4)
        kinds = sorted(event.type for run in log.values() for event in run)
        assert kinds == ["identity.split", "identity.split", "identity.stated", "page.viewed"]


async def test_a_step_of_a_time_lapse_comes_out_in_order_with_its_markers(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        await upstream.end_step(0, at=0)
        first, second = history(upstream, 1, 60), history(upstream, 2, 60, begin=DAY)
        graph = IdentityGraph("default", Rules())
        expected = [told(first, graph), told(second, graph)]
        total = sum(len(events) for step in expected for events in step.values())

        await upstream.tell(first[:30])
        await upstream.tell(first[30:], publish=False)
        await upstream.end_step(1, at=DAY)
        await upstream.tell(second)
        await upstream.end_step(2, at=2 * DAY, mode="live")
        live = upstream.event(2 * DAY + 1, user_id="h1")
        await upstream.tell([live])
        log = await service.resolved(total + 3 * PARTITIONS + 1)

        for partition, events in log.items():
            marks = [index for index, event in enumerate(events) if event.type == MARKER]
            assert [events[index].data["step"] for index in marks] == [0, 1, 2]
            assert events[marks[0] + 1 : marks[1]] == expected[0][partition]
            assert events[marks[1] + 1 : marks[2]] == expected[1][partition]
            assert [event.as_of for event in events] == sorted(event.as_of for event in events)
            assert [event.id for event in events[marks[2] + 1 :]] in ([], [live.id])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_step_that_was_interrupted_comes_out_the_same(
    how: signal.Signals, postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path, CAIRN_BATCH_MAX_EVENTS="10") as (upstream, service):
        await upstream.end_step(0, at=0)
        await service.resolved(PARTITIONS)
        events = history(upstream, 3, 600)
        expected = told(events)
        await upstream.tell(events)
        await upstream.end_step(1, at=DAY)
        total = sum(len(run) for run in expected.values()) + 2 * PARTITIONS
        await _stored(postgres_dsn, at_least=PARTITIONS + 100)
        await service.stop(how)
        assert await _stored(postgres_dsn) < total - PARTITIONS
        await service.start()
        log = await service.resolved(total)

        assert any(event.type == MERGED for run in expected.values() for event in run)
        assert await _stored(postgres_dsn) == total
        assert {part: [event for event in run if event.type != MARKER] for part, run in log.items()} == expected


async def test_the_log_is_complete_once_the_events_before_it_are_read(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        await upstream.tell([upstream.event(5, user_id="h1")])
        await service.resolved(1)
        upstream.complete_to = 900
        complete = await service.log.complete_to()
        assert {upto for _, upto in complete.values()} == {900}
        assert sum(position for position, _ in complete.values()) == 1
        await upstream.end_step(0, at=1_000)
        await service.resolved(1 + PARTITIONS)
        await upstream.tell([upstream.event(2_000, user_id="h1")])
        assert await service.log.complete_to() == {}


async def _stored(dsn: str, at_least: int = 0) -> int:
    """How many events the `resolved` log holds, once it holds this many."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(60):
            while True:
                count = int(await connection.fetchval("SELECT sum(position) FROM identity_resolution.heads"))
                if count >= at_least:
                    return count
    finally:
        await connection.close()
