"""What became of a delivery comes back as an event of the customer."""

from typing import Final

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from ingestion.domain.names import OUTCOMES

SOURCE: Final = "cairn"
_PREFIX: Final = "delivery."


def matters(type_: str) -> bool:
    """Whether a fact of this type comes back; the steps in between (planned, dispatched, …) do not."""
    return type_.startswith(_PREFIX) and type_.removeprefix(_PREFIX) in OUTCOMES


def outcome(fact: Event) -> Event | None:
    """The event that a delivery's fact comes back as; its as_of is still the fact's. None if it is about nobody."""
    delivery_id = fact.data.get("delivery_id")
    if not fact.profile_id or not isinstance(delivery_id, str):
        return None
    return Event(
        id=stable_id("feedback", delivery_id, fact.type.removeprefix(_PREFIX)),
        tenant=fact.tenant,
        type=fact.type,
        event_time=fact.event_time,
        as_of=fact.as_of,
        source=SOURCE,
        identifiers=(Identifier(CAIRN_PROFILE, fact.profile_id),),
        historical=fact.historical,
        causation_id=fact.id,
        correlation_id=fact.correlation_id or fact.id,
        hops=fact.hops + 1,
        traceparent=fact.traceparent,
        definition_version=fact.definition_version,
        data=fact.data,
    )
