"""After old events went to files, the service answers as before, also about the past, and a rebuild gives the same."""

from pathlib import Path

import asyncpg
import pytest

from cairn.journey.v1 import journey_pb2 as pb
from cairn_eventstore.archiving import archive_next
from cairn_eventstore.signing import Signer
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_runtime.rebuild import rebuild

from .running import ANNA, T0, Service, bought, on


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_archived_events_are_read_like_any_others(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [stable_id("person", number) for number in range(20)]
    await service.resolved.append(*[bought(person, day, 1.0) for day in (1, 4, 20) for person in (*people, ANNA)])
    await service.seen_customers(21)
    await service.seen(5)
    past = pb.GetCustomerRequest(profile_id=ANNA, as_of_time=on(2))
    asked = (service.journeys.GetStateHash, pb.GetStateHashRequest()), (service.journeys.GetCustomer, past)
    before = [await method(request) for method, request in asked]
    owner = await asyncpg.connect(service.dsn, server_settings={"search_path": "journey_state"})
    for partition in range(PARTITIONS):
        while await archive_next(
            owner, "journey_state", "journeys", partition, T0 * 2, tmp_path / "archive", Signer(tmp_path)
        ):
            pass
    assert await owner.fetchval("SELECT count(*) FROM events WHERE topic LIKE 'journey%'") == 0
    assert [await method(request) for method, request in asked] == before
    now, then = pb.GetCustomerRequest(profile_id=ANNA), pb.GetCustomerRequest(profile_id=ANNA, as_of_time=on(25))
    assert (await service.journeys.GetCustomer(now)).instances == (await service.journeys.GetCustomer(then)).instances
    monkeypatch.setenv("CAIRN_ARCHIVE_DIR", str(tmp_path / "archive"))
    told: list[object] = []
    outcome = await rebuild(service.dsn, "journey_state.rebuild:READ_MODEL", jobs=1, tell=told.append)
    assert not any(outcome.differing.values()), outcome
    await service.resolved.append(*[bought(person, 30, 1.0) for person in people])
    outcome = await rebuild(service.dsn, "journey_state.rebuild:READ_MODEL", jobs=1, tell=told.append, check_only=True)
    assert (outcome.rows["customers"], any(outcome.differing.values())) == (21, False)
    await owner.close()
