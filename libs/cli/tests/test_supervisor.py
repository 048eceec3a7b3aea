"""Processes end with their owner, come back where they stopped, and can be broken on purpose."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import psycopg
import pytest

from journeyctl.embedded import THROWAWAY
from journeyctl.errors import CannotRun
from journeyctl.supervisor import ALL, Supervisor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAND_IN = """
import os, signal, socket, sys
from concurrent import futures
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
if os.environ.get("FAULT"):
    sys.exit(os.environ["FAULT"])
if "CAIRN_GRPC_ADDRESS" not in os.environ:
    host, _, port = os.environ["CAIRN_METRICS_ADDRESS"].partition(":")
    listener = socket.create_server((host, int(port)))
    signal.pause()
server = grpc.server(futures.ThreadPoolExecutor(2))
servicer = health.HealthServicer()
servicer.set("", health_pb2.HealthCheckResponse.SERVING)
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
server.add_insecure_port(os.environ["CAIRN_GRPC_ADDRESS"])
server.start()
signal.signal(signal.SIGTERM, lambda *_: (print("service.stopped", flush=True), server.stop(0), os._exit(0)))
print("service.started", os.environ["CAIRN_DATABASE_DSN"], os.environ.get("MARK"), flush=True)
server.wait_for_termination()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cairn-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def stand_ins(home: Path) -> dict[str, str]:
    """The environment in which `python -m ingestion` and all others are small stand-ins with a health service."""
    for package in ALL:
        (home / "packages" / package).mkdir(parents=True)
        (home / "packages" / package / "__init__.py").touch()
        (home / "packages" / package / "__main__.py").write_text(STAND_IN)
    return {"PYTHONPATH": str(home / "packages")}


def supervise(home: Path, environment: dict[str, str], **ports: int) -> Supervisor:
    return Supervisor(home, environment=environment, postgres_settings=THROWAWAY, ports=ports)


def test_a_second_run_has_the_same_addresses_and_data(home: Path, stand_ins: dict[str, str]) -> None:
    with supervise(home, stand_ins) as first:
        first.start_servers()
        first.start_all(["ingestion"])
        with psycopg.connect(first.postgres.dsn) as connection:
            connection.execute("CREATE TABLE kept (id int)")
    with supervise(home, stand_ins) as second:
        second.start_servers()
        second.start_all(["ingestion"])
        assert second.installation == first.installation
        with psycopg.connect(second.postgres.dsn) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert (home / "logs" / "ingestion.log").read_text().count("service.stopped") == 2


def test_a_home_has_one_owner_at_a_time(home: Path) -> None:
    with supervise(home, {}), pytest.raises(CannotRun, match=f"already \\(process {os.getpid()}\\)"):
        supervise(home, {}).__enter__()


def test_a_service_can_be_killed_paused_started_anew_and_doubled(home: Path, stand_ins: dict[str, str]) -> None:
    with supervise(home, stand_ins) as supervisor:
        supervisor.start_servers()
        supervisor.start_all(["ingestion", "journey_state"])
        supervisor.kill("journey_state")
        assert supervisor.names == ("ingestion",)
        supervisor.start("journey_state", {"MARK": "marked"})
        assert supervisor.start_replica("journey_state") == "journey_state-2"
        supervisor.suspend("ingestion")
        assert {state.name: state.health for state in supervisor.states()}["ingestion"] == "unreachable"
        supervisor.resume("ingestion")
        supervisor.await_healthy("ingestion")
        assert {state.health for state in supervisor.states()} == {"serving"}
        assert supervisor.ended() == []
    assert "marked" in (home / "logs" / "journey_state.log").read_text()


def test_a_service_that_cannot_start_is_told_in_one_sentence(home: Path, stand_ins: dict[str, str]) -> None:
    with supervise(home, stand_ins) as supervisor:
        supervisor.start_servers()
        with pytest.raises(CannotRun, match=r"^ingestion did not start: The schema is too new \(see "):
            supervisor.start("ingestion", {"FAULT": "The schema is too new."})


def test_a_busy_port_is_told_in_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotRun, match=f"^Port {port}, wanted for nats, is in use by another program.$"):
            supervise(home, {}, nats=port).__enter__()


