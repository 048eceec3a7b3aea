"""One hash over all decisions, equal wherever the same inputs were decided under the same definitions."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from cairn_eventstore.sealing import NONCE_BYTES
from cairn_kernel.event import Event, to_canonical_json

NONCE_TEXT: Final = NONCE_BYTES * 4 // 3
"""Characters of base64 that hold the nonce."""


async def state_hash(decisions: AsyncIterator[Event]) -> tuple[str, int]:
    """SHA-256 in hex over the decisions in the order given, and how many they were."""
    digest = sha256()
    count = 0
    async for decision in decisions:
        digest.update(hashed_bytes(decision))
        digest.update(b"\n")
        count += 1
    return digest.hexdigest(), count


def hashed_bytes(decision: Event) -> bytes:
    """A decision's canonical bytes without its trace, the sealed address represented by its nonce.

    The trace is random. Ciphertext differs with the key; the nonce in front of it depends on the address alone.
    """
    data = decision.data
    chosen = data.get("chosen")
    if chosen and chosen.get("contact"):
        contact = {**chosen["contact"], "sealed": chosen["contact"]["sealed"][:NONCE_TEXT]}
        data = {**data, "chosen": {**chosen, "contact": contact}}
    return to_canonical_json(replace(decision, data=data, traceparent="", sealed={}))
