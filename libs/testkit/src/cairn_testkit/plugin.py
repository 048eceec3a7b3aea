"""The pytest plugin: server fixtures, markers that follow from them, and no network beyond this machine."""

import asyncio
import itertools
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import hypothesis
import pytest

_T = TypeVar("_T")
_MARKER_OF_FIXTURE = {"postgres_dsn": "needs_postgres", "nats_url": "needs_nats"}
_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104 - compared with, never listened on
_numbers = itertools.count(1)
_hermetic = False

hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)  # a busy machine is no fault
hypothesis.settings.register_profile(
    "cairn", hypothesis.settings.get_profile("explore"), derandomize=True, database=None
)
hypothesis.settings.load_profile("cairn")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers its fixtures need, so that nobody can forget it."""
    for item in items:
        for fixture, marker in _MARKER_OF_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let a test without a marker connect to nothing beyond this machine."""
    global _hermetic
    _hermetic = not any(item.get_closest_marker(name) for name in ("needs_postgres", "needs_nats", "slow"))
    try:
        return (yield)
    finally:
        _hermetic = False


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _hermetic:
        address = arguments[1]
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOCAL):
            raise AssertionError(f"a hermetic test connects to {address[0]}")


sys.addaudithook(_refuse_network)


@pytest.fixture(scope="session")
def postgres_server_dsn() -> Iterator[str]:
    """Return the DSN of the test run's PostgreSQL server; tests use `postgres_dsn`."""
    from cairn_testkit.servers import postgres_server

    with postgres_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def nats_server_url() -> Iterator[str]:
    """Return the URL of the test run's nats-server; tests use `nats_url`."""
    from cairn_testkit.servers import nats_server

    with nats_server() as url:
        yield url


@pytest.fixture
def postgres_dsn(postgres_server_dsn: str) -> Iterator[str]:
    """Return the DSN of an empty database of this test's own."""
    import asyncpg

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(postgres_server_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    database = f"test_{os.getpid()}_{next(_numbers)}"
    _wait_for(lambda: run(f"CREATE DATABASE {database} TEMPLATE template0"))
    yield f"{postgres_server_dsn.rpartition('/')[0]}/{database}"
    _wait_for(lambda: run(f"DROP DATABASE {database} WITH (FORCE)"))


@pytest.fixture
def nats_url(nats_server_url: str) -> str:
    """Return the URL of a nats-server that holds no stream when the test begins."""
    import nats

    async def wipe() -> None:
        connection = await nats.connect(nats_server_url)
        try:
            jetstream = connection.jetstream()
            for stream in await jetstream.streams_info():
                if stream.config.name:
                    await jetstream.delete_stream(stream.config.name)
        finally:
            await connection.close()

    _wait_for(wipe)
    return nats_server_url


def _wait_for(make: Callable[[], Awaitable[_T]]) -> _T:
    """Run something asynchronous from a plain fixture, without touching the test's own event loop."""
    loop = asyncio.new_event_loop()
    try:

        async def run() -> _T:
            return await make()

        return loop.run_until_complete(asyncio.wait_for(run(), timeout=60.0))
    finally:
        loop.close()
