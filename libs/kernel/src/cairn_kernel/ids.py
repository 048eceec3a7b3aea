"""Identifiers are derived from their cause, so that a retry gives the same one."""

from collections.abc import Callable
from functools import partial
from hashlib import sha1
from typing import Any, Final
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
    return _id(_BEGUN, "\x1f".join(map(str, cause)))


def stable_ids(*cause: str | int) -> Callable[[str], str]:
    """What `stable_id` gives for causes that differ in their last part only, with less work for each."""
    begun = _BEGUN.copy()
    begun.update("".join(f"{part}\x1f" for part in cause).encode())
    return partial(_id, begun)


def _id(begun: Any, rest: str) -> str:
    digest = begun.copy()
    digest.update(rest.encode())
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"
