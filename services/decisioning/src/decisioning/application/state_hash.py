"""One hash over all decisions, equal wherever the same inputs were decided under the same definitions."""

from collections.abc import AsyncIterator
from hashlib import sha256

from msgspec.structs import replace

from cairn_kernel.event import Event, to_canonical_json


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
    """A decision's canonical bytes without its trace and the ciphertext of the address.

    Both differ each time the same thing happens: the trace is random, and so is the nonce of every encryption.
    Which key and field the address was sealed under does count.
    """
    data = decision.data
    chosen = data.get("chosen")
    if chosen and chosen.get("contact"):
        contact = {key: value for key, value in chosen["contact"].items() if key != "sealed"}
        data = {**data, "chosen": {**chosen, "contact": contact}}
    return to_canonical_json(replace(decision, data=data, traceparent="", sealed={}))
