"""Claiming: in one transaction with the checks, and only as many as a connector has credit for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from activation.application.addresses import Addresses
from activation.application.desk import Item
from activation.application.ports import Tables
from activation.application.programmes import Programmes
from activation.application.turn import UPSERT_DELIVERY, Turn, row_of, timers_of
from activation.domain.claim import End, NotYet, Verdict, claim
from activation.domain.consent import Ledger
from activation.domain.delivery import Delivery, evolve
from activation.domain.message import compose
from activation.domain.rendering import TemplateFault
from cairn_connector import Dispatch
from cairn_eventstore import NewEvent, UnitOfWork
from cairn_kernel.errors import Invalid
from cairn_kernel.time import SECOND

log: Final = structlog.get_logger()

TEMPLATE_FAULT: Final = "TEMPLATE_FAULT"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery about to be claimed, and what it would say."""

    item: Item
    delivery: Delivery
    now: int
    """Domain time of the claim."""
    upto: int | None
    dispatch: Dispatch | None
    fault: str = ""
    """Why it cannot be sent at all."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a candidate."""

    item: Item
    delivery: Delivery
    verdict: Verdict
    dispatch: Dispatch | None = None


@dataclass(slots=True)
class Claims:
    """The claims of one turn; `results` are those of the last run of the transaction."""

    turn: Turn
    candidates: Sequence[Candidate]
    tables: Tables
    programmes: Programmes
    now_us: Callable[[], int]
    lifetime_us: int
    timed: set[str]
    results: list[Claimed] = field(default_factory=list)

    def prepare(self, work: UnitOfWork) -> Callable[[Any], Awaitable[None]]:
        """What runs inside the transaction; it may run again after a deadlock, so it starts from what was there."""
        appends, rows, cancelled = list(work.appends), list(work.rows), list(work.timers_cancelled)

        async def decide(connection: Any) -> None:
            stored = await self.tables.ledger(connection, {c.delivery.profile_id for c in self.candidates})
            ledger = self.turn.known_now(stored)
            self.results = []
            new: list[NewEvent] = []
            for candidate in self.candidates:
                self.results.append(claimed := self._decide(candidate, ledger))
                if not isinstance(claimed.verdict, NotYet):
                    delivery, event = claimed.delivery, claimed.verdict.fact
                    new.append(NewEvent(candidate.item.partition, delivery.id, delivery.version, event))
            settled = [claimed for claimed in self.results if not isinstance(claimed.verdict, NotYet)]
            gone = [timer for claimed in settled if claimed.item.id in self.timed for timer in timers_of(claimed.item)]
            changed = sorted(row_of(claimed.delivery, claimed.item) for claimed in settled)
            work.appends = appends + new
            work.rows = [*rows, (UPSERT_DELIVERY, changed)]
            work.timers_cancelled = cancelled + gone

        return decide

    def _decide(self, candidate: Candidate, ledger: Ledger) -> Claimed:
        item, delivery = candidate.item, candidate.delivery
        programme = self.programmes.active(delivery.tenant)
        verdict = claim(delivery, ledger, programme, now=candidate.now, upto=candidate.upto, fault=candidate.fault)
        if isinstance(verdict, NotYet):
            return Claimed(item, delivery, verdict)
        after = evolve(delivery, verdict.fact)
        if isinstance(verdict, End):
            return Claimed(item, after, verdict)
        sent = None if verdict.asked_only else candidate.dispatch
        not_after = self.now_us() + self.lifetime_us
        dispatch = question(after) if sent is None else replace(sent, not_after=not_after / SECOND)
        dispatch = replace(dispatch, attempt=after.attempt)
        flying = replace(item, flying=True, deferred=False, attempt=after.attempt, not_after=not_after)
        return Claimed(flying, after, verdict, dispatch)


def order_of(delivery: Delivery, programmes: Programmes, addresses: Addresses) -> tuple[Dispatch | None, str]:
    """The dispatch of a delivery, without its attempt, or the reason why it cannot be sent."""
    data = delivery.planned.data
    programme = programmes.version(delivery.tenant, delivery.planned.definition_version)
    try:
        message = compose(delivery, programme)
    except TemplateFault as error:
        log.warning("template.failed", template=data["template"], fault=str(error), delivery_id=delivery.id)
        return None, TEMPLATE_FAULT
    try:
        recipient = _recipient(delivery, data["contact"], programmes, addresses)
    except Invalid as error:
        return None, error.reason
    return replace(question(delivery), recipient=recipient, content=message.content, locale=message.locale), ""


def question(delivery: Delivery) -> Dispatch:
    """A dispatch that only asks: it says neither what nor to whom, and its time is always over."""
    return Dispatch(
        delivery_id=delivery.id,
        attempt=delivery.attempt,
        tenant=delivery.tenant,
        action=str(delivery.planned.data["action"]),
        recipient="",
        content={},
        traceparent=delivery.planned.traceparent,
    )


def _recipient(delivery: Delivery, contact: Mapping[str, Any], programmes: Programmes, addresses: Addresses) -> str:
    if contact:
        return addresses.open(delivery.tenant, contact)
    programme = programmes.version(delivery.tenant, delivery.planned.definition_version)
    connector = programme.connectors.get(delivery.connector) if programme else None
    return connector.recipient if connector else ""
