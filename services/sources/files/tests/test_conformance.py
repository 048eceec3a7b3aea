"""The files of a folder against the conformance kit."""

import csv
from pathlib import Path

import pytest

from cairn_source import Source, load_mapping
from cairn_source.conformance import Add, SourceConformance
from source_files.files import FilesSource
from source_files.places import Folder


class TestFiles(SourceConformance):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text("{kind: Import, name: o, event: O, time: at, identifiers: {user_id: who}}")
        (tmp_path / "inbox").mkdir()
        return FilesSource(Folder(tmp_path / "inbox"), [load_mapping(mapping)], settle_s=0)

    @pytest.fixture
    def add(self, tmp_path: Path) -> Add:
        written = 0

        async def write(rows: int) -> None:
            nonlocal written
            path = tmp_path / "inbox" / f"{written}.csv"
            with path.open("w", newline="") as file:
                csv.writer(file).writerows(
                    [["at", "who"], *([f"2024-01-01T00:00:{n % 60:02}", f"customer-{n}"] for n in range(rows))]
                )
            written += 1

        return write
