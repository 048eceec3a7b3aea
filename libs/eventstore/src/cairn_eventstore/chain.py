"""The hash chain over each partition: what is written at every commit, and how it is computed again.

One link covers what one commit appended to one partition, so that a commit pays for one hash per partition.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import pack
from typing import Any, Final, NamedTuple
from zlib import crc32

GENESIS: Final = bytes(32)
"""The link before the first."""
SUM_BYTES: Final = 4


class Link(NamedTuple):
    """One link as stored: what one commit appended to a partition."""

    first: int
    last: int
    link: bytes
    sums: bytes
    """Four bytes per event, by which the one that changed is named; the proof does not rest on them. Empty for
    events that were stored before there was a chain."""


Row = tuple[Any, int, str, bytes]
"""An event as stored: stream (UUID or text), version, topic, state."""


def content(rows: Sequence[Row]) -> bytes:
    """The hash over all that is stored of the events of a link, in order of position."""
    frames = "".join(
        [f"{stream} {version} {len(topic)} {topic} {len(state)}\n" for stream, version, topic, state in rows]
    )
    return sha256(frames.encode() + b"".join([row[3] for row in rows])).digest()


def sums(rows: Iterable[Row]) -> bytes:
    """The check sums of events: over the state, beginning from stream and version."""
    made = [crc32(state, int(str(stream)[:8], 16) ^ version & 0xFFFFFFFF) for stream, version, _, state in rows]
    return pack(f">{len(made)}I", *made)


def link(before: bytes, partition: int, first: int, last: int, content: bytes) -> bytes:
    """The link that follows `before`. The APPEND statement computes the same."""
    place = partition.to_bytes(2, "big") + first.to_bytes(8, "big") + last.to_bytes(8, "big")
    return sha256(before + place + content).digest()
