"""What happens to one dispatch between the queue and the receipt: never twice, never silently lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import structlog

from cairn_connector.delivery import (
    Bounced,
    CannotAsk,
    Connector,
    Dispatch,
    Outcome,
    Rejected,
    Status,
    Transient,
)
from cairn_connector.journal import Entry, Journal
from cairn_connector.manifest import Doubt, Policy, Resolve
from cairn_connector.wire import PREFER_MISS

log: Final = structlog.get_logger()

ASK_AGAIN_S: Final = 5.0
TEST_MODE: Final = "TEST_MODE"
NEVER: Final = 0.0
"""begun_at of what our journal knows nothing of."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A receipt is due, and then the dispatch is done."""

    outcome: Outcome
    by_query: bool = False
    repeated: bool = False
    """True if it was known before this dispatch came."""


@dataclass(frozen=True, slots=True)
class Later:
    """The dispatch comes again after a delay; `in_doubt` tells activation meanwhile that nobody knows yet."""

    delay_s: float
    in_doubt: bool = False


Verdict = Reply | Later


class Handler:
    """Journal first, then the channel, then the journal again.

    `clock` gives seconds since 1970. The same delivery is never handled twice at the same time.
    """

    def __init__(
        self, connector: Connector, journal: Journal, doubt: Doubt, *, clock: Callable[[], float], timeout_s: float
    ) -> None:
        self._connector = connector
        self._journal = journal
        self._doubt = doubt
        self._clock = clock
        self._timeout_s = timeout_s
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def handle(self, dispatch: Dispatch, *, seen_before: bool = False) -> Verdict:
        """Do what a dispatch asks for, unless it was done.

        `seen_before` says that somebody may have handled it already: if our journal knows nothing of
        it, the journal may have been lost, so the channel is asked before anything is sent.
        """
        async with self._alone(dispatch.delivery_id):
            entry = await self._journal.find(dispatch.delivery_id)
            if entry is None and seen_before and self._doubt.resolve is Resolve.QUERY:
                entry = Entry(dispatch.delivery_id, dispatch.tenant, dispatch.attempt, begun_at=NEVER)
            if entry is None:
                return await self._send(dispatch)
            if entry.outcome is not None:
                return Reply(entry.outcome, entry.by_query, repeated=True)
            return await self._settle(entry, dispatch)

    async def settle(self, entry: Entry) -> Verdict | None:
        """After a crash: find out about a begun delivery before its dispatch comes again; None if it never arrived."""
        async with self._alone(entry.delivery_id):
            known = await self._journal.find(entry.delivery_id)
            if known is None or known.outcome is not None or self._doubt.resolve is not Resolve.QUERY:
                return None
            return await self._ask(known)

    async def _send(self, dispatch: Dispatch) -> Verdict:
        now = self._clock()
        if now > dispatch.not_after:
            return Reply(Outcome(Status.RETURNED, reason="TOO_LATE"))
        if dispatch.test_mode:
            return Reply(Outcome(Status.ACCEPTED, reason=TEST_MODE))
        await self._journal.begin(dispatch, now)
        entry = Entry(dispatch.delivery_id, dispatch.tenant, dispatch.attempt, now)
        try:
            async with asyncio.timeout(self._timeout_s):
                outcome = await self._connector.deliver(dispatch)
        except Transient as fault:
            await self._journal.forget(dispatch.delivery_id)
            log.info("delivery.postponed", delivery_id=dispatch.delivery_id, reason=fault.reason)
            return Later(fault.retry_after_s)
        except Rejected as fault:
            outcome = Outcome(Status.REJECTED, reason=fault.reason)
        except Bounced as fault:
            outcome = Outcome(Status.BOUNCED, reason=fault.reason)
        except Exception as fault:  # whatever it was: it may have been sent
            log.warning("delivery.doubted", delivery_id=dispatch.delivery_id, fault=type(fault).__name__)
            return Later(self._doubt.settle_s)
        return await self._finish(entry, outcome)

    async def _settle(self, entry: Entry, dispatch: Dispatch) -> Verdict:
        wait = entry.begun_at + self._doubt.settle_s - self._clock()
        if wait > 0:
            return Later(wait)
        match self._doubt.resolve:
            case Resolve.QUERY:
                return await self._ask(entry, dispatch) or await self._send(dispatch)
            case Resolve.KEY:
                return await self._again(entry, dispatch)
            case Resolve.POLICY:
                return await self._by_policy(entry, dispatch)

    async def _ask(self, entry: Entry, dispatch: Dispatch | None = None) -> Verdict | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                outcome = await self._connector.lookup(entry.delivery_id)
        except CannotAsk:
            if dispatch is None or entry.begun_at == NEVER:
                return None
            return await self._by_policy(entry, dispatch)
        except Exception as fault:  # it cannot be asked now: nobody may send until it can
            log.warning("doubt.unanswered", delivery_id=entry.delivery_id, fault=type(fault).__name__)
            delay_s = fault.retry_after_s if isinstance(fault, Transient) else ASK_AGAIN_S
            return Later(delay_s, in_doubt=True)
        if outcome is None:
            await self._journal.forget(entry.delivery_id)
            log.info("doubt.resolved", delivery_id=entry.delivery_id, found=False)
            return None
        log.info("doubt.resolved", delivery_id=entry.delivery_id, found=True)
        return await self._finish(entry, outcome, by_query=True)

    async def _by_policy(self, entry: Entry, dispatch: Dispatch) -> Verdict:
        if self._doubt.policy is Policy.PREFER_DUPLICATE:
            return await self._again(entry, dispatch)
        return await self._finish(entry, Outcome(Status.IN_DOUBT, reason=PREFER_MISS))

    async def _again(self, entry: Entry, dispatch: Dispatch) -> Verdict:
        if self._clock() <= dispatch.not_after:
            return await self._send(dispatch)
        if dispatch.not_after > 0:
            return Reply(Outcome(Status.IN_DOUBT, reason="TOO_LATE"))
        return await self._finish(entry, Outcome(Status.IN_DOUBT, reason=PREFER_MISS))

    async def _finish(self, entry: Entry, outcome: Outcome, *, by_query: bool = False) -> Reply:
        if outcome.occurred_at == 0.0:
            outcome = replace(outcome, occurred_at=self._clock())
        await self._journal.finish(replace(entry, outcome=outcome, by_query=by_query))
        return Reply(outcome, by_query)

    @asynccontextmanager
    async def _alone(self, delivery_id: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(delivery_id, (asyncio.Lock(), 0))
        self._locks[delivery_id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(delivery_id)
            if users > 1:
                self._locks[delivery_id] = (lock, users - 1)
