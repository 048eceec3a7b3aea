"""The facts of the `deliveries` log as they were once stored. Files are added, never edited."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from activation.domain.claim import End, Order, claim
from activation.domain.consent import Ledger
from activation.domain.delivery import Delivery, evolve, folded
from activation.domain.plan import plan
from activation.domain.receipt import Receipt, receive
from activation.domain.status import REPORTED
from cairn_journey import Programme
from cairn_kernel.consents import WITHDRAWN, Word
from cairn_kernel.event import Event, from_canonical_json, to_canonical_json
from cairn_kernel.time import HOUR, parse_instant

GOLDEN = Path(__file__).parents[1] / "golden"
NOON = parse_instant("2017-03-01T12:00:00Z")
NAMES = sorted(
    f"delivery.{status}"
    for status in ("planned", "dispatched", "returned", "in_doubt", "suppressed", "expired", *REPORTED)
)

Decide = Callable[..., Event]


def told(programme: Programme, decide: Decide) -> dict[str, Event]:
    """One fact of each type, from a small story."""
    [planned] = plan(decide(traits={"age_band": "35-44"}, event={"amount": 12.5}), programme)
    ordered = claim(Delivery(planned), Ledger(), programme, now=NOON)
    refused = claim(Delivery(planned), _withdrawn(planned.profile_id), programme, now=NOON)
    late = claim(Delivery(planned), Ledger(), programme, now=NOON + 30 * HOUR)
    assert isinstance(ordered, Order)
    assert isinstance(refused, End)
    assert isinstance(late, End)
    flying = evolve(Delivery(planned), ordered.fact)
    said = [
        receive(flying, Receipt(flying.id, 1, status, _reason(status)))
        for status in (*REPORTED, "returned", "in_doubt")
    ]
    facts = [planned, ordered.fact, refused.fact, late.fact, *(fact for fact in said if fact is not None)]
    return {fact.type: fact for fact in facts}


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_written_as_they_were(name: str, programme: Programme, decide: Decide) -> None:
    fact = told(programme, decide)[name]
    golden = (GOLDEN / f"{name}.v{fact.version}.json").read_bytes()
    assert json.loads(to_canonical_json(fact)) == json.loads(golden)


def test_every_fact_ever_stored_still_folds() -> None:
    stored = {path.name: from_canonical_json(path.read_bytes()) for path in sorted(GOLDEN.glob("*.json"))}
    planned = stored.pop("delivery.planned.v1.json")
    for fact in stored.values():
        state = folded([planned, fact])
        status = fact.type.removeprefix("delivery.")
        assert state is not None
        assert (state.version, state.status) == (2, "planned" if status == "returned" else status)


def _withdrawn(profile_id: str) -> Ledger:
    return Ledger([Word(NOON, True, NOON, "e", profile_id, "email", "*", WITHDRAWN, source="shop")])


def _reason(status: str) -> str:
    return {"bounced": "RECIPIENT_REFUSED", "rejected": "CONTENT_REFUSED", "in_doubt": "NOT_YET_KNOWN"}.get(status, "")
