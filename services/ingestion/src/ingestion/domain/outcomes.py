"""What became of a delivery, and what a subject's journey has for a member, comes back as an event of the customer."""

from typing import Final

from cairn_kernel.event import ADDRESSED, MEMBER_ADDRESSED, Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from ingestion.domain.names import OUTCOMES

SOURCE: Final = "cairn"
_PREFIX: Final = "delivery."


def matters(type_: str) -> bool:
    """Whether a fact of this type comes back; the steps in between (planned, dispatched, …) do not."""
    return type_ == MEMBER_ADDRESSED or (type_.startswith(_PREFIX) and type_.removeprefix(_PREFIX) in OUTCOMES)


def outcome(fact: Event) -> Event | None:
    """The event that a delivery's fact comes back as; its as_of is still the fact's. None if it is about nobody.

    What is addressed to a member of a subject comes back as the member's.
    """
    if fact.type == MEMBER_ADDRESSED:
        return _back(fact, stable_id("addressed", fact.id), ADDRESSED, str(fact.data["member"]))
    delivery_id = fact.data.get("delivery_id")
    if not fact.profile_id or not isinstance(delivery_id, str):
        return None
    return _back(fact, stable_id("feedback", delivery_id, fact.type.removeprefix(_PREFIX)), fact.type, fact.profile_id)


def _back(fact: Event, id: str, type: str, profile_id: str) -> Event:
    return Event(
        id=id,
        tenant=fact.tenant,
        type=type,
        event_time=fact.event_time,
        as_of=fact.as_of,
        source=SOURCE,
        identifiers=(Identifier(CAIRN_PROFILE, profile_id),),
        historical=fact.historical,
        causation_id=fact.id,
        correlation_id=fact.correlation_id or fact.id,
        hops=fact.hops + 1,
        traceparent=fact.traceparent,
        definition_version=fact.definition_version,
        data=fact.data,
    )
