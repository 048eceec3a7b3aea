"""Who may send: a write key names a source of a tenant."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from cairn_kernel.errors import Invalid, Unavailable
from cairn_runtime.pausing import pause
from ingestion.domain.told import Source

log = structlog.get_logger()

REFRESH_S: Final = 10.0
"""A key that was withdrawn works this long at most."""
MISS_PAUSE_S: Final = 1.0
"""An unknown key makes us look again at most this often."""
MIN_KEY_CHARS: Final = 8
_NAME: Final = re.compile(r"[^\s.*>]+")
"""A name may be a token of a subject on the bus."""


class SourceTable(Protocol):
    """Sources by the keyed hash of their write key."""

    async def load(self) -> Mapping[str, Source]:
        """Raises Unavailable."""
        ...

    async def declare(self, sources: Mapping[str, Source]) -> None:
        """These are the ones the settings declare; those they declared before and not now are gone."""
        ...


class Sources:
    """The table in memory, looked at anew now and then."""

    def __init__(self, table: SourceTable, hashed: Callable[[str], str]) -> None:
        self._table = table
        self._hashed = hashed
        self._known: Mapping[str, Source] = {}
        self._looked = float("-inf")

    async def find(self, key: str) -> Source | None:
        """The source of a write key; None if nobody has it. Raises Unavailable rather than guess."""
        if not key:
            return None
        hashed = self._hashed(key)
        found = self._known.get(hashed)
        if found is None and time.monotonic() - self._looked > MISS_PAUSE_S:
            await self.refresh()
            found = self._known.get(hashed)
        return found

    async def refresh(self) -> None:
        self._known = await self._table.load()
        self._looked = time.monotonic()

    async def keep_fresh(self) -> None:
        """Look again for ever."""
        while True:
            await pause(REFRESH_S)
            try:
                await self.refresh()
            except Unavailable:
                log.warning("sources.unavailable")


def declared(text: str, hashed: Callable[[str], str]) -> dict[str, Source]:
    """Sources as settings write them: `tenant/source:KEY` or `tenant/source@device:KEY`, parted by commas or lines.

    Raises Invalid (WRITE_KEYS).
    """
    found: dict[str, Source] = {}
    for entry in text.replace("\n", ",").split(","):
        entry = entry.strip()
        if not entry or entry.startswith("#"):
            continue
        who, _, key = entry.partition(":")
        tenant, _, name = who.partition("/")
        name, _, clock = name.partition("@")
        named = _NAME.fullmatch(tenant) and _NAME.fullmatch(name)
        if not named or len(key) < MIN_KEY_CHARS or clock not in ("", "device", "server"):
            raise Invalid(
                "CAIRN_WRITE_KEYS must look like tenant/source:KEY, with keys of at least 8 characters and names "
                "without spaces, dots, * and >",
                reason="WRITE_KEYS",
            )
        found[hashed(key)] = Source(tenant, name, "device" if clock == "device" else "server")
    return found
