"""The e-mail connector against the conformance kit, over a real mail server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import connector_email
from cairn_connector import Connector, Manifest, load_manifest
from cairn_connector.conformance import ConnectorConformance, SentTo
from connector_email.settings import EmailSettings
from connector_email.smtp import open_connector

from .street import Street, open_street

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
async def street(nats_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(nats_url, tmp_path) as opened:
        yield opened


class TestEmailConnector(ConnectorConformance):
    @pytest.fixture
    async def connector(self, street: Street) -> AsyncIterator[Connector]:
        settings = EmailSettings(smtp_address=street.smtp, smtp_query_url=f"http://{street.http}/messages")
        async with open_connector(settings) as connector:
            yield connector

    @pytest.fixture
    def manifest(self) -> Manifest:
        return load_manifest(Path(connector_email.__file__).with_name("connector.yaml"))

    @pytest.fixture
    def sent_to(self, street: Street) -> SentTo:
        async def count(delivery_id: str) -> int:
            return len(await street.kept(delivery_id))

        return count
