from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cairn_connector import Bounced, Doubt, Outcome, Policy, Rejected, Resolve, Status, Transient
from cairn_connector.handling import Handler, Later, Reply
from cairn_connector.journal import Entry, Journal
from cairn_connector.testing import Clock, MadeUpChannel, dispatch
from cairn_connector.wire import ASK_ONLY, PREFER_MISS


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


@pytest.fixture
def channel() -> MadeUpChannel:
    return MadeUpChannel()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def handler(
    channel: MadeUpChannel,
    journal: Journal,
    clock: Clock,
    resolve: Resolve = Resolve.QUERY,
    policy: Policy = Policy.PREFER_MISS,
) -> Handler:
    doubt = Doubt(resolve=resolve, policy=policy, settle_s=2.0)
    return Handler(channel, journal, doubt, clock=clock, timeout_s=5.0)


def outcome_of(verdict: Reply | Later) -> Outcome:
    assert isinstance(verdict, Reply)
    return verdict.outcome


async def test_a_dispatch_is_sent_once_however_often_it_comes(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    hands = handler(channel, journal, clock)
    first = await hands.handle(dispatch())
    again = await hands.handle(dispatch(attempt=2), seen_before=True)
    assert channel.sent == ["d-1"]
    assert outcome_of(first) == outcome_of(again)
    assert isinstance(again, Reply)
    assert again.repeated


async def test_a_dispatch_past_its_time_is_returned_and_not_sent(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    verdict = await handler(channel, journal, clock).handle(dispatch(not_after=999.0))
    assert outcome_of(verdict).status is Status.RETURNED
    assert channel.sent == []


async def test_a_question_about_a_done_delivery_gets_its_receipt(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    hands = handler(channel, journal, clock)
    await hands.handle(dispatch())
    verdict = await hands.handle(dispatch(attempt=2, not_after=ASK_ONLY), seen_before=True)
    assert outcome_of(verdict).status is Status.SENT


async def test_test_mode_does_everything_but_send(channel: MadeUpChannel, journal: Journal, clock: Clock) -> None:
    verdict = await handler(channel, journal, clock).handle(dispatch(test_mode=True))
    assert outcome_of(verdict) == Outcome(Status.ACCEPTED, reason="TEST_MODE")
    assert channel.sent == []


@pytest.mark.parametrize(
    ("fault", "status"), [(Rejected("TOO_BIG"), Status.REJECTED), (Bounced("NO_SUCH_USER"), Status.BOUNCED)]
)
async def test_a_refusal_for_good_is_the_outcome(
    channel: MadeUpChannel, journal: Journal, clock: Clock, fault: Exception, status: Status
) -> None:
    channel.fault = fault
    outcome = outcome_of(await handler(channel, journal, clock).handle(dispatch()))
    assert (outcome.status, outcome.reason) == (status, str(fault))


async def test_a_transient_fault_is_tried_again_and_leaves_no_doubt(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    hands = handler(channel, journal, clock)
    channel.fault = Transient("BUSY", retry_after_s=7.0)
    assert await hands.handle(dispatch()) == Later(7.0)
    assert await journal.find("d-1") is None
    assert outcome_of(await hands.handle(dispatch())).status is Status.SENT


async def test_doubt_is_resolved_by_asking_after_the_channel_has_settled(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    hands = handler(channel, journal, clock)
    channel.fault_after = ConnectionResetError()
    assert isinstance(await hands.handle(dispatch()), Later)
    assert isinstance(await hands.handle(dispatch(), seen_before=True), Later)
    assert channel.asked == []
    clock.at += 2.0
    verdict = await hands.handle(dispatch(), seen_before=True)
    assert outcome_of(verdict).status is Status.SENT
    assert isinstance(verdict, Reply)
    assert verdict.by_query
    assert channel.sent == ["d-1"]


async def test_what_never_arrived_is_sent_after_asking(channel: MadeUpChannel, journal: Journal, clock: Clock) -> None:
    hands = handler(channel, journal, clock)
    await journal.begin(dispatch(), clock())  # and then the process was killed
    clock.at += 2.0
    assert outcome_of(await hands.handle(dispatch(), seen_before=True)).status is Status.SENT
    assert (channel.asked, channel.sent) == (["d-1"], ["d-1"])


async def test_nothing_is_sent_while_the_channel_cannot_be_asked(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    hands = handler(channel, journal, clock)
    await journal.begin(dispatch(), clock())
    clock.at += 2.0
    channel.unreachable = True
    assert await hands.handle(dispatch(), seen_before=True) == Later(1.0, in_doubt=True)
    assert channel.sent == []


async def test_a_lost_journal_is_made_up_for_by_asking(channel: MadeUpChannel, journal: Journal, clock: Clock) -> None:
    channel.sent.append("d-1")
    verdict = await handler(channel, journal, clock).handle(dispatch(attempt=2), seen_before=True)
    assert outcome_of(verdict).status is Status.SENT
    assert channel.sent == ["d-1"]


async def test_a_channel_that_cannot_tell_misses_rather_than_doubles_if_told_so(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    await journal.begin(dispatch(), clock())
    clock.at += 2.0
    verdict = await handler(channel, journal, clock, Resolve.POLICY).handle(dispatch(), seen_before=True)
    assert outcome_of(verdict).status is Status.IN_DOUBT
    assert outcome_of(verdict).reason == PREFER_MISS
    assert channel.sent == []


@pytest.mark.parametrize(
    ("resolve", "policy"), [(Resolve.POLICY, Policy.PREFER_DUPLICATE), (Resolve.KEY, Policy.PREFER_MISS)]
)
async def test_a_channel_that_drops_duplicates_or_bears_them_is_sent_again(
    channel: MadeUpChannel, journal: Journal, clock: Clock, resolve: Resolve, policy: Policy
) -> None:
    await journal.begin(dispatch(), clock())
    clock.at += 2.0
    verdict = await handler(channel, journal, clock, resolve, policy).handle(dispatch(), seen_before=True)
    assert outcome_of(verdict).status is Status.SENT
    assert channel.sent == ["d-1"]


async def test_what_was_begun_and_is_too_late_to_send_again_stays_in_doubt(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    hands = handler(channel, journal, clock, Resolve.KEY)
    await journal.begin(dispatch(), clock())
    clock.at += 100.0
    late = outcome_of(await hands.handle(dispatch(), seen_before=True))
    assert (late.status, late.reason) == (Status.IN_DOUBT, "TOO_LATE")
    asked = outcome_of(await hands.handle(dispatch(not_after=ASK_ONLY), seen_before=True))
    assert (asked.status, asked.reason) == (Status.IN_DOUBT, PREFER_MISS)


async def test_after_a_crash_what_was_begun_is_settled_without_its_dispatch(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    channel.sent.append("d-1")
    await journal.begin(dispatch(), clock())
    [entry] = await journal.unfinished()
    verdict = await handler(channel, journal, clock).settle(entry)
    assert verdict is not None
    assert outcome_of(verdict).status is Status.SENT
    assert await journal.unfinished() == []


async def test_a_query_without_address_falls_back_to_the_policy(
    channel: MadeUpChannel, journal: Journal, clock: Clock
) -> None:
    channel.answers = False
    hands = handler(channel, journal, clock)
    assert outcome_of(await hands.handle(dispatch("new", attempt=2), seen_before=True)).status is Status.SENT
    await journal.begin(dispatch("begun"), clock())
    clock.at += 2.0
    assert outcome_of(await hands.handle(dispatch("begun"), seen_before=True)).reason == PREFER_MISS


async def test_the_journal_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal(path) as journal:
        await journal.begin(dispatch("a"), 1.0)
        await journal.begin(dispatch("b"), 2.0)
        await journal.finish(Entry("b", "default", 1, 2.0, Outcome(Status.SENT, "p", "", 3.0), by_query=True))
    async with Journal(path) as journal:
        assert [entry.delivery_id for entry in await journal.unfinished()] == ["a"]
        assert await journal.find("b") == Entry("b", "default", 1, 2.0, Outcome(Status.SENT, "p", "", 3.0), True)
        await journal.prune(10.0)
        assert await journal.find("b") is None
        assert await journal.find("a") is not None


async def test_two_processes_never_share_a_journal(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        await journal.begin(dispatch(), 1.0)
        with pytest.raises(BlockingIOError):
            Journal(tmp_path / "journal.sqlite")
