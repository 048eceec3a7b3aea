"""States of deliveries, loaded from the log as needed."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from activation.domain.delivery import Delivery, folded
from cairn_eventstore import EventStore

CACHED: Final = 20_000


class Deliveries:
    """A cache of committed states, and of those of the batch under way."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._states: OrderedDict[str, Delivery] = OrderedDict()

    def __getitem__(self, delivery_id: str) -> Delivery:
        return self._states[delivery_id]

    def get(self, delivery_id: str) -> Delivery | None:
        """A state that is at hand."""
        return self._states.get(delivery_id)

    def put(self, delivery: Delivery) -> None:
        """Remember a state."""
        self._states[delivery.id] = delivery
        self._states.move_to_end(delivery.id)

    async def recall(self, ids: Collection[str]) -> None:
        """Load those that are not at hand; unknown ones stay unknown."""
        missing = sorted({delivery_id for delivery_id in ids if delivery_id not in self._states})
        if missing:
            for stream in (await self._store.load(missing)).values():
                if (delivery := folded(stream)) is not None:
                    self._states[delivery.id] = delivery

    def forget_all(self) -> None:
        """What is cached may be wrong."""
        self._states.clear()

    def shrink(self) -> None:
        """Keep the youngest."""
        while len(self._states) > CACHED:
            self._states.popitem(last=False)
