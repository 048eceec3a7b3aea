"""What is told in the own log, in its partitions and at its time, and what is counted and logged of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from msgspec.structs import replace

from cairn_eventstore import NewEvent, UnitOfWork
from cairn_kernel.event import RELATION_CHANGED, Event
from cairn_kernel.partitions import PARTITIONS, partition_of
from identity_resolution.application import metrics
from identity_resolution.application.graphs import Graphs
from identity_resolution.domain.elements import Refusal
from identity_resolution.domain.moves import Split
from identity_resolution.domain.outputs import rules_event, stated_event, told
from identity_resolution.domain.resolution import Resolution

log = structlog.get_logger()

NO_TIME: Final = 0
SHOWN: Final = 5
"""Most ids in one log line."""


class Telling:
    """Appends to the own log."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self._as_of = [NO_TIME] * PARTITIONS
        self._told_subjects: Counter[tuple[str, str]] = Counter()
        """Counts to be, once committed."""

    @property
    def now(self) -> int:
        """The latest instant (µs) in the own log."""
        return max(self._as_of)

    def forget(self, as_of: Mapping[int, int]) -> None:
        """Begin anew; `as_of` is the greatest instant in each partition of the own log."""
        self._told_subjects.clear()
        self._as_of = [as_of.get(partition, NO_TIME) for partition in range(PARTITIONS)]

    def committed(self) -> None:
        """What was told has happened."""
        for labels, count in self._told_subjects.items():
            metrics.TOLD_SUBJECTS.labels(*labels).inc(count)
        self._told_subjects.clear()

    def append(self, output: Event, work: UnitOfWork, partition: int | None = None) -> None:
        """Tell one thing, no earlier than what was told in its partition before."""
        if partition is None:
            partition = partition_of(output.tenant, output.profile_id)
        floor = self._as_of[partition]
        if output.as_of < floor:  # the partitions of `events` are not read in step with each other
            output = replace(output, as_of=floor)
        else:
            self._as_of[partition] = output.as_of
        work.appends.append(NewEvent(partition, output.id, 1, output))

    def everywhere(self, tenant: str, ordinal: int, version: str, before: str, work: UnitOfWork) -> None:
        """Tell each partition that other rules hold."""
        for partition in range(PARTITIONS):
            event = rules_event(tenant, ordinal, version, str(partition), self._as_of[partition])
            event = replace(event, data={"version": version, "before": before})
            work.appends.append(NewEvent(partition, event.id, 1, event))

    def blocks(self, tenant: str, resolution: Resolution, work: UnitOfWork) -> None:
        """What the service blocks depends on what it had seen by then, so the log has to say it."""
        for made in resolution.blocked:
            self.append(stated_event(tenant, made, "stated", made.at, Resolution("")), work)

    def moves(self, cause: Event, resolution: Resolution, work: UnitOfWork, *after: Event) -> None:
        """Tell what something other than an event made of profiles, then `after`, then the subjects concerned."""
        self.blocks(cause.tenant, resolution, work)
        for output in (*told(cause, resolution.moves), *after):
            self.append(output, work)
        relations = self._graphs.relations.get(cause.tenant)
        if resolution.moves and relations is not None:
            self.subjects(relations.retell(self._graphs.of(cause.tenant), cause, resolution.moves), work)

    def subjects(self, outputs: Iterable[Event], work: UnitOfWork) -> None:
        """What accounts and households are told of those who belong to them."""
        for output in outputs:
            what = "relation" if output.type == RELATION_CHANGED else "event" if output.member_id else "traits"
            self._told_subjects[output.subject, what] += 1
            self.append(output, work)


def report(event: Event, resolution: Resolution) -> None:
    """Count and log what came of an event."""
    splits = [move for move in resolution.moves if isinstance(move, Split)]
    metrics.MERGES.inc(len(resolution.moves) - len(splits))
    if splits:
        metrics.SPLITS.inc(len(splits))
        log.warning(
            "profile.split",
            event_id=event.id,
            tenant=event.tenant,
            profile_ids=sorted({move.source for move in splits})[:SHOWN],
        )
    barred = [(bar.identifier, bar.why) for bar in resolution.barred if bar.why == Refusal.GENERIC]
    crowded = [(statement.left[0], statement.reason) for statement in resolution.blocked]
    for identifier, reason in [*barred, *crowded]:
        metrics.BLOCKED.inc()
        log.warning(
            "identifier.blocked",
            event_id=event.id,
            tenant=event.tenant,
            namespace=identifier.namespace,
            token=identifier.token,
            reason=reason,
        )
