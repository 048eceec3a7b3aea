"""Live: what is decided goes out once, is checked when it is claimed, and what became of it is known."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from cairn.connector.v1 import connector_pb2
from cairn.log.v1.parking_pb2 import ListParkedRequest, RedriveRequest
from cairn.log.v1.parking_pb2_grpc import ParkingServiceStub
from cairn_connector import Bounced, wire
from cairn_eventstore import NewEvent, PostgresEventStore, UnitOfWork
from cairn_journey import Programme
from cairn_kernel.event import CONSENT_CHANGED, MERGED, SPLIT, Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import HOUR
from cairn_runtime.database import open_pool
from cairn_testkit.waiting import eventually
from journeyctl.ports import free_port

from .world import World, contact, decisions, world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Decide = Callable[..., Event]
NOON = 1_488_369_600_000_000
PEOPLE = [f"p{number}" for number in range(40)]


@pytest.fixture
async def somewhere(postgres_dsn: str, nats_url: str, tmp_path: Path, programme: Programme) -> AsyncIterator[World]:
    async with world(postgres_dsn, nats_url, tmp_path, programme) as made:
        yield made


@pytest.fixture
async def here(somewhere: World) -> World:
    """The service inside the test's process."""
    await somewhere.begin()
    await somewhere.apply()
    return somewhere


@pytest.fixture
async def there(somewhere: World) -> World:
    """The service as a process of its own, to be killed."""
    await somewhere.start()
    await somewhere.apply()
    return somewhere


async def test_each_decision_is_one_message_and_its_receipt_one_fact(here: World, decide: Decide) -> None:
    await here.connect()
    await here.decisions.append(*decisions(decide, PEOPLE))
    await here.until(sent=40)
    assert len(here.channel.sent) == 40
    [delivery] = await here.of("p7")
    assert [fact.type for fact in delivery.facts] == ["delivery.planned", "delivery.dispatched", "delivery.sent"]
    assert {fact.time.ToMicroseconds() for fact in delivery.facts} == {NOON}
    told = str([event.data for event in await here.facts()])
    assert "@households.example" not in told


async def test_a_decision_for_nobody_reachable_is_rejected_with_a_reason(here: World, decide: Decide) -> None:
    await here.connect()
    here.keys.erased.add(stable_id("key", "gone"))
    await here.decisions.append(
        decide(profile="nowhere", contact={}),
        decide(profile="gone", contact=contact("gone")),
        decide(profile="mute", locale="de", contact=contact("mute")),
    )
    await here.until(rejected=3)
    reasons = {(await here.of(person))[0].reason for person in ("nowhere", "gone", "mute")}
    assert reasons == {"NO_ADDRESS", "ADDRESS_ERASED", "TEMPLATE_FAULT"}
    assert here.channel.sent == []


async def test_no_more_is_in_flight_than_the_connector_has_credit_for(here: World, decide: Decide) -> None:
    await here.decisions.append(*decisions(decide, PEOPLE))
    await here.until(planned=35, dispatched=5)
    await here.connect()
    await here.until(sent=40)


async def test_who_withdrew_before_the_claim_gets_nothing(here: World, decide: Decide) -> None:
    await here.decisions.append(*decisions(decide, PEOPLE[:5]))  # takes all the credit there is
    await here.until(dispatched=5)
    await here.decisions.append(*decisions(decide, ["anna", "survivor"]))
    await here.until(dispatched=5, planned=2)
    both = {"from": stable_id("profile", "loser"), "to": stable_id("profile", "survivor")}
    await here.decisions.append(
        _control(CONSENT_CHANGED, "anna", channel="email", granted=False, **{"class": "*"}),
        _control(CONSENT_CHANGED, "loser", channel="*", granted=False, **{"class": "*"}),
        _control(MERGED, "loser", **both),
        _control(MERGED, "survivor", **both),
    )
    await here.connect()
    await here.until(sent=5, suppressed=2)


