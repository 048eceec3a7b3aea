"""One undisturbed run of the small demo, to compare all others with."""

import pytest
from tests.faults.runs import Run, play_small


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return play_small(tmp_path_factory.mktemp("undisturbed"))
