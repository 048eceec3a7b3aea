"""Which partition of a log a key lives in."""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

PARTITIONS: Final = 32
"""Partitions of every log; fixed when Cairn is installed."""


@lru_cache(maxsize=100_000)
def partition_of(tenant: str, key: str) -> int:
    """The partition (0 to PARTITIONS - 1) of a key: 8 bytes of BLAKE2b over tenant and key."""
    digest = blake2b(f"{tenant}\x1f{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PARTITIONS
