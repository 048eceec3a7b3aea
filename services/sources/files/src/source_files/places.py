"""Where files lie: a folder of this machine, or whatever rclone reaches."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from cairn_source import Unreachable
from source_files.settings import FilesSettings

_UNFINISHED: Final = (".part", ".tmp", ".filepart", ".partial", ".crdownload")
_PATIENCE: Final = ("--retries", "2", "--low-level-retries", "3", "--contimeout", "10s", "--timeout", "60s")


class Found(NamedTuple):
    """A file as it is listed."""

    name: str
    """Path below the place, with slashes."""
    version: str
    """Another one when its size or the time of its last change is another."""


class Place(Protocol):
    """All methods raise Unreachable."""

    async def listed(self) -> list[Found]:
        """All files that may be read, by name; hidden ones, and those with the name of an unfinished one, not."""
        ...

    def opened(self, file: Found) -> AbstractAsyncContextManager[Path | None]:
        """The file on this machine, for as long as it is read; None if it is another version by now."""
        ...

    async def unchanged(self, file: Found) -> bool:
        """Whether what is being read is still the version that was listed."""
        ...


class Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def listed(self) -> list[Found]:
        return await asyncio.to_thread(self._listed)

    @asynccontextmanager
    async def opened(self, file: Found) -> AsyncIterator[Path | None]:
        yield self._folder / file.name if await self.unchanged(file) else None

    async def unchanged(self, file: Found) -> bool:
        try:
            return _version(await asyncio.to_thread((self._folder / file.name).stat)) == file.version
        except OSError:
            return False

    def _listed(self) -> list[Found]:
        try:
            paths = sorted(path for path in self._folder.rglob("*") if path.is_file())
            named = ((path.relative_to(self._folder).as_posix(), path.stat()) for path in paths)
            found = [Found(name, _version(told)) for name, told in named if readable(name)]
        except OSError as fault:
            raise Unreachable("FOLDER") from fault
        if not found and not self._folder.is_dir():
            raise Unreachable("NO_FOLDER")
        return found


class Remote:
    """Whatever rclone reaches; credentials are in its configuration (RCLONE_CONFIG_…), never on a command line."""

    def __init__(self, at: str, rclone: Path, timeout_s: float) -> None:
        self._at = at.rstrip("/")
        self._rclone = rclone
        self._timeout_s = timeout_s

    async def listed(self) -> list[Found]:
        told: list[dict[str, Any]] = await self._ask("--recursive", "--files-only", self._at)
        found = (Found(item["Path"], _remote_version(item)) for item in told)
        return sorted(file for file in found if readable(file.name))

    @asynccontextmanager
    async def opened(self, file: Found) -> AsyncIterator[Path | None]:
        with _spool() as folder:
            path = folder / Path(file.name).name
            where = f"{self._at}{'' if self._at.endswith(':') else '/'}{file.name}"
            await self._run("FETCH", "copyto", *_PATIENCE, where, str(path))
            told = await self._ask("--stat", where)
            same = bool(told) and _remote_version(told) == file.version
            yield path if same and path.is_file() else None

    async def unchanged(self, file: Found) -> bool:
        """What is read is a copy."""
        return True

    async def _ask(self, *arguments: str) -> Any:
        return json.loads(await self._run("LIST", "lsjson", "--use-server-modtime", *_PATIENCE, *arguments))

    async def _run(self, what: str, *arguments: str) -> bytes:
        return await asyncio.to_thread(self._call, what, arguments)

    def _call(self, what: str, arguments: Sequence[str]) -> bytes:
        """In a thread, since there Python does not fork, which gRPC would not like."""
        try:
            ended = subprocess.run(
                [str(self._rclone), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise Unreachable(f"REMOTE_{what}_TIMEOUT") from None
        except OSError as fault:
            raise Unreachable("NO_RCLONE") from fault
        if ended.returncode:
            raise Unreachable(f"REMOTE_{what}")
        return ended.stdout


def place(settings: FilesSettings) -> Place:
    """The place that the settings name: with a colon it is rclone's."""
    if ":" in settings.files_at:
        return Remote(settings.files_at, settings.rclone or _rclone(), settings.files_fetch_s)
    return Folder(Path(settings.files_at))


def _version(told: os.stat_result) -> str:
    return f"{told.st_size}-{told.st_mtime_ns}"


def _remote_version(told: dict[str, Any]) -> str:
    """To the second: S3 tells more in a listing than of an object."""
    return f"{told['Size']}-{told['ModTime'][:19]}"


def readable(name: str) -> bool:
    """Whether a name is one of a finished file."""
    parts = name.split("/")
    return not any(part.startswith(".") for part in parts) and not name.lower().endswith(_UNFINISHED)


def _rclone() -> Path:
    beside = Path(sys.executable).with_name("rclone")
    return beside if beside.exists() else Path(shutil.which("rclone") or "rclone")


@contextmanager
def _spool() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cairn-files-"))
    try:
        os.chmod(folder, 0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
