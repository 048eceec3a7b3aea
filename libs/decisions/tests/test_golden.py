"""The facts of the `decisions` log as they were once stored. Files are added, never edited."""

import json
from pathlib import Path

import pytest

from cairn_decisions.facts import DECISION_WITHDRAWN, ProfileState, fold
from cairn_decisions.stored import STORED
from cairn_journey.language.model import Cap, ContactPolicy
from cairn_kernel.event import MERGED, SPLIT, Event, from_canonical_json, to_canonical_json
from cairn_kernel.time import DAY
from cairn_testkit.golden import check_golden

from .scene import PROFILE, T0, WEEK, Profile, action, consent, event, moment, outcome, programme

GOLDEN = Path(__file__).parent / "golden"


def stored() -> dict[str, Event]:
    """One fact of each type of ours, from a small story."""
    policy = ContactPolicy("default", caps=(Cap("person", 1, WEEK, "marketing"),))
    rules = programme(
        action("coupon-10", value="4.20", eligible='profile.age_band != "under-18"'),
        action("coupon-20", value="6.00", eligible="features.baskets_30d > 0"),
        action("coupon-5", value="1.00"),
        policy=policy,
    )
    here = moment(traits={"age_band": "35-44"}, features={"baskets_30d": 0}, event={"amount": 12.5})
    loser = Profile(rules, "loser").given(consent(T0, granted=True), moment("theirs"), outcome("sent", T0 + 1))
    ada = Profile(rules).given(here, outcome("bounced", T0 + DAY), moment("second", T0 + 2 * DAY))
    merged = event(MERGED, T0 + 3 * DAY, {"from": "loser", "to": PROFILE})
    united, _ = ada.domain.unite(ada.state, merged, ada.stream, loser.stream)
    split = event(SPLIT, T0 + 4 * DAY, {"from": PROFILE, "to": "loser", "moved": ["user_id:t"], "events": []})
    parted, _ = loser.domain.receive(loser.state, split, loser.stream, [*ada.stream, *united, split])
    gone = event("journey.moment_withdrawn", T0 + DAY, {"moment_id": here.data["moment_id"]})
    withdrawn, _ = ada.domain.handle(ada.state, gone)
    return {
        "decision.made.chosen": ada.stream[0],
        "decision.made.nothing": ada.stream[2],
        "contact.outcome_recorded": ada.stream[1],
        "contact.ledger_united": united[1],
        "contact.ledger_parted": parted[1],
        "decision.withdrawn": withdrawn[0],
    }


@pytest.mark.parametrize("name", sorted(stored()))
def test_facts_are_written_as_they_were(name: str) -> None:
    fact = stored()[name]
    golden = (GOLDEN / f"{name}.v{fact.version}.json").read_bytes()
    assert json.loads(to_canonical_json(fact)) == json.loads(golden)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_fact_ever_stored_still_folds(path: Path) -> None:
    before = ProfileState("default", PROFILE)
    fact = STORED.newest(from_canonical_json(path.read_bytes()))
    assert (fold(before, fact) == before) == (fact.type == DECISION_WITHDRAWN)


def test_every_version_of_every_fact_has_a_golden_file_that_is_still_read() -> None:
    check_golden(STORED, GOLDEN)
