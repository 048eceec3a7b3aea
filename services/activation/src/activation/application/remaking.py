"""Makes a dispatch again that was made before: the same attempt, with the same words."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from activation.application.addresses import Addresses
from activation.application.claims import order_of, question
from activation.application.deliveries import Deliveries
from activation.application.desk import Item
from activation.application.dispatcher import Outgoing
from activation.application.programmes import Programmes
from activation.domain.delivery import Delivery, folded
from activation.domain.stored import STORED
from cairn_eventstore import EventStore
from cairn_kernel.event import Event
from cairn_kernel.stored_types import NewerVersion
from cairn_kernel.time import SECOND


class Remaking:
    """Reads the log where the processor's cache has no state; it never writes to that cache."""

    def __init__(
        self,
        store: EventStore,
        deliveries: Deliveries,
        programmes: Programmes,
        addresses: Addresses,
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._programmes = programmes
        self._addresses = addresses
        self._now_us = now_us

    async def __call__(self, items: Sequence[Item]) -> Sequence[Outgoing]:
        """The dispatches of these attempts; those are left out whose time is over or whose address is not at hand."""
        now = self._now_us()
        wanted = [item for item in items if item.not_after > now]
        states = {item.id: self._deliveries.get(item.id) for item in wanted}
        missing = sorted(id for id, state in states.items() if state is None and id not in self._deliveries)
        if missing:
            streams = await self._store.load(missing)
            states |= {delivery_id: folded(stream) for delivery_id, stream in streams.items() if _readable(stream)}
        made = ((item, self._make(item, states[item.id])) for item in wanted)
        return [outgoing for _, outgoing in made if outgoing is not None]

    def _make(self, item: Item, delivery: Delivery | None) -> Outgoing | None:
        if delivery is None or delivery.attempt != item.attempt:
            return None
        if delivery.asked_only:
            return Outgoing(item.connector, replace(question(delivery), attempt=item.attempt))
        contact = delivery.planned.data["contact"]
        if contact and not self._addresses.at_hand(contact):
            return None
        dispatch, _ = order_of(delivery, self._programmes, self._addresses)
        if dispatch is None:
            return None
        return Outgoing(item.connector, replace(dispatch, attempt=item.attempt, not_after=item.not_after / SECOND))


def _readable(stream: Sequence[Event]) -> bool:
    with suppress(NewerVersion):
        return bool(STORED.all_newest(stream))
    return False
