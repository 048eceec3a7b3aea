"""Real servers for tests from three providers: a given address, containers where Docker answers, else the wheels."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from journeyctl.embedded import THROWAWAY, EmbeddedNats, EmbeddedPostgres
from journeyctl.ports import Remembered
from journeyctl.processes import ProcessHome

POSTGRES_IMAGE = "postgres:18"
NATS_IMAGE = "nats:2"


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the DSN of a PostgreSQL server on which we may create databases.

    `CAIRN_TEST_DSN` names a given one; `CAIRN_TEST_SERVERS` (`containers` or `embedded`) overrules the choice.
    """
    given = os.environ.get("CAIRN_TEST_DSN")
    if given:
        yield given
    elif _containers_wanted():
        with _postgres_container() as dsn:
            yield dsn
    else:
        with embedded_servers(nats=False) as servers:
            yield servers.postgres.dsn


@contextlib.contextmanager
def nats_server() -> Iterator[str]:
    """Yield the URL of a nats-server with JetStream. `CAIRN_TEST_NATS` names a given one."""
    given = os.environ.get("CAIRN_TEST_NATS")
    if given:
        yield given
    elif _containers_wanted():
        with _nats_container() as url:
            yield url
    else:
        with embedded_servers(postgres=False) as servers:
            yield servers.nats.url


class EmbeddedServers:
    """Servers of a test's own, which it may stop, kill and start again: `postgres` and `nats`."""

    def __init__(self, processes: ProcessHome, postgres_settings: Mapping[str, str]) -> None:
        home = processes.home
        remembered = Remembered(home / "settings.json")
        self.postgres = EmbeddedPostgres(
            processes,
            home / "postgres",
            log=home / "postgres.log",
            port=remembered.port("postgres"),
            password=remembered.password("postgres"),
            settings={**THROWAWAY, **postgres_settings},
        )
        self.nats = EmbeddedNats(
            processes,
            home / "nats",
            log=home / "nats.log",
            port=remembered.port("nats"),
            password=remembered.password("nats"),
        )


@contextlib.contextmanager
def embedded_servers(
    *, postgres: bool = True, nats: bool = True, postgres_settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[EmbeddedServers]:
    """Yield started embedded servers in a new folder, which is deleted at the end."""
    home = Path(tempfile.mkdtemp(prefix="cairn-test-"))  # not pytest's tmp_path: PostgreSQL's own user must get in
    try:
        with ProcessHome(home) as processes:
            servers = EmbeddedServers(processes, postgres_settings)
            try:
                if postgres:
                    servers.postgres.start()
                if nats:
                    servers.nats.start()
                yield servers
            finally:
                servers.nats.stop()
                servers.postgres.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _containers_wanted() -> bool:
    choice = os.environ.get("CAIRN_TEST_SERVERS")
    if choice not in (None, "", "containers", "embedded"):
        raise ValueError("CAIRN_TEST_SERVERS is neither `containers` nor `embedded`")
    return choice == "containers" if choice else _docker_answers()


def _docker_answers() -> bool:
    kind, _, where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    host, _, port = where.partition(":")
    family, address = (socket.AF_UNIX, where) if kind == "unix" else (socket.AF_INET, (host, int(port or 2375)))
    with socket.socket(family) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(address)
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return probe.recv(15).endswith(b"200")
        except OSError:
            return False


@contextlib.contextmanager
def _postgres_container() -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE, username="cairn", password="cairn", dbname="cairn") as container:  # noqa: S106 - lives for one test run
        yield container.get_connection_url(driver=None)


@contextlib.contextmanager
def _nats_container() -> Iterator[str]:
    from testcontainers.nats import NatsContainer

    with NatsContainer(NATS_IMAGE, jetstream=True) as container:
        yield container.nats_uri()
