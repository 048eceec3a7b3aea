import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from cairn_kernel.errors import Invalid, Refused, Unavailable
from ingestion.application.sources import Sources, declared
from ingestion.domain.told import Source
from ingestion.settings import IngestionSettings, written_keys


def hashed(key: str) -> str:
    return key[::-1]


class Table:
    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.loads = 0
        self.down = False

    async def load(self) -> Mapping[str, Source]:
        self.loads += 1
        if self.down:
            raise Unavailable("down")
        return self.sources

    async def declare(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources


def test_sources_are_declared_by_entries() -> None:
    text = "default/web:KEY-12345, acme/shop@device:a:b/c@d-e\n# a comment\n"
    assert declared(text, hashed) == {
        "54321-YEK": Source("default", "web"),
        "e-d@c/b:a": Source("acme", "shop", "device"),
    }
    assert declared("", hashed) == {}


@pytest.mark.parametrize(
    "text", ["web:KEY-12345", "default/web", "default/:KEY-12345", "a/b:short", "a/b@sun:KEY-12345"]
)
def test_a_wrong_declaration_is_refused_without_its_key(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        declared(text, hashed)
    assert raised.value.reason == "WRITE_KEYS"
    assert "KEY-12345" not in str(raised.value)


async def test_a_key_is_looked_up_in_memory_and_an_unknown_one_once_in_a_while() -> None:
    table = Table({hashed("known-key"): Source("default", "web")})
    sources = Sources(table, hashed)
    for _ in range(5):
        assert await sources.find("known-key") == Source("default", "web")
        assert await sources.find("unknown-key") is None
        assert await sources.find("") is None
    assert table.loads == 1


async def test_a_key_is_not_called_unknown_while_nobody_can_tell() -> None:
    table = Table({})
    table.down = True
    with pytest.raises(Unavailable):
        await Sources(table, hashed).find("any-key")


def _settings(keys: Path, **more: object) -> IngestionSettings:
    return IngestionSettings(database_dsn="-", nats_url="-", keys_dir=keys, **more)  # type: ignore[arg-type]


def test_without_a_declaration_one_key_is_made_and_kept(tmp_path: Path) -> None:
    made = written_keys(_settings(tmp_path / "keys"))
    assert [source.tenant for source in declared(made, hashed).values()] == ["default"]
    assert written_keys(_settings(tmp_path / "keys")) == made
    assert (tmp_path / "keys" / "write_keys").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "keys") == ["write_keys"]


def test_settings_and_file_are_taken_together(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("a/b:from-the-file\n")
    both = _settings(tmp_path, write_keys="c/d:from-settings", write_keys_file=tmp_path / "more")
    assert {source.name for source in declared(written_keys(both), hashed).values()} == {"b", "d"}
    with pytest.raises(Refused):
        written_keys(_settings(tmp_path, write_keys_file=tmp_path / "missing"))
