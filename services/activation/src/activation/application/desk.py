"""What is open, in memory: what may be claimed now, what waits for its hour, what a connector has."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Item:
    """One open delivery."""

    id: str
    partition: int
    connector: str
    due: int
    expires_at: int
    deferred: bool = False
    """It waits for `due`."""
    flying: bool = False
    """A connector has it."""
    attempt: int = 0
    not_after: int = 0
    """Wall clock (µs): until when the connector may begin it, or answer if it is only asked."""


class Desk:
    """All open deliveries of the partitions that are ours."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._of_partition: dict[int, dict[str, Item]] = {}
        self._ready: dict[str, list[tuple[int, str]]] = {}
        self._later: dict[str, Item] = {}
        self._flying: dict[str, dict[str, Item]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def get(self, delivery_id: str) -> Item | None:
        """An open delivery."""
        return self._items.get(delivery_id)

    def put(self, item: Item) -> None:
        """Take in an open delivery, or what has become of it."""
        self.close(item.id)
        self._items[item.id] = item
        self._of_partition.setdefault(item.partition, {})[item.id] = item
        if item.flying:
            self._flying.setdefault(item.connector, {})[item.id] = item
        elif item.deferred:
            self._later[item.id] = item
        else:
            heapq.heappush(self._ready.setdefault(item.connector, []), (item.due, item.id))

    def close(self, delivery_id: str) -> None:
        """It is open no more."""
        item = self._items.pop(delivery_id, None)
        if item is None:
            return
        del self._of_partition[item.partition][delivery_id]
        self._later.pop(delivery_id, None)
        self._flying.get(item.connector, {}).pop(delivery_id, None)

    def drop(self, partitions: Collection[int]) -> None:
        """Forget partitions."""
        for partition in partitions:
            for delivery_id in list(self._of_partition.get(partition, ())):
                self.close(delivery_id)

    def release(self, partitions: Collection[int], upto: int) -> None:
        """The hour of what is due at or before an instant has come in these partitions."""
        due = [item for item in self._later.values() if item.due <= upto and item.partition in partitions]
        for item in due:
            item.deferred = False
            self.put(item)

    def connectors(self) -> Collection[str]:
        """Connectors for which something is ready."""
        return [connector for connector, ready in self._ready.items() if ready]

    def flying(self, connector: str) -> int:
        """How many deliveries a connector has."""
        return len(self._flying.get(connector, ()))

    def take(self, connector: str, limit: int) -> list[Item]:
        """The first that are ready, in order of (due, id); each must be put again, or closed."""
        ready = self._ready.get(connector, [])
        taken: list[Item] = []
        seen: set[str] = set()
        while ready and len(taken) < limit:
            due, delivery_id = heapq.heappop(ready)
            item = self._items.get(delivery_id)
            if item is None or item.flying or item.deferred or item.due != due or delivery_id in seen:
                continue  # what it was when it was put here is no more
            seen.add(delivery_id)
            taken.append(item)
        return taken

    def overdue(self, before: int) -> list[Item]:
        """What a connector has had for too long: `not_after` (wall clock) lies before an instant."""
        return [item for flying in self._flying.values() for item in flying.values() if item.not_after < before]

    def all_flying(self) -> list[Item]:
        """Everything that connectors have."""
        return [item for flying in self._flying.values() for item in flying.values()]

    def in_flight(self) -> dict[str, int]:
        """How much each connector has."""
        return {connector: len(flying) for connector, flying in self._flying.items()}

    def waiting(self, partitions: Collection[int]) -> Iterator[Item]:
        """Everything that no connector has, of these partitions."""
        for partition in partitions:
            yield from (item for item in self._of_partition.get(partition, {}).values() if not item.flying)

    def unsettled(self, partition: int, upto: int) -> int:
        """How many deliveries due at or before an instant nobody knows the fate of."""
        return sum(1 for item in self._of_partition.get(partition, {}).values() if item.due <= upto)


def by_due(items: Iterable[Item]) -> list[Item]:
    """In the order in which they are claimed."""
    return sorted(items, key=lambda item: (item.due, item.id))
