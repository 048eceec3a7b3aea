# ruff: noqa: S101 - it is made of assertions
"""Does a connector keep its word? Subclass `ConnectorConformance` in a test module and give it three fixtures.

Needs pytest and pytest-asyncio; the `conformance` extra brings both.
"""

import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from cairn_connector.delivery import CannotAsk, Connector, Dispatch, Outcome, Status
from cairn_connector.handling import Handler, Later, Reply
from cairn_connector.journal import Journal
from cairn_connector.manifest import Manifest, Resolve

SentTo = Callable[[str], Awaitable[int]]
"""How many messages the channel has received under a delivery id."""

TIMEOUT_S: Final = 15.0


class Hands:
    """The handler as the process runs it, with a clock that never waits for the channel to settle."""

    def __init__(self, connector: Connector, manifest: Manifest, journal: Journal) -> None:
        self.journal = journal
        doubt = manifest.doubt.model_copy(update={"settle_s": 0.0})
        self._handler = Handler(connector, journal, doubt, clock=time.time, timeout_s=TIMEOUT_S)  # noqa: TID251

    async def take(self, dispatch: Dispatch, *, seen_before: bool = False) -> Outcome | None:
        """Handle a dispatch; the outcome, or None if it has to come again."""
        verdict: Reply | Later = await self._handler.handle(dispatch, seen_before=seen_before)
        return verdict.outcome if isinstance(verdict, Reply) else None


class ConnectorConformance:
    """What activation relies on. Every check sends at most one message."""

    @pytest.fixture
    def connector(self) -> Connector:
        """Return the connector, ready to deliver to a channel that belongs to the test."""
        raise NotImplementedError("give the connector")

    @pytest.fixture
    def manifest(self) -> Manifest:
        """Return the connector's connector.yaml, loaded."""
        raise NotImplementedError("give the manifest")

    @pytest.fixture
    def sent_to(self) -> SentTo:
        """Return a function that tells how many messages the channel received under a delivery id."""
        raise NotImplementedError("give a way to count what arrived")

    @pytest.fixture
    def dispatch(self, request: pytest.FixtureRequest) -> Dispatch:
        """Return a message that the channel takes; override it if recipient or parts must look otherwise."""
        return Dispatch(
            delivery_id=f"conformance-{request.node.name}",
            attempt=1,
            tenant="default",
            action="conformance",
            recipient="somebody@conformance.example",
            content={"subject": "Grüße 🎉", "body": "שלום, and a long line " + "x" * 2_000},
            locale="en",
            not_after=time.time() + 60,  # noqa: TID251 - the wall's clock is what not_after means
        )

    @pytest.fixture
    async def hands(self, connector: Connector, manifest: Manifest, tmp_path: Path) -> AsyncIterator[Hands]:
        """Return the handler under test."""
        async with Journal(tmp_path / "journal.sqlite") as journal:
            yield Hands(connector, manifest, journal)

    @pytest.mark.asyncio
    async def test_the_channel_can_be_used(self, connector: Connector) -> None:
        """`check` passes and sends nothing."""
        await connector.check()

    @pytest.mark.asyncio
    async def test_a_message_arrives_and_its_receipt_is_one_the_manifest_names(
        self, hands: Hands, manifest: Manifest, dispatch: Dispatch, sent_to: SentTo
    ) -> None:
        """The good case."""
        outcome = await hands.take(dispatch)
        assert outcome is not None, "a message that the channel takes has an outcome at once"
        assert outcome.status in manifest.receipts
        assert await sent_to(dispatch.delivery_id) == 1

    @pytest.mark.asyncio
    async def test_repeats_and_new_attempts_arrive_once(
        self, hands: Hands, dispatch: Dispatch, sent_to: SentTo
    ) -> None:
        """The delivery id is what counts, not the attempt."""
        first = await hands.take(dispatch)
        again = await hands.take(replace(dispatch, attempt=2), seen_before=True)
        assert first == again
        assert await sent_to(dispatch.delivery_id) == 1

    @pytest.mark.asyncio
    async def test_what_comes_too_late_is_not_sent(self, hands: Hands, dispatch: Dispatch, sent_to: SentTo) -> None:
        """A dispatch lives until not_after."""
        outcome = await hands.take(replace(dispatch, not_after=1.0))
        assert outcome is not None
        assert outcome.status is Status.RETURNED
        assert await sent_to(dispatch.delivery_id) == 0

    @pytest.mark.asyncio
    async def test_in_test_mode_nothing_is_sent(self, hands: Hands, dispatch: Dispatch, sent_to: SentTo) -> None:
        """Everything but the sending."""
        await hands.take(replace(dispatch, test_mode=True))
        assert await sent_to(dispatch.delivery_id) == 0

    @pytest.mark.asyncio
    async def test_after_a_crash_between_sending_and_recording_it_arrives_once(
        self, hands: Hands, manifest: Manifest, connector: Connector, dispatch: Dispatch, sent_to: SentTo
    ) -> None:
        """The doubt is settled in the way the manifest declares."""
        await hands.journal.begin(dispatch, 1.0)
        await connector.deliver(dispatch)  # and here the process is killed
        outcome = await hands.take(dispatch, seen_before=True)
        assert outcome is not None
        if manifest.doubt.resolve is Resolve.QUERY:
            assert outcome.status in manifest.receipts
        assert await sent_to(dispatch.delivery_id) == 1

    @pytest.mark.asyncio
    async def test_the_channel_knows_nothing_of_what_was_never_sent(
        self, connector: Connector, manifest: Manifest
    ) -> None:
        """`lookup` answers None, or says that it never can."""
        if manifest.doubt.resolve is Resolve.QUERY:
            assert await connector.lookup("conformance-never-sent") is None
        else:
            with pytest.raises(CannotAsk):
                await connector.lookup("conformance-never-sent")

    @pytest.mark.asyncio
    async def test_nothing_it_prints_names_the_recipient(self, hands: Hands, dispatch: Dispatch) -> None:
        """Addresses go to the channel and nowhere else."""
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            await hands.take(dispatch)
        assert dispatch.recipient not in printed.getvalue()
