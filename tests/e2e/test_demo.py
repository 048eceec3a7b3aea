"""The demo ends well, counts what the oracle counts, and can be repeated."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.demos import Demo
from tests.e2e import oracle

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.timeout(900)]


def counted(summary: dict[str, Any]) -> dict[str, oracle.Outcome]:
    return {
        name: oracle.Outcome(**{**counts, "goal_value": Decimal(str(counts["goal_value"]))})
        for name, counts in summary["journeys"].items()
    }


def test_every_event_sent_is_accepted_and_none_is_lost(small: Demo) -> None:
    assert small.summary["events"] == {"sent": 14877, "accepted": 14877, "duplicates": 0, "quarantined": 0, "lost": 0}


def test_cards_turn_out_to_be_their_households(small: Demo) -> None:
    assert small.summary["profiles"] == oracle.households("small") == 1990
    assert small.summary["merges"] == 550


def test_journeys_count_what_the_oracle_counts(small: Demo) -> None:
    assert counted(small.summary) == oracle.expected("small")


def test_each_journey_has_goals_and_none_has_only_goals(small: Demo) -> None:
    for counts in small.summary["journeys"].values():
        assert 0 < counts["goal"] < counts["entered"]
        assert counts["entered"] == counts["goal"] + counts["exited"] + counts["in_flight"]


def test_every_message_that_left_was_received_once(small: Demo) -> None:
    sent = small.summary["deliveries"]["sent"]
    assert sent > 0
    assert f"{sent:,} of {sent:,} e-mails, 0 missing, 0 twice" in " ".join(small.told.split())


def test_decisions_are_made_and_some_are_not(small: Demo) -> None:
    decisions = small.summary["decisions"]
    assert decisions["made"] == sum(small.summary["deliveries"].values())
    assert all(decisions["suppressed"][reason] > 0 for reason in ("NO_CONTACT", "NOT_ELIGIBLE", "CONTACT_POLICY_CAP"))


def test_latency_was_measured(small: Demo) -> None:
    latency = small.summary["latency_ms"]
    assert 0 < latency["p50"] <= latency["p99"]


def test_the_report_tells_of_a_household(small: Demo) -> None:
    assert "One customer" in small.report
    assert "win-back" in small.report


def test_a_second_run_killed_in_the_middle_and_gone_on_with_comes_to_the_same_state(
    small: Demo, tmp_path: Path
) -> None:
    again = Demo(tmp_path, "small", "--no-live")
    again.run_until_killed(day=12)
    again.run("--resume")
    same = ("events", "profiles", "merges", "journeys", "decisions", "deliveries", "state_hash")
    assert {key: again.summary[key] for key in same} == {key: small.summary[key] for key in same}


@pytest.mark.timeout(1200)
@pytest.mark.skipif("CAIRN_FULL_DEMO" not in os.environ, reason="minutes long; set CAIRN_FULL_DEMO=1 to run it")
def test_the_whole_year_counts_what_the_oracle_counts(tmp_path: Path) -> None:
    year = Demo(tmp_path, "full").run()
    assert year.summary["events"]["accepted"] == 167008
    assert year.summary["events"]["lost"] == 0
    assert year.summary["profiles"] == 2469
    assert year.summary["merges"] == 813
    assert counted(year.summary) == oracle.expected("full")
