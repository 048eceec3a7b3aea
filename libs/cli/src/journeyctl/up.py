"""`journeyctl up` and `down`: Cairn on this machine until somebody stops it."""

import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from journeyctl.console import wide_console
from journeyctl.errors import CannotRun
from journeyctl.installation import home_folder
from journeyctl.processes import owner_of
from journeyctl.supervisor import ProcessState, Supervisor

_WATCH_S = 0.5
_RESTART_AFTER_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_DOWN_TIMEOUT_S = 120.0

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of data, logs and settings; by default CAIRN_HOME or .cairn.", show_default=False),
]
Port = Annotated[int | None, typer.Option(help="Listen here; by default a free port, kept.", min=1, max=65535)]


class _Stop(BaseException):
    """Somebody asked us to stop."""


def up(home: Home = None, http_port: Port = None, postgres_port: Port = None, nats_port: Port = None) -> None:
    """Start PostgreSQL, NATS, all services, connectors and configured sources; Ctrl-C stops them."""
    console = wide_console()
    wanted = {"ingestion.http": http_port, "postgres": postgres_port, "nats": nats_port}
    _stop_on_signals()
    try:
        with Supervisor(
            home or home_folder(), ports={name: port for name, port in wanted.items() if port is not None}
        ) as supervisor:
            try:
                supervisor.start_servers()
                supervisor.start_all()
                supervisor.launch_sources()
                console.print(table_of(supervisor.states()))
                home = supervisor.home
                console.print(
                    f"Events come in at http://{supervisor.installation.http['ingestion']}; the write key is in "
                    f"{home}/keys/write_keys, logs are in {home}/logs. Ctrl-C stops everything."
                )
                _watch(supervisor, console)
            except _Stop:
                console.print("Stopping …")
    except _Stop:
        pass


def down(home: Home = None) -> None:
    """Stop what `up` started in another terminal."""
    folder = home or home_folder()
    owner = owner_of(folder)
    if owner is None:
        print(f"Nothing runs in {folder}.")
        return
    try:
        os.kill(owner, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise CannotRun(f"Cairn in {folder} belongs to another user (process {owner}).") from None
    deadline = time.monotonic() + _DOWN_TIMEOUT_S
    while owner_of(folder) == owner:
        if time.monotonic() > deadline:
            raise CannotRun(f"Process {owner} has not stopped within {_DOWN_TIMEOUT_S:.0f} s.")
        time.sleep(0.1)
    print("Stopped.")


def table_of(states: list[ProcessState]) -> Table:
    """Return what runs where as a table."""
    table = Table("process", "health", "pid", "address", box=None, pad_edge=False)
    for state in states:
        colour = "green" if state.health == "serving" else "red"
        table.add_row(state.name, f"[{colour}]{state.health}[/]", str(state.pid), state.address)
    return table


def _watch(supervisor: Supervisor, console: Console) -> None:
    """Start again what ends by itself, ever more patiently."""
    failures: dict[str, int] = {}
    due: dict[str, float] = {}
    while True:
        time.sleep(_WATCH_S)
        now = time.monotonic()
        for name in supervisor.ended():
            if name not in due:
                count = failures[name] = failures.get(name, 0) + 1
                pause_s = _RESTART_AFTER_S[min(count, len(_RESTART_AFTER_S)) - 1]
                due[name] = now + pause_s
                console.print(
                    f"[red]{name} ended[/]: {supervisor.last_words(name)}; starting it again in {pause_s:.0f} s"
                )
            elif now >= due[name]:
                del due[name]
                supervisor.launch(name)


def _stop_on_signals() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)  # stopping has begun; it ends by itself
        raise _Stop

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
