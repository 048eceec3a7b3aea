"""Decisions become deliveries; a decision that cannot be read steps aside alone."""

from collections.abc import Collection, Sequence
from typing import Final

import structlog

from activation.application.deliveries import Deliveries
from activation.application.programmes import Programmes
from activation.application.turn import Turn
from activation.domain.plan import plan
from cairn_kernel.event import Event
from cairn_messaging import Entry
from cairn_runtime.parking import Parking, Place

log: Final = structlog.get_logger()


class Planning:
    """Plans under the programme in force. What is parked is parked under the decision's own id."""

    def __init__(self, deliveries: Deliveries, programmes: Programmes, parking: Parking) -> None:
        self._deliveries = deliveries
        self._programmes = programmes
        self._parking = parking

    async def begin(self, partitions: Collection[int]) -> None:
        """Take partitions over."""
        await self._parking.load(partitions)

    def forget(self, partitions: set[int]) -> None:
        """These partitions are not ours."""
        self._parking.forget(partitions)

    async def plan(self, decisions: Sequence[tuple[Entry, Event]], turn: Turn) -> list[list[Event]]:
        """The first facts of each new delivery; one that is there already is not planned again."""
        planned: list[list[Event]] = []
        for entry, decision in decisions:
            try:
                planned.append(plan(decision, self._programmes.active(decision.tenant)))
            except Exception as error:
                self._park(decision, entry.partition, error, turn)
                self._parking.defer(decision.id, entry.partition, Place(entry.position), decision, turn.work)
        planned += await self._redriven(turn)
        new = {str(facts[0].data["delivery_id"]): facts for facts in planned if facts}
        await self._deliveries.recall(new.keys())
        return [facts for delivery_id, facts in new.items() if self._deliveries.get(delivery_id) is None]

    async def _redriven(self, turn: Turn) -> list[list[Event]]:
        planned: list[list[Event]] = []
        for decision_id, partition in list(self._parking.to_redrive.items()):
            for place, decision in await self._parking.deferred(decision_id):
                turn.touched.add(partition)
                try:
                    planned.append(plan(decision, self._programmes.active(decision.tenant)))
                except Exception as error:
                    self._park(decision, partition, error, turn)
                else:
                    self._parking.taken_up(decision_id, [place], all_of_it=True, work=turn.work)
        return planned

    def _park(self, decision: Event, partition: int, error: Exception, turn: Turn) -> None:
        log.error("decision.parked", event_id=decision.id, exc_info=error)
        self._parking.note_fault(decision.id, decision.id, type(error).__name__)
        self._parking.park(decision.id, partition, decision.tenant, turn.work)
