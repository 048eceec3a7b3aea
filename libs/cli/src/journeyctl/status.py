"""`journeyctl status`: health of each service, how long its log is and how far it has read those before it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import typer
from rich.table import Table

from cairn.journey.v1.journey_pb2 import Control, ListControlsRequest
from cairn_journey import Programme
from journeyctl.connectors import Standing, messages_waiting, programme_of, standings
from journeyctl.console import wide_console
from journeyctl.health import grpc_health, listens
from journeyctl.installation import LOGS, SERVICES, Installation, home_folder
from journeyctl.services import ServiceRefused, Services, ask
from journeyctl.up import Home

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMEOUT_S = 5.0
CONTROLS = {"paused": "paused", "drain": "stopped; those in it finish", "now": "stopped"}


@dataclass(frozen=True)
class LogState:
    """The end of a log over all partitions, and its owner's distance from the ends of the logs it reads."""

    events: int
    as_of_us: int
    lag: int | None
    """Events not yet read; None if unknown."""
    parked: int


def status(home: Home = None) -> None:
    """Show health, positions and lag of what runs."""
    installation = Installation.load(home or home_folder())
    console = wide_console()
    logs = asyncio.run(read_logs(installation.database_dsn))
    table = Table("service", "health", "log", "events", "up to", "lag", "parked", box=None, pad_edge=False)
    healthy = True
    for log, (service, _) in LOGS.items():
        health = grpc_health(installation.grpc[service])
        healthy &= health == "serving"
        table.add_row(service, _coloured(health), log, *_cells(logs.get(log)))
    for name in (name for name in installation.metrics if name not in SERVICES):  # connectors and sources
        health = "serving" if listens(installation.metrics[name]) else "unreachable"
        healthy &= health == "serving"
        table.add_row(name, _coloured(health))
    console.print(table)
    with Services(installation) as services:
        programme = programme_of(services)
        controls = _controls(services)
    if programme is not None and programme.connectors:
        console.print()
        console.print(_connectors(asyncio.run(_standings(installation, programme))))
    for control in controls:
        console.print(f"Journey {control.journey} is [red]{CONTROLS[control.mode]}[/].")
    if not healthy:
        raise typer.Exit(1)


async def read_logs(dsn: str) -> dict[str, LogState]:
    """Return the state of each log whose owner has begun."""
    connection = await asyncpg.connect(dsn, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    try:
        heads: dict[str, dict[int, int]] = {}
        inbox: dict[str, dict[tuple[str, int], int]] = {}
        begun: dict[str, tuple[int, int]] = {}
        for log, (service, _) in LOGS.items():
            if service not in SERVICES or not await connection.fetchval("SELECT to_regclass($1)", f"{service}.heads"):
                continue
            rows = await connection.fetch(f"SELECT partition, position, as_of FROM {service}.heads")  # noqa: S608 - our own names
            read = await connection.fetch(f"SELECT log, partition, position FROM {service}.inbox")  # noqa: S608
            parked = await connection.fetchval(f"SELECT count(*) FROM {service}.parked")  # noqa: S608
            heads[log] = {row["partition"]: row["position"] for row in rows}
            inbox[log] = {(row["log"], row["partition"]): row["position"] for row in read}
            begun[log] = (max(row["as_of"] for row in rows), parked)
    finally:
        await connection.close()
    return {
        log: LogState(
            events=sum(heads[log].values()),
            as_of_us=as_of_us,
            lag=_lag(LOGS[log][1], heads, inbox[log]),
            parked=parked,
        )
        for log, (as_of_us, parked) in begun.items()
    }


def _lag(upstreams: tuple[str, ...], heads: dict[str, dict[int, int]], inbox: dict[tuple[str, int], int]) -> int | None:
    if not all(upstream in heads for upstream in upstreams):
        return None
    return sum(
        max(0, position - inbox.get((upstream, partition), 0))
        for upstream in upstreams
        for partition, position in heads[upstream].items()
    )


async def _standings(installation: Installation, programme: Programme) -> list[Standing]:
    waiting = await messages_waiting(installation.database_dsn)
    return await standings(installation.nats_url, programme, waiting)


def _connectors(found: list[Standing]) -> Table:
    """The connectors of the default tenant's programme."""
    table = Table("connector", "channel", "served by", "messages waiting", box=None, pad_edge=False)
    for one in found:
        colour = "green" if one.usable else "red"
        table.add_row(one.name, one.channel, f"[{colour}]{one.told}[/]", f"{one.waiting:,}")
    return table


def _controls(services: Services) -> list[Control]:
    """Which journeys of the default tenant are paused or stopped; none if nobody can be asked."""
    with suppress(ServiceRefused):
        return list(ask(services.control.ListControls, ListControlsRequest(), timeout_s=_TIMEOUT_S).controls)
    return []


def _cells(state: LogState | None) -> tuple[str, str, str, str]:
    if state is None:
        return ("", "", "", "")
    up_to = f"{_EPOCH + timedelta(microseconds=state.as_of_us):%Y-%m-%d %H:%M:%S}" if state.as_of_us else ""
    lag = "unknown" if state.lag is None else f"{state.lag:,}"
    return (f"{state.events:,}", up_to, lag, f"[red]{state.parked:,}[/]" if state.parked else "0")


def _coloured(health: str) -> str:
    return f"[{'green' if health == 'serving' else 'red'}]{health}[/]"
