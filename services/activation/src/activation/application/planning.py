"""Decisions become deliveries; a decision that cannot be read steps aside alone."""

from collections.abc import Collection, Sequence
from typing import Final

import structlog

from activation.application.deliveries import Deliveries
from activation.application.programmes import Programmes
from activation.application.turn import Turn
from activation.domain.plan import plan
from cairn_decisions.stored import STORED as READABLE
from cairn_kernel.event import Event
from cairn_kernel.partitions import partition_of
from cairn_kernel.stored_types import NewerVersion
from cairn_messaging import Entry
from cairn_runtime.metrics import UNKNOWN_VERSIONS
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
                planned.append(self._plan(decision))
            except Exception as error:
                self._park(decision, entry.partition, error, turn)
                self._parking.defer(decision.id, entry.partition, Place(entry.position), decision, turn.work)
        planned += await self._redriven(turn)
        new = {str(facts[0].data["delivery_id"]): facts for facts in planned if facts}
        await self._deliveries.recall(new.keys())
        return [facts for delivery_id, facts in new.items() if delivery_id not in self._deliveries]

    def park_unreadable(self, turn: Turn) -> None:
        """Park the deliveries that were met and cannot be read, each once, with an alarm; they wait for an upgrade."""
        for delivery_id, (planned, error) in self._deliveries.unreadable.items():
            if delivery_id not in self._parking:
                self._alarm(delivery_id, error)
                self._parking.note_fault(delivery_id, delivery_id, error.reason)
                where = partition_of(planned.tenant, planned.profile_id)
                self._parking.park(delivery_id, where, planned.tenant, turn.work)
                turn.touched.add(where)

    def _plan(self, decision: Event) -> list[Event]:
        return plan(READABLE.newest(decision), self._programmes.active(decision.tenant))

    async def _redriven(self, turn: Turn) -> list[list[Event]]:
        planned: list[list[Event]] = []
        for parked_id, partition in list(self._parking.to_redrive.items()):
            turn.touched.add(partition)
            waiting = await self._parking.deferred(parked_id)
            if not waiting:  # a delivery: it was taken up again when the upgraded service started
                self._parking.taken_up(parked_id, [], all_of_it=True, work=turn.work)
            for place, decision in waiting:
                try:
                    planned.append(self._plan(decision))
                except Exception as error:
                    self._park(decision, partition, error, turn)
                else:
                    self._parking.taken_up(parked_id, [place], all_of_it=True, work=turn.work)
        return planned

    def _park(self, decision: Event, partition: int, error: Exception, turn: Turn) -> None:
        reason = type(error).__name__
        if isinstance(error, NewerVersion):
            reason = error.reason
            self._alarm(decision.id, error)
        else:
            log.error("decision.parked", event_id=decision.id, exc_info=error)
        self._parking.note_fault(decision.id, decision.id, reason)
        self._parking.park(decision.id, partition, decision.tenant, turn.work)

    @staticmethod
    def _alarm(event_id: str, error: NewerVersion) -> None:
        UNKNOWN_VERSIONS.labels(error.facts["type"]).inc()
        log.error("event.version_unknown", event_id=event_id, **error.facts)
