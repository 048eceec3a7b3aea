"""Two tenants use the same ids for different people, and never touch."""

import base64
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.runs import PROGRAMME
from tests.faults.waiting import until

from cairn.decisioning.v1 import decisioning_pb2
from cairn.identity.v1 import identity_pb2
from cairn.journey.v1 import journey_pb2
from journeyctl.apply import apply_everywhere
from journeyctl.demo.stage import Stage, set_up
from journeyctl.embedded import THROWAWAY
from journeyctl.services import ServiceRefused, ask
from journeyctl.validate import load_or_tell

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(600)]

KEYS = {"default": "key-of-the-one", "other": "key-of-the-other"}


def test_equal_ids_of_two_tenants_are_two_people(tmp_path: Path) -> None:
    keys = ", ".join(f"{tenant}/shop:{key}" for tenant, key in KEYS.items())
    with set_up(tmp_path, environment={"CAIRN_WRITE_KEYS": keys}, postgres_settings=THROWAWAY) as stage:
        for tenant in KEYS:
            apply_everywhere(stage.services, load_or_tell(PROGRAMME), tenant)
        send(stage, "default", "same-id", baskets=3)
        send(stage, "other", "same-id", baskets=1)
        until(lambda: customers(stage, "default") == customers(stage, "other") == 1)
        one, other = (profile(stage, tenant) for tenant in KEYS)
        assert one != other
        assert features(stage, "default", one) != features(stage, "other", other)
        refused(lambda: features(stage, "default", other))
        refused(lambda: features(stage, "other", one))
        hashes = {
            ask(stage.services.journeys.GetStateHash, journey_pb2.GetStateHashRequest(tenant=tenant)).state_hash
            for tenant in KEYS
        }
        assert len(hashes) == 2
        request = decisioning_pb2.ListDecisionsRequest(tenant="other", profile_id=one)
        assert not ask(stage.services.decisions.ListDecisions, request).decisions


def send(stage: Stage, tenant: str, user: str, *, baskets: int) -> None:
    events = [
        {
            "type": "track",
            "event": "Basket Purchased",
            "messageId": f"m{number}",
            "userId": user,
            "properties": {"amount": 10.0 + number, "currency": "USD"},
        }
        for number in range(baskets)
    ]
    token = base64.b64encode(f"{KEYS[tenant]}:".encode()).decode()
    request = urllib.request.Request(
        f"http://{stage.front_door}/v1/batch",
        json.dumps({"batch": events}).encode(),
        {"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        assert answer.status == 200


def customers(stage: Stage, tenant: str) -> int:
    return ask(stage.services.journeys.GetCounts, journey_pb2.GetCountsRequest(tenant=tenant)).customers


def profile(stage: Stage, tenant: str) -> str:
    request = identity_pb2.ResolveRequest(tenant=tenant, namespace="user_id", value="same-id")
    return ask(stage.services.identity.Resolve, request).profile_id


def features(stage: Stage, tenant: str, profile_id: str) -> str:
    request = journey_pb2.GetCustomerRequest(tenant=tenant, profile_id=profile_id)
    answer = ask(stage.services.journeys.GetCustomer, request)
    return f"{answer.stream_version} {answer.features}"


def refused(question: Callable[[], object]) -> None:
    with pytest.raises(ServiceRefused) as refusal:
        question()
    assert refusal.value.reason == "NO_SUCH_PROFILE"
