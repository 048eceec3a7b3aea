"""Gives each event of a batch its profile. The graphs of all tenants are kept here, as far as memory allows."""

from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from cairn_eventstore import NewEvent, UnitOfWork
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from identity_resolution.application import metrics
from identity_resolution.application.ports import IdentityStore
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.outputs import outputs
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.rules import Rules

log = structlog.get_logger()

NO_TIME: Final = 0
SHOWN: Final = 5
"""Most ids in one log line."""


class EventResolver:
    """Resolves batches into units of work. After any failure, `forget` and begin again with the same events."""

    def __init__(self, store: IdentityStore, rules: Rules, cache_identifiers: int) -> None:
        self._store = store
        self._rules = rules
        self._cache_identifiers = cache_identifiers
        self._graphs: dict[str, IdentityGraph] = {}
        self._blocked: dict[str, set[Identifier]] = {}
        self._as_of = [NO_TIME] * PARTITIONS
        self._faulty: set[str] = set()
        self._batch = 0

    async def forget(self, as_of: dict[int, int]) -> None:
        """Drop all memory; `as_of` is the greatest instant in each partition of the own log."""
        self._graphs.clear()
        self._blocked = await self._store.blocked()
        self._as_of = [as_of.get(partition, NO_TIME) for partition in range(PARTITIONS)]

    async def resolve(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Put into `work` what the events become, in their order, and what they teach."""
        self._batch += 1
        await self._admit(events)
        for event in events:
            for output in outputs(event, self._resolve_one(event)):
                self._append(output, work)
        for tenant, graph in self._graphs.items():
            self._store.write(work, tenant, graph.take_changes())

    def committed(self) -> None:
        """The last unit of work has happened."""
        share = self._cache_identifiers // max(1, len(self._graphs))
        for graph in self._graphs.values():
            graph.evict(share)
        metrics.IDENTIFIERS_CACHED.set(sum(len(graph.nodes) for graph in self._graphs.values()))

    async def _admit(self, events: Sequence[Event]) -> None:
        """Bring in what the events touch: one look-up for all that is not in memory."""
        by_tenant: dict[str, list[Event]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, []).append(event)
        wanted: set[str] = set()
        for tenant, own in by_tenant.items():
            identifiers, profile_ids = self._graph(tenant).missing(own)
            wanted |= profile_ids
            wanted.update(stable_id("profile", tenant, *identifier) for identifier in identifiers)
        if not wanted:
            return
        stored = await self._store.load(wanted)
        for (tenant, root), nodes in stored.clusters.items():
            self._graph(tenant).admit([(root, nodes)], ())
        for tenant, link in stored.links:
            self._graph(tenant).admit((), [link])

    def _graph(self, tenant: str) -> IdentityGraph:
        graph = self._graphs.get(tenant)
        if graph is None:
            graph = self._graphs[tenant] = IdentityGraph(tenant, self._rules, self._blocked.get(tenant, ()))
        return graph

    def _resolve_one(self, event: Event) -> Resolution:
        graph = self._graphs[event.tenant]
        if event.id in self._faulty:
            return graph.look_up(event)
        try:
            resolution = graph.resolve(event, self._batch)
        except Exception:
            log.error("event.unresolvable", event_id=event.id, tenant=event.tenant)
            metrics.UNRESOLVABLE.inc()
            self._faulty.add(event.id)  # tried again without learning from it, once memory is fresh
            raise
        if resolution.merges or resolution.splits or resolution.blocked:
            self._report(event, resolution)
        return resolution

    def _append(self, output: Event, work: UnitOfWork) -> None:
        partition = partition_of(output.tenant, output.profile_id)
        floor = self._as_of[partition]
        if output.as_of < floor:  # the partitions of `events` are not read in step with each other
            output = msgspec.structs.replace(output, as_of=floor)
        else:
            self._as_of[partition] = output.as_of
        work.appends.append(NewEvent(partition, output.id, 1, output))

    def _report(self, event: Event, resolution: Resolution) -> None:
        metrics.MERGES.inc(len(resolution.merges))
        if resolution.splits:
            metrics.SPLITS.inc(len(resolution.splits))
            log.warning(
                "profile.split",
                event_id=event.id,
                tenant=event.tenant,
                profile_ids=sorted({old for old, _ in resolution.splits})[:SHOWN],
            )
        for identifier in resolution.blocked:
            metrics.BLOCKED.inc()
            log.warning(
                "identifier.blocked",
                event_id=event.id,
                tenant=event.tenant,
                namespace=identifier.namespace,
                token=identifier.token,
                reason="COMPONENT_CAP",
            )
