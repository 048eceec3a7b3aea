"""Every fact ever stored is still read."""

from pathlib import Path

from cairn_journey.engine.stored import STORED
from cairn_testkit.golden import check_golden


def test_every_version_of_every_fact_has_a_golden_file_that_is_still_read() -> None:
    check_golden(STORED, Path(__file__).parent / "golden")
