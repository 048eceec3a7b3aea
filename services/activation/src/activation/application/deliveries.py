"""States of deliveries, loaded from the log as needed."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from activation.domain.delivery import Delivery, folded
from activation.domain.stored import STORED
from cairn_eventstore import EventStore
from cairn_kernel.event import Event
from cairn_kernel.stored_types import NewerVersion

CACHED: Final = 20_000


class Unreadable(NamedTuple):
    """A delivery with a fact that only a newer version of this service can read."""

    planned: Event
    error: NewerVersion


class Deliveries:
    """A cache of committed states, and of those of the batch under way."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._states: OrderedDict[str, Delivery] = OrderedDict()
        self.unreadable: dict[str, Unreadable] = {}
        """Those that were met; nothing is done with them until the service is upgraded."""

    def __getitem__(self, delivery_id: str) -> Delivery:
        return self._states[delivery_id]

    def get(self, delivery_id: str) -> Delivery | None:
        """A state that is at hand."""
        return self._states.get(delivery_id)

    def __contains__(self, delivery_id: str) -> bool:
        return delivery_id in self._states or delivery_id in self.unreadable

    def put(self, delivery: Delivery) -> None:
        """Remember a state."""
        self._states[delivery.id] = delivery
        self._states.move_to_end(delivery.id)

    async def recall(self, ids: Collection[str]) -> None:
        """Load those that are not at hand; unknown ones stay unknown."""
        missing = sorted({delivery_id for delivery_id in ids if delivery_id not in self._states})
        if missing:
            for delivery_id, stream in (await self._store.load(missing)).items():
                self._take_in(delivery_id, stream)

    def _take_in(self, delivery_id: str, stream: Sequence[Event]) -> None:
        try:
            delivery = folded(STORED.all_newest(stream))
        except NewerVersion as error:
            self.unreadable[delivery_id] = Unreadable(stream[0], error)
        else:
            if delivery is not None:
                self._states[delivery_id] = delivery

    def forget_all(self) -> None:
        """What is cached may be wrong."""
        self._states.clear()
        self.unreadable.clear()

    def shrink(self) -> None:
        """Keep the youngest."""
        while len(self._states) > CACHED:
            self._states.popitem(last=False)
