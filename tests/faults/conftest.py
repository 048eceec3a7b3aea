"""What an undisturbed run comes to, to compare all others with."""

import pytest
from tests.demos import Demo
from tests.faults.runs import Run

from journeyctl.demo.sinks import Sinks


@pytest.fixture(scope="session")
def undisturbed(small: Demo) -> Run:
    told = small.summary
    mails = Sinks(small.home / "sinks").mails()
    return Run(told["state_hash"], told["events"]["lost"], told["events"]["accepted"], mails, told["deliveries"])
