"""The logs as PostgreSQL stores them, for the commands that look at them with the owner's rights."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer

from cairn_eventstore.verification import LogReader
from journeyctl.installation import LOGS, Installation, home_folder

TIMEOUT_S: Final = 10.0

Dsn = Annotated[
    str,
    typer.Option(
        envvar="CAIRN_DATABASE_DSN", help="PostgreSQL, if not that of a running home folder.", show_default=False
    ),
]


def dsn_of(home: Path, given: str) -> str:
    """The database to look at. Raises CannotRun if none is given and nothing runs in the home folder."""
    return given or Installation.load(home).database_dsn


def keys_folder(home: Path) -> Path:
    """Where the installation keeps its keys."""
    return Path(os.environ.get("CAIRN_KEYS_DIR", home / "keys"))


def archive_folder(home: Path) -> Path:
    """Where the archived parts of the logs are."""
    return Path(os.environ.get("CAIRN_ARCHIVE_DIR", home / "archive"))


@asynccontextmanager
async def log_reader(dsn: str, log: str) -> AsyncIterator[LogReader | None]:
    """A reader of one log; None if its owner has never begun."""
    schema = LOGS[log][0]
    connection = await asyncpg.connect(dsn, timeout=TIMEOUT_S, command_timeout=120)
    try:
        begun = await connection.fetchval("SELECT to_regclass($1)", f"{schema}.chain")
        yield LogReader(connection, schema, archive_folder(home_folder())) if begun else None
    finally:
        await connection.close(timeout=TIMEOUT_S)
