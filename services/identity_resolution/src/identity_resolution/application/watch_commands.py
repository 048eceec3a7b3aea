"""Wakes the owner of the graph when a command waits, whichever replica took it in."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from cairn_runtime.database import AWAY
from identity_resolution.application.ports import IdentityStore
from identity_resolution.application.processor import ResolveProcessor

log = structlog.get_logger()

EVERY_S: Final = 0.1


class CommandWatch:
    """Looks into the table of commands while this replica is the owner."""

    def __init__(self, store: IdentityStore, processor: ResolveProcessor, wake: Callable[[], None]) -> None:
        self._store = store
        self._processor = processor
        self._wake = wake

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._processor.owns:
                continue
            try:
                waiting = await self._store.commands_wait()
            except AWAY as error:
                log.warning("database.unavailable", error=type(error).__name__)
                continue
            if waiting:
                self._processor.commands_wait = True
                self._wake()
