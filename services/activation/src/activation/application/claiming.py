"""Choosing what to claim next."""

from collections.abc import Callable, Sequence
from typing import Final

from activation.application.addresses import Addresses
from activation.application.claims import Candidate, Claims, order_of
from activation.application.clocks import Clocks
from activation.application.deliveries import Deliveries
from activation.application.desk import Desk, Item, by_due
from activation.application.ports import Tables
from activation.application.programmes import Programmes
from activation.application.turn import Turn
from cairn_kernel.time import SECOND

MAX_CLAIMS: Final = 1_000
"""Claims of one transaction, per connector."""


class Claiming:
    """Takes from the desk as much as there is credit for, and what must be looked at anyway."""

    def __init__(
        self,
        desk: Desk,
        deliveries: Deliveries,
        clocks: Clocks,
        programmes: Programmes,
        addresses: Addresses,
        tables: Tables,
        now_us: Callable[[], int],
        *,
        lifetime_s: float,
        grace_s: float,
    ) -> None:
        self._desk = desk
        self._deliveries = deliveries
        self._clocks = clocks
        self._programmes = programmes
        self._addresses = addresses
        self._tables = tables
        self._now_us = now_us
        self._lifetime_us = int(lifetime_s * SECOND)
        self._grace_us = int(grace_s * SECOND)
        self.lapsed: set[str] = set()
        """Deliveries whose time is over, whether there is credit or not."""

    async def next(self, turn: Turn, timed: set[str]) -> Claims | None:
        """The claims of this turn, if there is anything to claim."""
        items = self._choose()
        if not items:
            return None
        await self._deliveries.recall([item.id for item in items])
        candidates = [candidate for item in items if (candidate := self._candidate(item)) is not None]
        if not candidates:
            return None
        return Claims(turn, candidates, self._tables, self._programmes, self._now_us, self._lifetime_us, timed)

    def _choose(self) -> Sequence[Item]:
        chosen: dict[str, Item] = {}
        for connector in self._desk.connectors():
            credit = self._programmes.credit(connector) - self._desk.flying(connector)
            if credit > 0:
                chosen |= {item.id: item for item in self._desk.take(connector, min(credit, MAX_CLAIMS))}
        for item in self._desk.overdue(self._now_us() - self._grace_us)[:MAX_CLAIMS]:
            chosen[item.id] = item
        for delivery_id in sorted(self.lapsed)[:MAX_CLAIMS]:
            self.lapsed.discard(delivery_id)
            lapsed = self._desk.get(delivery_id)
            if lapsed is not None and not lapsed.flying:
                chosen[delivery_id] = lapsed
        return by_due(chosen.values())

    def _candidate(self, item: Item) -> Candidate | None:
        delivery = self._deliveries.get(item.id)
        if delivery is None:
            self._desk.close(item.id)
            return None
        contact = delivery.planned.data["contact"]
        if contact and not self._addresses.at_hand(contact):
            self._desk.put(item)  # it comes again when the key is here
            return None
        if self._clocks.live(item.partition):
            now, upto = max(item.due, self._clocks.now(item.partition)), None
        else:
            now = upto = item.due
        dispatch, fault = order_of(delivery, self._programmes, self._addresses)
        return Candidate(item, delivery, now, upto, dispatch, fault)
