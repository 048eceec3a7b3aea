"""A small model of delivery: what a decision asks for is due when quiet hours end, and goes out if consent still holds.

It knows no retries, doubts or rates: those depend on connectors, not on the programme.
"""

from collections.abc import Iterable
from typing import Any, Final

from cairn_decisions import ProfileState, end_of_quiet
from cairn_decisions.consent import permission
from cairn_journey import Programme
from cairn_journey.language.model import ContactPolicy
from cairn_kernel.consents import SUPPRESSED as SUPPRESSION
from cairn_kernel.event import ADDRESSED, Event, derived
from cairn_kernel.ids import stable_id

SOURCE: Final = "activation"
PREFIX: Final = "delivery."
SENT: Final = "sent"
SUPPRESSED: Final = "suppressed"
EXPIRED: Final = "expired"


def planned(decision: Event, programme: Programme) -> Event | None:
    """The delivery that a decision asks for, `as_of` the instant it is due; None if it asks for none."""
    data = decision.data
    chosen: dict[str, Any] | None = data.get("chosen")
    if not chosen or decision.historical:
        return None
    channel = str(chosen["channel"])
    connector = next((each.name for each in programme.connectors.values() if each.channel == channel), "")
    due = end_of_quiet(decision.as_of, chosen["class"], data.get("context") or {}, programme)
    delivery_id = stable_id("delivery", decision.id, channel)
    return derived(
        decision,
        id=stable_id("delivery", delivery_id, "planned"),
        type=f"{PREFIX}planned",
        source=SOURCE,
        as_of=due,
        definition_version=decision.definition_version,
        data={
            "delivery_id": delivery_id,
            "decision_id": decision.id,
            "journey": data["journey"],
            "instance_id": data["instance_id"],
            "action": chosen["action"],
            "class": chosen["class"],
            "channel": channel,
            "connector": connector,
            "template": chosen["template"],
            "expires_at": data["expires_at"],
        },
    )


def dispatched(delivery: Event, ledger: ProfileState, policies: Iterable[ContactPolicy]) -> Event:
    """What becomes of a delivery when it is due: sent, suppressed (consent was withdrawn) or expired."""
    data = delivery.data
    if delivery.as_of > data["expires_at"]:
        return fact(delivery, EXPIRED, delivery.as_of, reason="QUIET_HOURS")
    standing = ledger.ledger.standing(data["channel"], data["class"])
    consent = permission(standing, policies, data["channel"], data["class"])
    if not consent.allowed:
        reason = "SUPPRESSION" if consent.word is not None and consent.word.state == SUPPRESSION else "CONSENT"
        return fact(delivery, SUPPRESSED, delivery.as_of, reason=reason)
    return fact(delivery, SENT, delivery.as_of)


def fact(delivery: Event, status: str, at: int, **data: Any) -> Event:
    """A fact about a delivery, with the id that activation would give it."""
    said = {name: value for name, value in delivery.data.items() if name not in ("expires_at", "reason")}
    return derived(
        delivery,
        id=stable_id("delivery", said["delivery_id"], status),
        type=PREFIX + status,
        source=SOURCE,
        as_of=at,
        definition_version=delivery.definition_version,
        data={**said, **data},
    )


def to_member(addressed: Event) -> Event:
    """The member's event that something addressed to them comes back as."""
    return Event(
        id=stable_id("addressed", addressed.id),
        tenant=addressed.tenant,
        type=ADDRESSED,
        event_time=addressed.as_of,
        as_of=addressed.as_of,
        source="cairn",
        profile_id=str(addressed.data["member"]),
        historical=addressed.historical,
        causation_id=addressed.id,
        correlation_id=addressed.correlation_id or addressed.id,
        hops=addressed.hops + 1,
        definition_version=addressed.definition_version,
        data=addressed.data,
    )


def outcome(told: Event) -> Event:
    """The customer's event that a fact about a delivery comes back as."""
    status = told.type.removeprefix(PREFIX)
    return Event(
        id=stable_id("feedback", told.data["delivery_id"], status),
        tenant=told.tenant,
        type=told.type,
        event_time=told.as_of,
        as_of=told.as_of,
        source="cairn",
        profile_id=told.profile_id,
        historical=told.historical,
        causation_id=told.id,
        correlation_id=told.correlation_id or told.id,
        hops=told.hops + 1,
        definition_version=told.definition_version,
        data=told.data,
    )
