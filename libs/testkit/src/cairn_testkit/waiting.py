"""Waiting for what a running service will have done shortly."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    probe: Callable[[], Awaitable[T]], holds: Callable[[T], bool] = bool, *, timeout_s: float = 60.0
) -> T:
    """Probe every 20 ms until the answer holds, and return it. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        answer = await probe()
        while not holds(answer):
            await asyncio.sleep(0.02)
            answer = await probe()
    return answer
