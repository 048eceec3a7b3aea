"""The kit passes a connector that keeps its word, and fails one that does not; the README's example keeps it."""

import re
from pathlib import Path
from typing import Any

import pytest

from cairn_connector import Connector, Doubt, Manifest, Resolve, Status, load_manifest
from cairn_connector.conformance import ConnectorConformance, SentTo
from cairn_connector.testing import MadeUpChannel

README = Path(__file__).parents[1] / "README.md"
MANIFEST = Manifest(
    name="made-up",
    version="1",
    protocol=1,
    owner="tests",
    channel="made-up",
    parts=("body",),
    receipts=frozenset({Status.SENT}),
    doubt=Doubt(resolve=Resolve.QUERY),
)


class TestMadeUpChannel(ConnectorConformance):
    @pytest.fixture
    def connector(self) -> MadeUpChannel:
        return MadeUpChannel()

    @pytest.fixture
    def manifest(self) -> Manifest:
        return MANIFEST

    @pytest.fixture
    def sent_to(self, connector: MadeUpChannel) -> SentTo:
        async def count(delivery_id: str) -> int:
            return connector.sent.count(delivery_id)

        return count


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


class TestTheReadmesExample(ConnectorConformance):
    @pytest.fixture
    def example(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setenv("CAIRN_SMS_OUTBOX", str(tmp_path / "outbox"))
        (tmp_path / "connector.yaml").write_text(blocks("yaml")[0])
        names: dict[str, Any] = {"__name__": "connector_sms", "__file__": str(tmp_path / "connector_sms.py")}
        exec(compile(blocks("python")[0], "README.md", "exec", dont_inherit=True), names)  # noqa: S102 - our own page
        return {**names, "folder": tmp_path}

    @pytest.fixture
    def connector(self, example: dict[str, Any]) -> Connector:
        made: Connector = example["SmsConnector"](example["SmsSettings"]())
        return made

    @pytest.fixture
    def manifest(self, example: dict[str, Any]) -> Manifest:
        return load_manifest(example["folder"] / "connector.yaml")

    @pytest.fixture
    def sent_to(self, example: dict[str, Any]) -> SentTo:
        async def count(delivery_id: str) -> int:
            return len(list((example["folder"] / "outbox").glob(f"{delivery_id}*")))

        return count
