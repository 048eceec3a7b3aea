"""Records are compared, decided and parted in a real service, with stops in between."""

import asyncio
import json
from pathlib import Path

import grpc
import pytest

from cairn.definition.v1 import definition_pb2
from cairn.identity.v1 import identity_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import add_KeyServiceServicer_to_server
from cairn_journey import load_text
from cairn_kernel.event import MERGED, Event, Identifier
from cairn_kernel.identifiers import normalise
from cairn_kernel.partitions import PARTITIONS
from cairn_matching import dump

from .records import PATHS, identified, model
from .world import KeyCupboard, Service, Upstream, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ANNA = {
    "given_name": "elizabeth",
    "surname": "barfield",
    "sex": "f",
    "date_of_birth": "1971-03-14",
    "street_number": "41",
    "address": "granwood road",
    "city": "alton",
    "postcode": "10417",
    "phone": "0893737665",
    "email": "elizabeth.barfield@post.example",
}
WITH_TYPOS = ANNA | {"given_name": "elizabteh", "surname": "barfeld", "phone": "0893737656", "email": ""}
MIDDLING = ANNA | {"given_name": "e", "date_of_birth": "", "street_number": "", "address": "", "phone": "", "email": ""}
SISTER = ANNA | {"given_name": "margaret", "date_of_birth": "1974-11-02", "phone": "", "email": ""}


def add_keys(server: grpc.aio.Server) -> None:
    """Ingestion tells the keys too."""
    add_KeyServiceServicer_to_server(KeyCupboard(), server)


async def apply_rules(service: Service) -> None:
    rules = {
        "kind": "IdentityRules",
        "name": "shop",
        "matching": {"model": dump(model()), "fields": PATHS, "automatic": 0.99, "review": 0.05},
    }
    bundle = load_text(json.dumps(rules)).bundle()
    async with asyncio.timeout(60):
        while True:
            try:
                await service.definitions.Apply(definition_pb2.ApplyRequest(bundle=bundle))
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
            else:
                break
    await service.resolved(PARTITIONS)  # the change of the rules was told in each


def named(upstream: Upstream, number: int, row: dict[str, str], **names: str) -> Event:
    tokens = upstream.event(number, **names).identifiers
    return identified(number, row, *tokens)


async def profile(service: Service, namespace: str, value: str) -> str:
    return (await service.identity.Resolve(pb.ResolveRequest(namespace=namespace, value=value))).profile_id


async def reviews(service: Service, state: pb.ReviewState) -> list[pb.Review]:
    return list((await service.identity.ListReviews(pb.ListReviewsRequest(state=state))).reviews)


