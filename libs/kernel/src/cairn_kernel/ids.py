"""Identifiers are derived from their cause, so that a retry gives the same one."""

from hashlib import sha1
from typing import Final
from uuid import UUID

CAIRN_NAMESPACE: Final = UUID("6f1d9f0e-5d5b-5a43-9a3e-0c4f7b0c9a11")

_BEGUN: Final = sha1(CAIRN_NAMESPACE.bytes, usedforsecurity=False)
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The first digit of an id's fourth part, by what the digest has there."""


def stable_id(*cause: str | int) -> str:
    """The UUIDv5 (RFC 9562, lower case, with dashes) of a cause, told part by part.

    The parts are joined by the unit separator, so ("a", "bc") and ("ab", "c") differ.
    Name what made the thing exist (tenant, instance, step, occurrence), never where or when
    it was processed (position, partition, arrival).
    """
    digest = _BEGUN.copy()
    digest.update("\x1f".join(map(str, cause)).encode())
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"
