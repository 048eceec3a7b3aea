"""All of Cairn as processes of this machine: start, watch, stop, and break on purpose."""

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from journeyctl.embedded import DURABLE, EmbeddedNats, EmbeddedPostgres
from journeyctl.errors import CannotRun
from journeyctl.health import grpc_health, listens
from journeyctl.installation import CONNECTORS, SERVICES, Installation
from journeyctl.ports import LOOPBACK, Remembered
from journeyctl.processes import Child, ProcessHome, make_folder
from journeyctl.source_workers import configured

START_TIMEOUT_S: Final = 45.0
STOP_TIMEOUT_S: Final = 25.0  # above a connector's own time to drain
ALL: Final = (*SERVICES, *CONNECTORS)
MAY_OPEN_PERSONAL_FIELDS: Final = ("ingestion", "identity_resolution", "activation")
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
FREE: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True)
class ProcessState:
    """One line of what runs where."""

    name: str
    health: str
    """`serving`, `not serving`, `unreachable`, or `ended` with the exit code."""
    pid: int | None
    address: str
    log: Path


class Supervisor:
    """Cairn in a home folder: both servers, then every service and connector as `python -m <package>`.

    Use as a context manager: leaving it stops everything in reverse order, and if this process is killed, everything
    ends with it. All methods block. A process is named like its package; a further replica is `<package>-2` and so on.

    Ports are those of the last run unless wanted otherwise (`ports`, by name: `postgres`, `nats`, `<package>.grpc`,
    `<package>.http`, `<package>.metrics`). `environment` goes to every process, over what it inherits.
    """

    def __init__(
        self,
        home: Path,
        *,
        environment: Mapping[str, str] = NOTHING,
        ports: Mapping[str, int] = FREE,
        postgres_settings: Mapping[str, str] = DURABLE,
    ) -> None:
        self.home = home.absolute()
        self.logs = self.home / "logs"
        self._environment = dict(environment)
        self._ports = dict(ports)
        self._postgres_settings = postgres_settings
        self._processes = ProcessHome(self.home)
        self._children: dict[str, Child] = {}
        self._extra: dict[str, Mapping[str, str]] = {}
        self._chosen: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._processes.__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        make_folder(self.logs)
        self._sources = configured(self.home)
        remembered = self._remembered = Remembered(self.home / "settings.json")
        self.postgres = EmbeddedPostgres(
            self._processes,
            self.home / "postgres",
            log=self.logs / "postgres.log",
            port=self._port("postgres"),
            password=remembered.password("postgres"),
            settings=self._postgres_settings,
        )
        self.nats = EmbeddedNats(
            self._processes,
            self.home / "nats",
            log=self.logs / "nats.log",
            port=self._port("nats"),
            password=remembered.password("nats"),
        )
        self.installation = Installation(
            grpc={name: self._address(name, "grpc") for name in SERVICES},
            http={"ingestion": self._address("ingestion", "http")},
            metrics={name: self._address(name, "metrics") for name in (*ALL, *self._sources)},
            database_dsn=self.postgres.dsn,
            nats_url=self.nats.url,
            key_access=remembered.password("key_access"),
        )

    def __exit__(self, *_exc: object) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._processes.__exit__)
            if hasattr(self, "nats"):
                stack.callback(self.postgres.stop)
                stack.callback(self.nats.stop)
            stack.callback(self.stop_all)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all processes that were started and not stopped, servers excepted, in order of their start."""
        return tuple(self._children)

    def start_servers(self) -> None:
        """Start PostgreSQL and NATS and return when both take connections."""
        self.postgres.start()
        self.nats.start()

    def start_all(self, names: Sequence[str] = ALL) -> None:
        """Start services and connectors together and return when all are healthy."""
        for name in names:
            self.launch(name)
        for name in names:
            self.await_healthy(name)
        self.installation.save(self.home)

    def launch_sources(self) -> None:
        """Start the source workers of this home without waiting: a legacy system that is away holds nobody up."""
        for name, environment in self._sources.items():
            self.launch(name, environment)

    def start(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start one process and return when it is healthy. Without `environment` it keeps that of its last start."""
        self.launch(name, environment)
        self.await_healthy(name)

    def start_replica(self, package: str, environment: Mapping[str, str] = NOTHING) -> str:
        """Start one more process of a service and return its name."""
        number = 2
        while f"{package}-{number}" in self._children:
            number += 1
        self.start(f"{package}-{number}", environment)
        return f"{package}-{number}"

    def launch(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start one process without waiting for it; otherwise like `start`."""
        if name in self._children and self._children[name].running:
            raise CannotRun(f"{name} runs already.")
        if environment is not None:
            self._extra[name] = environment
        package = name.partition("-")[0]
        told = {
            "CAIRN_KEYS_DIR": str(self.home / "keys"),
            "CAIRN_ARCHIVE_DIR": str(self.home / "archive"),
            "CAIRN_CONNECTOR_DIR": str(self.home / "connectors"),
            "CAIRN_METRICS_ADDRESS": self._address(name, "metrics"),
        }
        if package in SERVICES:
            told["CAIRN_GRPC_ADDRESS"] = self._address(name, "grpc")
        if package == "ingestion":
            told["CAIRN_HTTP_ADDRESS"] = self._address(name, "http")
        if package in MAY_OPEN_PERSONAL_FIELDS:
            told["CAIRN_KEY_ACCESS_TOKEN"] = self._remembered.password("key_access")
        self._children[name] = self._processes.spawn(
            name,
            [sys.executable, "-P", "-m", package],
            log=self.logs / f"{name}.log",
            environment={
                **os.environ,
                **self.installation.environment(),
                **told,
                **self._environment,
                **self._extra.get(name, NOTHING),
            },
        )

    def await_healthy(self, name: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when a process is healthy. Raises CannotRun if it ends or takes too long."""
        child = self._children[name]
        deadline = time.monotonic() + timeout_s
        while self._health(name, child) != "serving":
            if not child.running:
                raise CannotRun(f"{name} did not start: {_reason(child)} (see {child.log}).")
            if time.monotonic() > deadline:
                raise CannotRun(f"{name} did not become healthy within {timeout_s:.0f} s; see {child.log}.")
            time.sleep(0.05)

    def stop(self, name: str) -> None:
        """Let one process finish what it does and end."""
        self._children.pop(name).stop(STOP_TIMEOUT_S)

    def stop_all(self) -> None:
        """Stop all services and connectors, the last of the chain first."""
        for name in reversed(tuple(self._children)):
            self.stop(name)

    def kill(self, name: str) -> None:
        """End one process at once (kill -9), as a crash would."""
        self._children.pop(name).kill()

    def suspend(self, name: str) -> None:
        """Stop one process in its tracks (SIGSTOP) until `resume`."""
        self._children[name].suspend()

    def resume(self, name: str) -> None:
        """Let a suspended process go on (SIGCONT)."""
        self._children[name].resume()

    def process_id(self, name: str) -> int:
        """Return the process id of a process, the servers (`postgres`, `nats`) included."""
        servers: dict[str, EmbeddedPostgres | EmbeddedNats] = {"postgres": self.postgres, "nats": self.nats}
        child = servers[name].child if name in servers else self._children[name]
        return child.pid

    def ended(self) -> list[str]:
        """Return the names of processes that ended by themselves."""
        return [name for name, child in self._children.items() if not child.running]

    def last_words(self, name: str) -> str:
        """Return the last line that a process wrote into its log."""
        return self._children[name].last_words()

    def states(self) -> list[ProcessState]:
        """Return what runs where, servers first."""
        servers = {"postgres": (self.postgres.child, "postgres"), "nats": (self.nats.child, "nats")}
        found = [
            ProcessState(name, _health_of(child, "serving"), child.pid, f"{LOOPBACK}:{self._port(port)}", child.log)
            for name, (child, port) in servers.items()
        ]
        for name, child in self._children.items():
            health = _health_of(child, self._health(name, child) if child.running else "")
            package = name.partition("-")[0]
            address = self._address(name, "grpc") if package in SERVICES else self._address(name, "metrics")
            found.append(ProcessState(name, health, child.pid, address, child.log))
        return found

    def _health(self, name: str, child: Child) -> str:
        if not child.running:
            return "ended"
        if name.partition("-")[0] in SERVICES:
            return grpc_health(self._address(name, "grpc"))
        return "serving" if listens(self._address(name, "metrics")) else "unreachable"

    def _address(self, name: str, kind: str) -> str:
        return f"{LOOPBACK}:{self._port(f'{name}.{kind}')}"

    def _port(self, name: str) -> int:
        if name not in self._chosen:
            self._chosen[name] = self._remembered.port(name, self._ports.get(name))
        return self._chosen[name]


def _health_of(child: Child, health: str) -> str:
    return health if child.running else f"ended ({child.exit_code})"


def _reason(child: Child) -> str:
    return child.last_words().rstrip(".") or "it gave no reason"