async def test_a_complaint_that_comes_with_a_merge_stops_the_survivors_and_the_losers_message_and_is_named(
    here: World, decide: Decide
) -> None:
    await here.decisions.append(*decisions(decide, PEOPLE[:5]))  # takes all the credit there is
    await here.until(dispatched=5)
    await here.decisions.append(*decisions(decide, ["loser", "survivor"]))
    await here.until(dispatched=5, planned=2)
    both = {"from": stable_id("profile", "loser"), "to": stable_id("profile", "survivor")}
    said = {"channel": "email", "class": "*", "granted": False, "state": "suppressed", "reason": "complaint"}
    complaint = _control(CONSENT_CHANGED, "loser", **said, source="esp", at=NOON - HOUR)
    grant = _control(CONSENT_CHANGED, "survivor", **{**said, "granted": True, "state": "granted"}, at=NOON)
    await here.decisions.append(complaint, grant, _control(MERGED, "loser", **both))
    await here.connect()
    await here.until(sent=5, planned=2)
    await here.decisions.append(_control(MERGED, "survivor", **both))
    await here.until(sent=5, suppressed=2)
    for delivery in await here.of("survivor"):
        refused = delivery.facts[-1].refused_by
        assert (delivery.reason, refused.event_id, refused.state, refused.reason, refused.source) == (
            "SUPPRESSION", complaint.id, "suppressed", "complaint", "esp",
        )  # fmt: skip
        assert refused.time.ToMicroseconds() == NOON - HOUR
    assert len(await here.of("survivor")) == 2


async def test_a_survivor_waits_for_the_losers_side_of_a_merge(here: World, decide: Decide) -> None:
    await here.connect()
    both = {"from": stable_id("profile", "loser"), "to": stable_id("profile", "survivor")}
    await here.decisions.append(_control(MERGED, "survivor", **both), *decisions(decide, ["survivor", "other"]))
    await here.until(planned=1, sent=1)
    await here.decisions.append(
        _control(CONSENT_CHANGED, "loser", channel="*", granted=False, **{"class": "*"}),
        _control(MERGED, "loser", **both),
    )
    await here.until(suppressed=1, sent=1)


async def test_of_a_split_the_receiver_waits_for_the_givers_side_and_consent_follows_its_event(
    here: World, decide: Decide
) -> None:
    await here.connect()
    word = _control(CONSENT_CHANGED, "giver", channel="*", granted=False, **{"class": "*"})
    both = {"from": stable_id("profile", "giver"), "to": stable_id("profile", "receiver"), "events": [word.id]}
    await here.decisions.append(_control(SPLIT, "receiver", **both), *decisions(decide, ["receiver"]))
    await here.until(planned=1)
    await here.decisions.append(word, _control(SPLIT, "giver", **both), *decisions(decide, ["giver"]))
    await here.until(suppressed=1, sent=1)
    assert [one.reason for one in await here.of("receiver")] == ["CONSENT"]


async def test_a_withdrawn_decision_is_kept_back_unless_it_has_gone_out(here: World, decide: Decide) -> None:
    taken = decisions(decide, PEOPLE[:5])  # all the credit there is
    [waiting] = decisions(decide, ["anna"])
    await here.decisions.append(*taken)
    await here.until(dispatched=5)
    await here.decisions.append(waiting)
    await here.until(dispatched=5, planned=1)
    await here.decisions.append(
        *(
            replace(one, id=stable_id("withdrawn", one.id), type="decision.withdrawn", data=about)
            for one in (taken[0], waiting)
            if (about := {"decision_id": one.id, "channel": one.data["chosen"]["channel"]})
        )
    )
    await here.until(dispatched=5, suppressed=1)
    assert [one.reason for one in await here.of("anna")] == ["WITHDRAWN"]
    await here.connect()
    await here.until(sent=5, suppressed=1)


