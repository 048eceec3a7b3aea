"""The only place where Cairn looks at a clock."""

import time


def now_us() -> int:
    """Microseconds since 1970 UTC by this machine's clock."""
    return time.time_ns() // 1_000
