"""A connection that stands in for a pool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class HeldConnection:
    """One connection in the place of a pool; a transaction is open on it."""

    def __init__(self, connection: Any) -> None:
        self.fetch = connection.fetch
        self.fetchrow = connection.fetchrow
        self.fetchval = connection.fetchval
        self.execute = connection.execute

    @asynccontextmanager
    async def acquire(self, *, timeout: float) -> AsyncIterator["HeldConnection"]:
        yield self

    @asynccontextmanager
    async def transaction(self, **how: object) -> AsyncIterator[None]:
        yield
