"""A decision becomes a delivery."""

from collections.abc import Mapping
from typing import Any, Final

from activation.domain.delivery import PREFIX, SOURCE, Delivery, fact
from activation.domain.status import EXPIRED, PLANNED, REJECTED
from cairn_decisions.quiet_hours import end_of_quiet
from cairn_journey import Connector, Programme
from cairn_kernel.event import Event, derived
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY

LIFETIME: Final = DAY
"""How long a delivery may go out if its decision does not say."""
TAKEN_OVER: Final = ("moment_id", "journey", "instance_id", "intervention", "step", "locale", "context")


def plan(decision: Event, programme: Programme | None) -> list[Event]:
    """The first facts of the delivery that a decision asks for; none if it asks for none."""
    chosen = decision.data.get("chosen")
    if not chosen or decision.historical:
        return []
    connector = connector_of(programme, str(chosen["channel"]))
    planned = _planned(decision, chosen, connector, due=_due(decision, chosen, programme))
    delivery = Delivery(planned)
    at = decision.as_of
    if connector is None:
        return [planned, fact(delivery, REJECTED, at=at, reason="NO_CONNECTOR")]
    if connector.contact and not chosen.get("contact"):
        return [planned, fact(delivery, REJECTED, at=at, reason="NO_ADDRESS")]
    if delivery.due > delivery.expires_at:
        return [planned, fact(delivery, EXPIRED, at=at, reason="QUIET_HOURS")]
    return [planned]


def connector_of(programme: Programme | None, channel: str) -> Connector | None:
    """The connector that serves a channel."""
    if programme is None:
        return None
    return next((found for found in programme.connectors.values() if found.channel == channel), None)


def delivery_id(decision_id: str, channel: str) -> str:
    """The id of the one delivery of a decision on a channel."""
    return stable_id("delivery", decision_id, channel)


def _planned(decision: Event, chosen: Mapping[str, Any], connector: Connector | None, due: int) -> Event:
    channel = str(chosen["channel"])
    id = delivery_id(decision.id, channel)
    data = {
        "delivery_id": id,
        "decision_id": decision.id,
        **{name: decision.data.get(name, "") for name in TAKEN_OVER},
        "action": str(chosen["action"]),
        "class": str(chosen["class"]),
        "channel": channel,
        "connector": connector.name if connector else "",
        "treatment": chosen.get("treatment", 0),
        "template": str(chosen["template"]),
        "contact": chosen.get("contact") or {},
        "due": due,
        "expires_at": int(decision.data.get("expires_at") or decision.as_of + LIFETIME),
    }
    return derived(
        decision,
        id=stable_id("delivery", id, PLANNED),
        type=PREFIX + PLANNED,
        source=SOURCE,
        definition_version=decision.definition_version,
        data=data,
    )


def _due(decision: Event, chosen: Mapping[str, Any], programme: Programme | None) -> int:
    return end_of_quiet(decision.as_of, str(chosen["class"]), decision.data.get("context") or {}, programme)
