"""The events that ingestion writes, as they were once stored. Files are added, never edited."""

import json
from pathlib import Path

import pytest

from cairn_kernel.event import Event, from_canonical_json, marker, to_canonical_json
from ingestion.domain.drafts import event
from ingestion.domain.outcomes import outcome

from .desk import NOW, call, taken
from .test_outcomes import FACT

GOLDEN = Path(__file__).parents[1] / "golden"


def written(**fields: object) -> Event:
    made = taken(call(**fields))
    sealed = {field: b"sealed" for field in made.personal}
    return event(made, event_time=made.event_time or NOW, as_of=NOW, sealed=sealed)


def stored() -> dict[str, Event]:
    """One event of each type of ours, and one that a source names."""
    returned = outcome(FACT)
    assert returned is not None
    return {
        "basket.purchased": written(properties={"amount": 12.5, "departments": ["GROCERY"], "card": "1234"}),
        "profile.identified": written(type="identify", traits={"email": "a@b.example", "age_band": "35-44"}),
        "page.viewed": written(type="page", name="Home"),
        "screen.viewed": written(type="screen", name="Basket"),
        "group.joined": written(type="group", groupId="g1"),
        "identity.aliased": written(type="alias", previousId="anon-1"),
        "delivery.sent": returned,
        "cairn.marker": marker("events", 3, step=7, at=NOW, mode="step"),
    }


@pytest.mark.parametrize("name", sorted(stored()))
def test_events_are_written_as_they_were(name: str) -> None:
    made = stored()[name]
    golden = (GOLDEN / f"{name}.v{made.version}.json").read_bytes()
    assert json.loads(to_canonical_json(made)) == json.loads(golden)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_ever_stored_still_reads(path: Path) -> None:
    assert from_canonical_json(path.read_bytes()).type == path.name.partition(".v1")[0]
