"""The webhook connector against the conformance kit, over a real receiver."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import connector_webhook
from cairn_connector import Connector, Manifest, load_manifest
from cairn_connector.conformance import ConnectorConformance, SentTo
from connector_webhook.http import open_connector
from connector_webhook.settings import WebhookSettings
from journeyctl.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def kept(address: str, webhook_id: str) -> int:
    with urllib.request.urlopen(f"http://{address}/messages?id={webhook_id}", timeout=5) as answer:
        return len(json.load(answer)["messages"])


class TestWebhookConnector(ConnectorConformance):
    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Iterator[str]:
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "journeyctl.sinks.hooks", "--http", address, "--secret", SECRET]
        process = subprocess.Popen([*command, "--folder", str(tmp_path / "hooks")])
        try:
            for _ in range(200):
                with suppress(OSError):
                    kept(address, "nobody")
                    break
                time.sleep(0.05)
            yield address
        finally:
            process.kill()
            process.wait()

    @pytest.fixture
    async def connector(self, receiver: str) -> AsyncIterator[Connector]:
        settings = WebhookSettings(
            webhook_url=f"http://{receiver}/hooks",
            webhook_secret=SECRET,
            webhook_query_url=f"http://{receiver}/messages",
        )
        async with open_connector(settings) as connector:
            yield connector

    @pytest.fixture
    def manifest(self) -> Manifest:
        return load_manifest(Path(connector_webhook.__file__).with_name("connector.yaml"))

    @pytest.fixture
    def sent_to(self, receiver: str) -> SentTo:
        async def count(delivery_id: str) -> int:
            return await asyncio.to_thread(kept, receiver, delivery_id)

        return count
