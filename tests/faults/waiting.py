"""Waiting for processes."""

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], timeout_s: float = 90.0) -> None:
    """Ask every 50 ms. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come true in time")
        time.sleep(0.05)
