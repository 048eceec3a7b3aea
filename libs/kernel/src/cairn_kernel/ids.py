"""Identifiers are derived from their cause, so that a retry gives the same one."""

from hashlib import sha1
from typing import Final
from uuid import UUID

CAIRN_NAMESPACE: Final = UUID("6f1d9f0e-5d5b-5a43-9a3e-0c4f7b0c9a11")

_NAMESPACE_BYTES: Final = CAIRN_NAMESPACE.bytes


def stable_id(*cause: str | int) -> str:
    """The UUIDv5 (RFC 9562, lower case, with dashes) of a cause, told part by part.

    The parts are joined by the unit separator, so ("a", "bc") and ("ab", "c") differ.
    Name what made the thing exist (tenant, instance, step, occurrence), never where or when
    it was processed (position, partition, arrival).
    """
    name = "\x1f".join(map(str, cause)).encode()
    digest = bytearray(sha1(_NAMESPACE_BYTES + name, usedforsecurity=False).digest()[:16])
    digest[6] = (digest[6] & 0x0F) | 0x50
    digest[8] = (digest[8] & 0x3F) | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
