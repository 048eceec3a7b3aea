"""May this delivery go out now?"""

from dataclasses import dataclass
from typing import Any

from activation.domain.consent import Ledger
from activation.domain.delivery import Delivery, fact
from activation.domain.status import DISPATCHED, EXPIRED, REJECTED, SUPPRESSED
from cairn_decisions.consent import Permission, permission
from cairn_decisions.quiet_hours import end_of_quiet
from cairn_journey import Programme
from cairn_kernel.consents import SUPPRESSED as SUPPRESSION
from cairn_kernel.event import Event


@dataclass(frozen=True, slots=True)
class Order:
    """Send it: hand it to the connector under a new attempt; or, `asked_only`, find out whether it was sent."""

    fact: Event
    asked_only: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """Do not send it, for good."""

    fact: Event


@dataclass(frozen=True, slots=True)
class NotYet:
    """Ask again at an instant of the domain's clock, or when more is known (0)."""

    at: int = 0


Verdict = Order | End | NotYet


def claim(
    delivery: Delivery,
    ledger: Ledger,
    programme: Programme | None,
    *,
    now: int,
    upto: int | None = None,
    fault: str = "",
) -> Verdict:
    """Check a delivery at the moment it is claimed, and say what follows.

    `now` is the domain's clock. `upto` is where consent is looked at: in a time-lapse the instant at
    which the delivery is due, live everything known. What was about an event that turned out to be somebody else's
    stays unsent: nobody knows whose address it carries. `fault` is why there is nothing to send. A delivery
    that a connector may have begun is never ended here: the connector is asked first.
    """
    if ledger.awaits_others(delivery.profile_id, upto=upto):
        return NotYet()
    why: dict[str, Any] = {}
    if now > delivery.expires_at:
        refused = (EXPIRED, "TOO_LATE")
    elif not (consent := _permission(delivery, ledger, programme, upto)).allowed:
        suppressed = consent.word is not None and consent.word.state == SUPPRESSION
        refused, why = (SUPPRESSED, "SUPPRESSION" if suppressed else "CONSENT"), _told(consent)
    elif ledger.left(delivery.profile_id, delivery.planned.correlation_id, upto=upto):
        refused = (SUPPRESSED, "SPLIT")
    elif fault:
        refused = (REJECTED, fault)
    else:
        quiet_until = end_of_quiet(now, delivery.class_, delivery.planned.data.get("context") or {}, programme)
        if quiet_until > now and not delivery.in_flight:
            return NotYet(quiet_until)
        return Order(order(delivery, now))
    if delivery.in_flight:
        return Order(order(delivery, now, asked_only=True), asked_only=True)
    status, reason = refused
    return End(fact(delivery, status, at=now, reason=reason, **why))


def _permission(delivery: Delivery, ledger: Ledger, programme: Programme | None, upto: int | None) -> Permission:
    standing = ledger.standing(delivery.profile_id, delivery.channel, delivery.class_, upto=upto)
    policies = programme.policies.values() if programme is not None else ()
    return permission(standing, policies, delivery.channel, delivery.class_)


def _told(consent: Permission) -> dict[str, Any]:
    """Which entry of the consent ledger refuses; its proof is told by whoever keeps the ledger."""
    word = consent.word
    if word is None:
        return {"refused_by": {"state": consent.saw}}
    names = ("event_id", "state", "reason", "channel", "source", "at")
    entry = {"class": word.class_, **{name: getattr(word, name) for name in names}}
    return {"refused_by": {name: value for name, value in entry.items() if value != ""}}


def order(delivery: Delivery, now: int, *, asked_only: bool = False) -> Event:
    """The fact that a connector is handed the delivery once more."""
    attempt = delivery.attempt + 1
    data = {"asked_only": True} if asked_only else {}
    return fact(delivery, DISPATCHED, at=now, key=attempt, attempt=attempt, **data)