async def test_a_decision_that_cannot_be_read_steps_aside_until_it_is_redriven(here: World, decide: Decide) -> None:
    await here.connect()
    [good, bad] = decisions(decide, ["anna", "bert"])
    del bad.data["chosen"]["template"]
    await here.decisions.append(bad, good)
    await here.until(sent=1)
    parked = ParkingServiceStub(here.grpc)
    [found] = (await parked.ListParked(ListParkedRequest(), timeout=5)).profiles
    assert (found.profile_id, found.reason, found.waiting) == (bad.id, "KeyError", 1)
    mended = """replace(convert_from(state, 'UTF8'), '"treatment"', '"template":"hello","treatment"')"""
    await here.query(f"UPDATE activation.deferred SET state = convert_to({mended}, 'UTF8')")
    await parked.Redrive(RedriveRequest(), timeout=5)
    await here.until(sent=2)
    assert not (await parked.ListParked(ListParkedRequest(), timeout=5)).profiles


async def test_what_is_of_a_newer_version_waits_alone_for_the_upgrade(there: World, decide: Decide) -> None:
    newer = replace(decide(profile="newer", contact=contact("newer")), version=2)
    await there.decisions.append(newer, *decisions(decide, ["anna", "b", "c", "d", "e", "f"]))
    await there.until(dispatched=5, planned=1)  # all the credit there is
    await there.stop()
    [planned] = await there.query("SELECT delivery_id::text FROM activation.deliveries WHERE status = 'planned'")
    async with open_pool(there.settings.database_dsn, "activation") as pool:
        log = PostgresEventStore(pool)
        stream = planned["delivery_id"]
        [first] = (await log.load([stream]))[stream]
        told = replace(first, id=stable_id("told"), type="delivery.suppressed", version=3)
        where = partition_of(first.tenant, first.profile_id)
        await log.commit(UnitOfWork(appends=[NewEvent(where, stream, 2, told)]))
    await there.start()
    await there.connect()
    await there.until(sent=5, planned=1)

    async def parked() -> dict[str, tuple[str, int]]:
        rows = await there.query(
            "SELECT p.stream::text, p.reason, count(d.position) FROM activation.parked p "
            "LEFT JOIN activation.deferred d USING (stream) GROUP BY p.stream"
        )
        return {stream: (reason, waiting) for stream, reason, waiting in rows}

    alone = {stream: ("UNKNOWN_VERSION", 0), newer.id: ("UNKNOWN_VERSION", 1)}
    await eventually(parked, lambda found: found == alone)
    await there.decisions.append(decide(profile="later", contact=contact("later")))
    await there.until(sent=6, planned=1)


async def test_receipts_in_disorder_and_repeated_are_one_fact_each(here: World, decide: Decide) -> None:
    await here.connect()
    await here.decisions.append(*decisions(decide, ["anna"]))
    await here.until(sent=1)
    [delivery] = await here.of("anna")
    statuses = connector_pb2.Receipt
    for status in (statuses.STATUS_OPENED, statuses.STATUS_DELIVERED, statuses.STATUS_OPENED, statuses.STATUS_SENT):
        await _report(here, delivery.delivery_id, status)
    await here.until(opened=1)
    await eventually(lambda: here.of("anna"), lambda found: len(found[0].facts) == 5)
    [row] = await here.query("SELECT count(*) FROM activation.receipts")
    assert row[0] == 3


async def test_a_bounce_is_an_end_with_a_reason(here: World, decide: Decide) -> None:
    await here.connect()
    here.channel.fault = Bounced("NO_SUCH_USER")
    await here.decisions.append(*decisions(decide, ["anna"]))
    await here.until(bounced=1)
    assert (await here.of("anna"))[0].reason == "NO_SUCH_USER"


async def test_a_dispatch_that_grew_too_old_is_claimed_and_checked_anew(here: World, decide: Decide) -> None:
    await here.decisions.append(*decisions(decide, ["anna", "bert"]))
    await here.until(dispatched=2)
    await here.decisions.append(_control(CONSENT_CHANGED, "bert", channel="email", granted=False, **{"class": "*"}))
    sql = "SELECT count(*) FROM activation.events WHERE topic = 'delivery.dispatched'"
    await eventually(lambda: here.query(sql), lambda rows: rows[0][0] >= 4)
    await here.connect()
    await here.until(sent=1, suppressed=1)
    assert len(here.channel.sent) == 1


