"""PostgreSQL: a schema and a least-privileged role per service, migrated under a lock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from typing import Any, Final

import asyncpg

from cairn_kernel.errors import Refused

AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises while the server is away; the last comes from a connection that was cut in mid-operation."""

POOL_SIZE: Final = 8
MIGRATION_LOCK: Final = 0x0CA112


@asynccontextmanager
async def open_pool(dsn: str, service: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool that works in the service's schema under its runtime role. Migrates first.

    Raises Refused (SCHEMA_TOO_NEW) if the database was migrated by a newer version.
    """
    await migrate(dsn, service)

    async def become_runtime_role(connection: Any) -> None:
        await connection.execute(f"SET ROLE cairn_{service}")

    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=POOL_SIZE,
        command_timeout=60,
        init=become_runtime_role,
        reset=_leave_as_it_is,
        server_settings={
            "search_path": service,
            "application_name": f"cairn-{service}",
            "idle_in_transaction_session_timeout": "30s",
            "lock_timeout": "10s",
            "jit": "off",
        },
    )
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _leave_as_it_is(connection: Any) -> None:
    """Nothing of ours outlives a transaction, so a connection that comes back need not be asked to forget."""


async def migrate(dsn: str, service: str) -> None:
    """Bring the service's schema up to date: numbered files of the log, then of the service, each once."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {service}")
        await connection.execute(f"SET search_path = {service}")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_versions (component text, number int, PRIMARY KEY (component, number))"
        )
        for component in ("cairn_eventstore", service):
            await _migrate_component(connection, component)
        await _grant(connection, service)
    finally:
        await connection.close()


async def _migrate_component(connection: Any, component: str) -> None:
    done = {
        row["number"]
        for row in await connection.fetch("SELECT number FROM schema_versions WHERE component = $1", component)
    }
    scripts = {int(script.name[:4]): script for script in _scripts(component)}
    if done - scripts.keys():
        raise Refused(
            "the database was migrated by a newer version of Cairn; start that version",
            reason="SCHEMA_TOO_NEW",
            component=component,
        )
    for number in sorted(scripts.keys() - done):
        async with connection.transaction():
            await connection.execute(scripts[number].read_text())
            await connection.execute("INSERT INTO schema_versions VALUES ($1, $2)", component, number)


def _scripts(component: str) -> list[Traversable]:
    if find_spec(component) is None or not (folder := files(component) / "schema").is_dir():
        return []  # a processor without read models of its own
    return [script for script in folder.iterdir() if script.name.endswith(".sql")]


async def _grant(connection: Any, service: str) -> None:
    role = f"cairn_{service}"
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute(f"CREATE ROLE {role} NOLOGIN")
    await connection.execute(f"""
        GRANT USAGE ON SCHEMA {service} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {service} TO {role};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA {service} TO {role};
        REVOKE UPDATE, DELETE ON events, chain FROM {role};
        REVOKE INSERT, UPDATE, DELETE ON archives, archived_streams FROM {role};
    """)
