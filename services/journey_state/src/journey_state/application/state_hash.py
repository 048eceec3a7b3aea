"""One hash over all customers: equal wherever the same events were folded under the same definitions."""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256

from msgspec.structs import replace

from cairn_eventstore.sealing import NONCE_BYTES
from cairn_journey.engine.state import CustomerState, canonical_state
from cairn_kernel.event import Event
from journey_state.application.customers import Customers


async def state_hash(
    customers: Customers, tenant: str, streams: AsyncIterator[tuple[str, Sequence[Event]]]
) -> tuple[str, int]:
    """SHA-256 in hex over the states in the order given, and how many they were."""
    digest = sha256()
    count = 0
    async for profile_id, events in streams:
        digest.update(hashed_bytes(customers.fold(tenant, profile_id, events)))
        digest.update(b"\n")
        count += 1
    return digest.hexdigest(), count


def hashed_bytes(state: CustomerState) -> bytes:
    """A state's canonical bytes, each sealed trait represented by its nonce.

    Ciphertext differs with the subject's key; the nonce in front of it depends on the value alone.
    """
    sealed = {name: replace(trait, sealed=trait.sealed[:NONCE_BYTES]) for name, trait in state.sealed.items()}
    return canonical_state(replace(state, sealed=sealed))
