"""Opens customers' addresses, at the last moment and in memory only."""

import asyncio
import json
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from activation.application.ports import Keys
from cairn_eventstore import open_field
from cairn_kernel.errors import CairnError, Invalid

log: Final = structlog.get_logger()

CACHED: Final = 50_000
FORGET_AFTER_S: Final = 300.0
"""A key that was erased is used no longer than this."""
BATCH: Final = 1_000
RETRY_S: Final = 0.5


class Addresses:
    """Keys by id, asked for in batches by `run`, kept for a few minutes."""

    def __init__(self, keys: Keys, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock_s = clock_s
        self._known: OrderedDict[str, tuple[bytes | None, float]] = OrderedDict()
        self._wanted: dict[str, None] = {}
        self._asked = asyncio.Event()
        self.on_found: Callable[[], None] = lambda: None
        """Called when keys have come."""

    def at_hand(self, contact: Mapping[str, Any]) -> bool:
        """Whether `open` can answer now; if not, the key is asked for."""
        key_id = str(contact.get("key_id", ""))
        known = self._known.get(key_id)
        if not key_id or (known is not None and known[1] > self._clock_s()):
            return True
        self._wanted[key_id] = None
        self._asked.set()
        return False

    def open(self, tenant: str, contact: Mapping[str, Any]) -> str:
        """The address. Raises Invalid: ADDRESS_ERASED if the customer was forgotten, ADDRESS_UNREADABLE."""
        key_id, field = str(contact["key_id"]), str(contact["field"])
        key = self._known[key_id][0]
        if key is None:
            raise Invalid("the address was erased", reason="ADDRESS_ERASED")
        try:
            opened = open_field(
                key, tenant=tenant, key_id=key_id, field=field, sealed=b64decode(contact["sealed"], validate=True)
            )
            address = json.loads(opened)
        except (ValueError, CairnError) as error:
            raise Invalid("the address cannot be opened", reason="ADDRESS_UNREADABLE") from error
        if not isinstance(address, str) or not address:
            raise Invalid("the address is no text", reason="ADDRESS_UNREADABLE")
        return address

    async def run(self) -> None:
        """Fetch what is wanted, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._wanted:
                await self._fetch(list(self._wanted)[:BATCH])

    async def _fetch(self, wanted: list[str]) -> None:
        try:
            found = await self._keys.unwrap(wanted)
        except CairnError as error:
            log.warning("keys.unavailable", reason=error.reason, wanted=len(wanted))
            await asyncio.sleep(RETRY_S)
            return
        until = self._clock_s() + FORGET_AFTER_S
        for key_id in wanted:
            self._known[key_id] = (found.get(key_id), until)
            self._known.move_to_end(key_id)
            self._wanted.pop(key_id, None)
        while len(self._known) > CACHED:
            self._known.popitem(last=False)
        self.on_found()