async def test_alike_records_merge_middling_ones_wait_and_what_people_say_stands(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path, add_keys) as (upstream, service):
        await apply_rules(service)
        await upstream.tell([named(upstream, 1, ANNA, card="4000-0001")])
        await service.resolved(PARTITIONS + 1)

        assert await service.stop() == 0  # what was told is known after a restart, by sealed records alone
        await service.start()
        await upstream.tell([named(upstream, 2, WITH_TYPOS, card="4000-0002")])
        log = await service.resolved(PARTITIONS + 4)
        assert [event.type for run in log.values() for event in run].count(MERGED) == 2
        assert await profile(service, "card", "4000-0001") == await profile(service, "card", "4000-0002")
        (link,) = (
            await service.identity.Explain(pb.ExplainRequest(profile_id=await profile(service, "card", "4000-0001")))
        ).links
        assert link.weight > 7
        assert link.weight == pytest.approx(sum(one.bits for one in link.fields), abs=0.01)
        assert {one.field for one in link.fields} >= {"given_name", "surname", "date_of_birth"}
        pair = await service.identity.ExplainPair(
            pb.ExplainPairRequest(
                left=pb.IdentifierRef(namespace="card", value="4000-0001"),
                right=pb.IdentifierRef(namespace="card", value="4000-0002"),
            )
        )
        assert pair.same
        assert pair.path[0].weight == link.weight

        await upstream.tell([named(upstream, 3, MIDDLING, card="4000-0003")])
        await service.resolved(PARTITIONS + 5)
        waiting = await reviews(service, pb.REVIEW_STATE_OPEN)
        assert {(one.left.token, one.right.token) for one in waiting}
        assert len({frozenset((one.left_profile_id, one.right_profile_id)) for one in waiting}) == 1
        assert all("barfield" not in str(one) for one in waiting)
        first = waiting[0]
        assert await profile(service, "card", "4000-0003") in (first.left_profile_id, first.right_profile_id)

        assert await service.stop() == 0
        await service.start()
        await service.resolved(PARTITIONS + 5)
        decide = pb.DecideReviewRequest(
            request_id="d1", review_id=first.id, accept=True, author="anna", reason="she called"
        )
        answer = await service.identity.DecideReview(decide)
        assert len(answer.moves) == 1
        assert await service.identity.DecideReview(decide) == answer
        assert await profile(service, "card", "4000-0003") == await profile(service, "card", "4000-0001")
        (accepted,) = await reviews(service, pb.REVIEW_STATE_ACCEPTED)
        assert (accepted.id, accepted.author, accepted.reason) == (first.id, "anna", "she called")
        again = pb.DecideReviewRequest(request_id="d2", review_id=first.id, accept=False, author="bob", reason="no")
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await service.identity.DecideReview(again)
        assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION

        whole = await profile(service, "card", "4000-0001")
        await service.identity.SplitProfile(
            pb.SplitProfileRequest(
                request_id="s1",
                profile_id=whole,
                identifiers=[pb.IdentifierRef(namespace="card", value="4000-0002")],
                author="anna",
                reason="her daughter",
            )
        )
        assert await profile(service, "card", "4000-0002") != await profile(service, "card", "4000-0001")
        held = sum((await service.log.positions()).values())
        await upstream.tell([named(upstream, 9, ANNA | {"phone": ""}, card="4000-0002")])
        await service.resolved(held + 1)
        assert await profile(service, "card", "4000-0002") != await profile(service, "card", "4000-0001")


async def test_a_rejected_review_is_not_joined_by_a_better_score(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path, add_keys) as (upstream, service):
        await apply_rules(service)
        await upstream.tell(
            [named(upstream, 1, ANNA, card="4000-0001"), named(upstream, 2, MIDDLING, card="4000-0002")]
        )
        await service.resolved(PARTITIONS + 2)
        (waiting,) = await reviews(service, pb.REVIEW_STATE_OPEN)
        await service.identity.DecideReview(
            pb.DecideReviewRequest(
                request_id="d1", review_id=waiting.id, accept=False, author="anna", reason="two people"
            )
        )
        held = sum((await service.log.positions()).values())
        await upstream.tell([named(upstream, 3, ANNA, card="4000-0002")])
        await service.resolved(held + 1)
        assert await profile(service, "card", "4000-0001") != await profile(service, "card", "4000-0002")
        (rejected,) = await reviews(service, pb.REVIEW_STATE_REJECTED)
        assert rejected.bits > waiting.bits
        withdraw = pb.WithdrawStatementsRequest(request_id="w1", statement_ids=[rejected.statement_id])
        await service.identity.WithdrawStatements(withdraw)
        assert await profile(service, "card", "4000-0001") == await profile(service, "card", "4000-0002")


async def test_two_customers_with_accounts_and_the_same_data_wait_for_people(
    postgres_dsn: str, nats_url: str, tmp_path: Path
) -> None:
    async with world(postgres_dsn, nats_url, tmp_path, add_keys) as (upstream, service):
        await apply_rules(service)
        await upstream.tell([named(upstream, 1, ANNA, user_id="anna"), named(upstream, 2, ANNA, user_id="bea")])
        await service.resolved(PARTITIONS + 2)
        (waiting,) = await reviews(service, pb.REVIEW_STATE_OPEN)
        assert waiting.refusal == "CARDINALITY"
        assert await profile(service, "user_id", "anna") != await profile(service, "user_id", "bea")
        token = Identifier("user_id", upstream.event(1, user_id="anna").identifiers[0].token).token
        assert token in (waiting.left.token, waiting.right.token)
        assert normalise("user_id", "anna") != token