def test_when_the_owner_is_killed_everything_ends_and_the_next_run_goes_on(
    home: Path, stand_ins: dict[str, str]
) -> None:
    program = f"""
import time
from pathlib import Path
from journeyctl.embedded import THROWAWAY
from journeyctl.supervisor import Supervisor
with Supervisor(Path({str(home)!r}), environment={stand_ins!r}, postgres_settings=THROWAWAY) as supervisor:
    supervisor.start_servers()
    supervisor.start_all(["ingestion"])
    print(*(supervisor.process_id(name) for name in ("postgres", "nats", "ingestion")), flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
        owner.kill()
    assert len(processes) == 3
    _, alive = psutil.wait_procs(processes, timeout=20.0)
    assert alive == []
    with supervise(home, stand_ins) as supervisor:
        supervisor.start_servers()
        supervisor.start_all(["ingestion"])


def test_the_command_says_in_one_sentence_what_is_wrong_and_shows_no_traceback(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = journeyctl("up", "--home", str(home), "--http-port", str(port))
    assert run.stderr == f"Port {port}, wanted for ingestion.http, is in use by another program.\n"
    assert run.returncode == 1


def test_up_starts_again_what_ended_and_stops_everything_when_told(home: Path, stand_ins: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "journeyctl", "up", "--home", str(home)],
        env={**os.environ, **stand_ins, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None
        assert up.stderr is not None
        shown = read_until(up.stdout, "Ctrl-C")
        assert [line.split()[:2] for line in shown.splitlines()[1:-1]] == [
            [name, "serving"] for name in ("postgres", "nats", *ALL)
        ]
        record = home / "run" / "decisioning.pid"
        os.kill(int(record.read_text().split()[1]), signal.SIGKILL)
        assert "decisioning ended" in read_until(up.stdout, "starting it again")
        assert "decisioning" in journeyctl("status", "--home", str(home)).stdout
        assert journeyctl("down", "--home", str(home)).stdout == "Stopped.\n"
        assert up.wait() == 0
        assert up.stderr.read() == ""
    assert list((home / "run").iterdir()) == []


def test_status_says_that_nothing_runs(home: Path) -> None:
    run = journeyctl("status", "--home", str(home))
    assert run.stderr == f"Cairn does not run in {home}; start it with: make up\n"
    assert run.returncode == 1


def test_down_is_content_when_nothing_runs(home: Path) -> None:
    run = journeyctl("down", "--home", str(home))
    assert run.stdout == f"Nothing runs in {home}.\n"
    assert run.returncode == 0


def journeyctl(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "journeyctl", *arguments], capture_output=True, text=True)


def read_until(stream: IO[str], words: str) -> str:
    read = ""
    while words not in read:
        line = stream.readline()
        assert line, f"{words!r} never came: {read}"
        read += line
    return read


def test_each_file_in_sources_runs_a_worker_that_is_told_where_its_things_are(
    home: Path, stand_ins: dict[str, str]
) -> None:
    (home / "sources").mkdir()
    (home / "sources" / "shop.env").write_text('# the shop\nSOURCE=source_files\nCAIRN_FILES_AT="/srv/out"\n')
    package = home / "packages" / "source_files"
    package.mkdir()
    (package / "__init__.py").touch()
    told = (
        "print(*(os.environ[f'CAIRN_{name}'] for name in ('SOURCE_NAME', 'FILES_AT', 'SOURCE_MAPPINGS')), flush=True)"
    )
    (package / "__main__.py").write_text(STAND_IN.replace('if "CAIRN_GRPC', f'{told}\nif "CAIRN_GRPC', 1))
    with supervise(home, stand_ins) as supervisor:
        supervisor.start_servers()
        supervisor.launch_sources()
        supervisor.await_healthy("source_files-shop")
        assert "source_files-shop" in supervisor.installation.metrics
    (said,) = [line for line in (home / "logs" / "source_files-shop.log").read_text().splitlines() if "/srv" in line]
    assert said == f"shop /srv/out {home / 'sources' / 'shop.yaml'}"


def test_a_source_that_names_no_worker_is_told(home: Path) -> None:
    (home / "sources").mkdir()
    (home / "sources" / "shop.env").write_text("CAIRN_FILES_AT=/srv/out\n")
    with pytest.raises(
        CannotRun, match=r"shop\.env does not say which worker to run; begin it with SOURCE=source_files"
    ):
        supervise(home, {}).__enter__()