async def test_killed_at_any_moment_it_goes_on_and_nothing_goes_out_twice(there: World, decide: Decide) -> None:
    await there.connect()
    await there.decisions.append(*decisions(decide, PEOPLE))
    await eventually(there.counts, lambda found: found.get("sent", 0) > 3)
    await there.stop()
    await there.decisions.append(*decisions(decide, ["late"]))
    await there.start()
    await there.until(sent=41)
    assert sorted(there.channel.sent) == sorted(set(there.channel.sent))
    ids = [event.id for event in await there.facts()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "wiped", [[wire.DISPATCH_STREAM], [wire.RECEIPT_STREAM], [wire.DISPATCH_STREAM, wire.RECEIPT_STREAM]]
)
async def test_wiped_streams_cost_time_but_no_message(here: World, decide: Decide, wiped: list[str]) -> None:
    await here.decisions.append(*decisions(decide, PEOPLE[:5]))
    await here.until(dispatched=5)
    for stream in wiped:
        await here.client.jetstream().delete_stream(stream)
    await here.connect()
    await here.until(sent=5)
    assert len(here.channel.sent) == 5


def _control(type: str, person: str, **data: object) -> Event:
    profile_id = stable_id("profile", person)
    return Event(
        id=stable_id(type, person),
        tenant="default",
        type=type,
        event_time=NOON,
        as_of=NOON,
        profile_id=profile_id,
        data=dict(data),
    )


async def _report(here: World, delivery_id: str, status: connector_pb2.Receipt.Status) -> None:
    receipt = connector_pb2.Receipt(delivery_id=delivery_id, attempt=1, tenant="default", status=status)
    await here.client.jetstream().publish("receipt.email", receipt.SerializeToString())


async def test_live_quiet_hours_end_when_the_upstream_says_that_the_morning_has_come(
    here: World, decide: Decide
) -> None:
    await here.connect()
    evening, morning = NOON + 10 * HOUR, NOON + 20 * HOUR
    await here.decisions.append(*decisions(decide, ["anna"], at=evening))
    await here.until(planned=1)
    here.decisions.complete = morning - 1
    await _timers(here, 2)
    assert here.channel.sent == []
    here.decisions.complete = morning
    await here.until(sent=1)
    await _timers(here, 0)


async def test_live_what_no_connector_takes_in_time_expires(here: World, decide: Decide) -> None:
    await here.decisions.append(*decisions(decide, PEOPLE[:7]))
    await here.until(dispatched=5, planned=2)
    await _timers(here, 2)
    here.decisions.complete = NOON + 25 * HOUR
    await here.until(dispatched=5, expired=2)
    await _timers(here, 0)


async def test_two_replicas_share_the_work_and_one_takes_over_from_the_other(here: World, decide: Decide) -> None:
    await here.connect()
    other = World(
        here.settings.model_copy(update={"activation_address": f"127.0.0.1:{free_port()}"}),
        Path(),
        here.client,
        here.programme,
    )
    try:
        await other.start()
        await eventually(_owners(here), lambda rows: len(rows) == 2)
        await here.decisions.append(*decisions(decide, PEOPLE))
        await here.until(sent=40)
        await other.stop()
        await here.decisions.append(*decisions(decide, PEOPLE, number=2))
        await here.until(sent=80)
    finally:
        await other.close()
    assert len(here.channel.sent) == len(set(here.channel.sent)) == 80


def _owners(here: World) -> Callable[[], Awaitable[list[object]]]:
    return lambda: here.query("SELECT DISTINCT owner FROM activation.leases WHERE until > now()")


async def _timers(here: World, count: int) -> None:
    sql = "SELECT count(*) FROM activation.timers"
    await eventually(lambda: here.query(sql), lambda rows: rows[0][0] == count)
