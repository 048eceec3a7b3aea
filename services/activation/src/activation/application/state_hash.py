"""One hash over all deliveries: the same wherever the same things were decided and became the same."""

from collections.abc import AsyncIterator
from hashlib import sha256

from msgspec.structs import replace

from cairn_kernel.event import Event, canonical


async def state_hash(deliveries: AsyncIterator[tuple[Event, str, str]]) -> tuple[str, int]:
    """SHA-256 in hex over first fact, status and reason of each delivery, in the order given, and their number."""
    digest = sha256()
    count = 0
    async for planned, status, reason in deliveries:
        digest.update(canonical([without_chance(planned), status, reason]))
        digest.update(b"\n")
        count += 1
    return digest.hexdigest(), count


def without_chance(planned: Event) -> Event:
    """The fact without what differs each time the same thing happens: the random trace, and the address' ciphertext.

    Attempts and wall-clock times are not in it: they tell of crashes and machines, not of customers.
    """
    contact = {name: value for name, value in planned.data["contact"].items() if name != "sealed"}
    return replace(planned, data={**planned.data, "contact": contact}, traceparent="")
