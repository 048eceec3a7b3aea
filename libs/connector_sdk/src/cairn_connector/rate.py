"""No faster than the channel allows."""

import asyncio
from collections import deque

from cairn_connector.manifest import Rate


class RateLimit:
    """At most `rate.max_count` passes in any `rate.per_s` seconds; no limit if there is no rate."""

    def __init__(self, rate: Rate | None) -> None:
        self._rate = rate
        self._passed: deque[float] = deque()
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when it is one's turn, in order of asking."""
        if self._rate is None:
            return
        async with self._turn:
            loop = asyncio.get_running_loop()
            if len(self._passed) == self._rate.max_count:
                await asyncio.sleep(max(0.0, self._passed.popleft() + self._rate.per_s - loop.time()))
            self._passed.append(loop.time())
