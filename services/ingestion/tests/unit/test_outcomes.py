import pytest

from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from ingestion.domain.outcomes import matters, outcome

FACT = Event(
    id=stable_id("fact"),
    tenant="acme",
    type="delivery.sent",
    event_time=5,
    as_of=7,
    source="activation",
    profile_id=stable_id("ada"),
    causation_id=stable_id("cause"),
    correlation_id=stable_id("first"),
    hops=2,
    definition_version="v1",
    data={"delivery_id": "d1", "channel": "email"},
)


@pytest.mark.parametrize(
    "status", ["sent", "delivered", "opened", "clicked", "bounced", "rejected", "suppressed", "expired"]
)
def test_what_became_of_a_message_comes_back(status: str) -> None:
    assert matters(f"delivery.{status}")


@pytest.mark.parametrize(
    "type_", ["delivery.planned", "delivery.dispatched", "delivery.in_doubt", "cairn.marker", "sent"]
)
def test_what_happens_in_between_does_not(type_: str) -> None:
    assert not matters(type_)


def test_an_outcome_continues_the_chain() -> None:
    made = outcome(FACT)
    assert made is not None
    assert made.id == stable_id("feedback", "d1", "sent")
    assert made.identifiers == (("cairn_profile", stable_id("ada")),)
    assert (made.causation_id, made.correlation_id, made.hops) == (FACT.id, stable_id("first"), 3)
    assert (made.tenant, made.type, made.event_time, made.data) == ("acme", "delivery.sent", 5, FACT.data)
    assert made.profile_id == ""


def test_a_fact_about_nobody_is_no_outcome() -> None:
    assert outcome(Event(id="x", tenant="t", type="delivery.sent", event_time=1, as_of=1)) is None
