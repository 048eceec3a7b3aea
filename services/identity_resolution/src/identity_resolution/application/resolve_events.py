"""Gives each event of a batch its profile. The graphs of all tenants are kept here, as far as memory allows."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec
import structlog

from cairn_eventstore import NewEvent, Timer, UnitOfWork
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from identity_resolution.application import metrics
from identity_resolution.application.match_records import NOTHING, Found
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.ports import IdentityStore, Pending
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.commands import Answer
from identity_resolution.domain.elements import Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.matching import Matching
from identity_resolution.domain.moves import Merged, Move, Split
from identity_resolution.domain.outputs import outputs, stated_event, told
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.statements import Stated, Statement

log = structlog.get_logger()

NO_TIME: Final = 0
EXPIRY: Final = "expiry"
"""Timer of a statement."""
SHOWN: Final = 5
"""Most ids in one log line."""


class EventResolver:
    """Resolves batches into units of work. After any failure, `forget` and begin again with the same events."""

    def __init__(
        self, store: IdentityStore, rulebook: Rulebook, cache_identifiers: int, matchers: Matchers | None = None
    ) -> None:
        self._store = store
        self._rulebook = rulebook
        self._matchers = matchers
        self._cache_identifiers = cache_identifiers
        self._graphs: dict[str, IdentityGraph] = {}
        self._stated: dict[str, Stated] = {}
        self._as_of = [NO_TIME] * PARTITIONS
        self._faulty: set[str] = set()
        self._batch = 0

    async def forget(self, as_of: dict[int, int]) -> None:
        """Drop all memory; `as_of` is the greatest instant in each partition of the own log."""
        self._graphs.clear()
        if self._matchers is not None:
            await self._matchers.forget()
        self._stated = await self._store.stated()
        self._as_of = [as_of.get(partition, NO_TIME) for partition in range(PARTITIONS)]

    @property
    def now(self) -> int:
        """The latest instant in the own log."""
        return max(self._as_of)

    async def resolve(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Put into `work` what the events become, in their order, and what they teach."""
        self._batch += 1
        found = NOTHING if self._matchers is None else await self._matchers.match(events, self._matching)
        await self._admit(events, found.own_ids)
        due = await self._due(max((event.as_of for event in events), default=NO_TIME))
        for event in events:
            while due and event.as_of >= due[0][0]:
                self._expire(*due.pop(0), work)
            resolution = self._resolve_one(event)
            if event.id in found.suggested:
                resolution = self._suggest(event, resolution, found)
            for output in outputs(event, resolution):
                self._append(output, work)
        self._write(work)

    async def expire(self, upto: int, work: UnitOfWork) -> None:
        """Statements that expire at or before an instant (µs) do not hold any more."""
        for at, tenant, statement in await self._due(upto):
            self._expire(at, tenant, statement, work)
        self._write(work)

    async def obey(self, pending: Pending, at: int, work: UnitOfWork) -> None:
        """Do what a command asks for, as at an instant (µs) of the own log, and answer it."""
        tenant, command = pending.tenant, pending.command
        graph = self._graph(tenant)
        ended = [graph.stated.in_force[one] for one in command.withdraw if one in graph.stated.in_force]
        stated = [] if command.state is None or command.state.id in graph.stated.in_force else [command.state]
        moves: list[Move] = []
        for statement in (*ended, *stated):
            await self._admit_around(tenant, statement)
            begins = statement in stated
            moves += self._restate(tenant, statement, at, work, "stated" if begins else "withdrawn")
        answer = Answer(
            statement_id=command.state.id if command.state else "",
            withdrawn=tuple(one.id for one in ended),
            merges=tuple((one.gone, one.heir) for one in moves if isinstance(one, Merged)),
            splits=tuple((one.source, one.target, len(one.moved)) for one in moves if isinstance(one, Split)),
        )
        self._store.answer(work, pending, answer)
        self._write(work)

    def committed(self) -> None:
        """The last unit of work has happened."""
        share = self._cache_identifiers // max(1, len(self._graphs))
        for graph in self._graphs.values():
            graph.evict(share)
        metrics.IDENTIFIERS_CACHED.set(sum(len(graph.nodes) for graph in self._graphs.values()))

    async def _admit(self, events: Sequence[Event], own_ids: Collection[str]) -> None:
        """Bring in what the events touch, and what goes by these own ids: one look-up for all that is not in memory."""
        by_tenant: dict[str, list[Event]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, []).append(event)
        wanted = {own_id for own_id in own_ids if not any(own_id in graph for graph in self._graphs.values())}
        by_tenant = {tenant: self._graph(tenant).strangers(own) for tenant, own in by_tenant.items()}
        for tenant, own in by_tenant.items():
            identifiers, profile_ids = self._graph(tenant).missing(own)
            wanted |= profile_ids
            wanted.update(stable_id("profile", tenant, *identifier) for identifier in identifiers)
        await self._read(wanted)
        devices = {
            own_id: (tenant, device)
            for tenant, own in by_tenant.items()
            for own_id, device in self._graph(tenant).devices(own).items()
        }
        if devices:
            for own_id, (points, last_touch) in (await self._store.logins(devices)).items():
                tenant, device = devices[own_id]
                self._graph(tenant).admit_logins(device, points, last_touch)
            await self._read(
                {
                    stable_id("profile", tenant, *identifier)
                    for tenant, own in by_tenant.items()
                    for identifier in self._graph(tenant).missing(own).identifiers
                }
            )

    async def _read(self, wanted: Collection[str]) -> None:
        if not wanted:
            return
        stored = await self._store.load(wanted)
        for (tenant, root), nodes in stored.clusters.items():
            self._graph(tenant).admit([(root, nodes)], ())
        for tenant, link in stored.links:
            self._graph(tenant).admit((), [link])

    async def _admit_around(self, tenant: str, statement: Statement) -> None:
        """Bring in what a statement is about, and what is linked to that."""
        graph = self._graph(tenant)
        for wanted in ({one for one in statement.concerned if one not in graph.nodes}, None):
            identifiers = graph.beside(statement.concerned) if wanted is None else wanted
            await self._read({stable_id("profile", tenant, *identifier) for identifier in identifiers})

    async def _due(self, upto: int) -> list[tuple[int, str, Statement]]:
        """(instant, tenant, statement) of what expires by then, in order; all it needs is in memory."""
        due = [
            (statement.expires or 0, tenant, statement)
            for tenant, stated in self._stated.items()
            for statement in stated.expired(upto)
        ]
        for _, tenant, statement in due:
            await self._admit_around(tenant, statement)
        return sorted(due, key=lambda item: (item[0], item[1], item[2].id))

    def _expire(self, at: int, tenant: str, statement: Statement, work: UnitOfWork) -> None:
        self._restate(tenant, statement, at, work, "expired")

    def _restate(self, tenant: str, statement: Statement, at: int, work: UnitOfWork, how: str) -> list[Move]:
        graph = self._graph(tenant)
        if how == "stated":
            resolution = graph.state(statement, at)
            self._store.begin(work, tenant, statement, at)
        else:
            resolution = graph.withdraw(statement.id, at)
            self._store.end(work, tenant, statement.id, at)
        if statement.expires is not None:
            timer = Timer(0, statement.id, EXPIRY, statement.expires)
            (work.timers_set if how == "stated" else work.timers_cancelled).append(timer)
        cause = stated_event(tenant, statement, how, at, resolution)
        for output in (*told(cause, resolution.moves), cause):
            self._append(output, work)
        self._report(cause, resolution)
        return list(resolution.moves)

    def _suggest(self, event: Event, resolution: Resolution, found: Found) -> Resolution:
        """What matching makes of the event's record comes after what its identifiers say."""
        further = self._graph(event.tenant).suggest(found.suggested[event.id], found.seen, event)
        if further == Resolution(""):
            return resolution
        if further.moves or further.blocked:
            self._report(event, further)
        return resolution._replace(profile_id=further.profile_id, moves=(*resolution.moves, *further.moves))

    def _write(self, work: UnitOfWork) -> None:
        if self._matchers is not None:
            self._matchers.write(work)
        for tenant, graph in self._graphs.items():
            changes = graph.take_changes()
            if any(changes):
                self._store.write(work, tenant, changes)

    def _matching(self, tenant: str) -> Matching | None:
        return self._graph(tenant).rules.matching

    def _graph(self, tenant: str) -> IdentityGraph:
        graph = self._graphs.get(tenant)
        if graph is None:
            stated = self._stated.setdefault(tenant, Stated())
            rules = self._rulebook.latest(tenant)
            stated.rule(rules.blocked)
            graph = self._graphs[tenant] = IdentityGraph(tenant, rules, stated)
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
        if resolution.moves or resolution.blocked or resolution.barred:
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
