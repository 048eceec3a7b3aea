"""`journeyctl archive`: the old part of a log moves to Parquet files behind a signed manifest, and is still read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console

from cairn_eventstore.archive import Archived
from cairn_eventstore.archiving import archive_next
from cairn_eventstore.signing import Signer
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import parse_instant
from journeyctl.errors import CannotRun
from journeyctl.installation import LOGS, home_folder
from journeyctl.stored_logs import TIMEOUT_S, Dsn, archive_folder, dsn_of, keys_folder
from journeyctl.up import Home

Log = Annotated[str, typer.Argument(help="Name of the log, such as journeys.", show_default=False)]
Before = Annotated[str, typer.Option(help="Archive what came in before this instant (ISO 8601).", show_default=False)]


def archive(log: Log, before: Before, home: Home = None, dsn: Dsn = "") -> None:
    """Move what is old in a log to files; run it again if it was interrupted."""
    console = Console(soft_wrap=True, highlight=False)
    if log not in LOGS:
        raise CannotRun(f"There is no log {log}; choose of: {', '.join(LOGS)}.")
    try:
        instant = parse_instant(before)
    except ValueError:
        raise CannotRun(f"{before} is no instant; write it like 2026-01-31T00:00:00Z.") from None
    folder = home or home_folder()
    events = asyncio.run(_archive(console, dsn_of(folder, dsn), log, instant, folder))
    console.print(f"{events:,} events of {log} archived in {archive_folder(folder)}.")


async def _archive(console: Console, dsn: str, log: str, before: int, home: Path) -> int:
    events = 0
    async for place in _archives(dsn, log, before, home):
        console.print(f"{place.name}: positions {place.first:,} to {place.last:,}")
        events += place.last - place.first + 1
    return events


async def _archives(dsn: str, log: str, before: int, home: Path) -> AsyncIterator[Archived]:
    schema, signer = LOGS[log][0], Signer(keys_folder(home))
    try:
        connection = await asyncpg.connect(dsn, timeout=TIMEOUT_S, server_settings={"search_path": schema})
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CannotRun(f"The database cannot be reached ({type(error).__name__}).") from None
    try:
        if not await connection.fetchval("SELECT to_regclass('archives')"):
            raise CannotRun(f"The owner of {log} has never begun in this database.")
        for partition in range(PARTITIONS):
            while place := await archive_next(connection, schema, log, partition, before, archive_folder(home), signer):
                yield place
    finally:
        await connection.close(timeout=TIMEOUT_S)
