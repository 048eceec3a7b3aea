"""Pauses of tasks that go on for ever."""

import asyncio


async def pause(seconds: float) -> None:
    """Sleep; or end at once if the task was cancelled and a library swallowed that, as some do over a timeout."""
    own = asyncio.current_task()
    if own is not None and own.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)
