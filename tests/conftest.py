"""One run of the small demo, undisturbed, that all tests of whole runs look at."""

import pytest
from tests.demos import Demo


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"), "small").run()
