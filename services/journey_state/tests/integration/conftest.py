"""One running service per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .running import Service, running


@pytest.fixture
async def service(postgres_dsn: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(postgres_dsn, nats_url, tmp_path) as service:
        yield service
