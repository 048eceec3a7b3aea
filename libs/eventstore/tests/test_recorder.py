"""The eventsourcing library's own test cases for aggregate recorders pass on our log."""

import asyncio
from collections.abc import Iterator

import pytest
from eventsourcing.persistence import AggregateRecorder
from eventsourcing.tests.persistence import AggregateRecorderTestCase

from cairn_eventstore.recorder import PostgresRecorder
from cairn_runtime.database import migrate


class TestPostgresRecorder(AggregateRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _database(self, postgres_dsn: str) -> Iterator[None]:
        asyncio.run(migrate(postgres_dsn, "journey_state"))
        with PostgresRecorder(postgres_dsn, "journey_state") as self.recorder:
            yield

    def create_recorder(self) -> AggregateRecorder:
        return self.recorder


del AggregateRecorderTestCase  # the base class is not to be collected
