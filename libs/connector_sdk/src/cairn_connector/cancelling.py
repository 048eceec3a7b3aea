"""A cancellation must not get lost, although Python 3.11's wait_for, which nats-py uses, can lose one."""

import asyncio


def heed_cancellation() -> None:
    """Call it in every round of an endless loop. Raises CancelledError if this task was cancelled before."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
