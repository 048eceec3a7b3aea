"""The graphs of all tenants, as far as memory allows: what a batch touches is read, and what it changed is written."""

from collections.abc import Collection, Mapping, Sequence

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.application import metrics
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.ports import IdentityStore
from identity_resolution.application.rules_in_force import RulesInForce
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.relations import Relations
from identity_resolution.domain.statements import Stated, Statement


class Graphs:
    """One graph for each tenant, and who belongs to which account or household."""

    def __init__(self, store: IdentityStore, rules: RulesInForce, kinds: KindsInForce, cache_identifiers: int) -> None:
        self._store = store
        self._rules = rules
        self._kinds = kinds
        self._cache_identifiers = cache_identifiers
        self._graphs: dict[str, IdentityGraph] = {}
        self._stated: dict[str, Stated] = {}
        self._relations: dict[str, Relations] = {}

    @property
    def relations(self) -> Mapping[str, Relations]:
        """Of the tenants that have kinds of subject besides persons."""
        return self._relations

    def of(self, tenant: str) -> IdentityGraph:
        """The tenant's graph; empty if nothing of it was read yet."""
        graph = self._graphs.get(tenant)
        if graph is None:
            stated = self._stated.setdefault(tenant, Stated())
            standing = self._rules.of(tenant)
            stated.rule(standing.blocked(tenant))
            graph = self._graphs[tenant] = IdentityGraph(tenant, standing.rules, stated, standing.former)
        return graph

    async def forget(self) -> None:
        """Drop all memory, and read what people say."""
        self._graphs.clear()
        self._relations.clear()
        self._stated = await self._store.stated()

    def committed(self, outdated: str | None) -> None:
        """What was written has happened; the graph of the tenant `outdated` is to be made anew."""
        if outdated is not None:
            del self._graphs[outdated]
        share = self._cache_identifiers // max(1, len(self._graphs))
        for tenant, graph in self._graphs.items():
            forgotten = graph.evict(share)
            if tenant in self._relations:
                self._relations[tenant].forget(forgotten)
        metrics.IDENTIFIERS_CACHED.set(sum(len(graph.nodes) for graph in self._graphs.values()))

    def note_kinds(self, tenants: Collection[str] | None = None) -> None:
        """Kinds of subject may have come into force or gone since. With the first ones all is read anew.

        Without `tenants`: of all in which anything was stated.
        """
        for tenant in tuple(self._stated) if tenants is None else tenants:
            kinds = self._kinds.of(tenant)
            if not kinds:
                self._relations.pop(tenant, None)
            elif tenant in self._relations:
                self._relations[tenant].under(kinds)
            else:
                self._relations[tenant] = Relations(kinds)
                self._graphs.pop(tenant, None)

    def relations_of(self, tenant: str) -> Relations:
        """Who belongs to what in a tenant, even if it has no kind of subject now."""
        return self._relations.setdefault(tenant, Relations(self._kinds.of(tenant)))

    async def admit(self, events: Sequence[Event], own_ids: Collection[str]) -> None:
        """Bring in what the events touch, and what goes by these own ids: one look-up for all that is not in memory."""
        by_tenant: dict[str, list[Event]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, []).append(event)
        wanted = {own_id for own_id in own_ids if not any(own_id in graph for graph in self._graphs.values())}
        by_tenant = {tenant: self.of(tenant).strangers(own) for tenant, own in by_tenant.items()}
        for tenant, own in by_tenant.items():
            identifiers, profile_ids = self.of(tenant).missing(own)
            wanted |= profile_ids
            wanted.update(stable_id("profile", tenant, *identifier) for identifier in identifiers)
        await self.read(wanted)
        devices = {
            own_id: (tenant, device)
            for tenant, own in by_tenant.items()
            for own_id, device in self.of(tenant).devices(own).items()
        }
        if devices:
            for own_id, (points, last_touch) in (await self._store.logins(devices)).items():
                tenant, device = devices[own_id]
                self.of(tenant).admit_logins(device, points, last_touch)
            await self.read(
                {
                    stable_id("profile", tenant, *identifier)
                    for tenant, own in by_tenant.items()
                    for identifier in self.of(tenant).missing(own).identifiers
                }
            )

    async def admit_all(self, tenant: str, identifiers: Collection[Identifier]) -> None:
        """Bring in these identifiers with their clusters."""
        nodes = self.of(tenant).nodes
        await self.read({stable_id("profile", tenant, *one) for one in identifiers if one not in nodes})

    async def admit_around(self, tenant: str, statement: Statement) -> None:
        """Bring in what a statement is about, and what is linked to that."""
        await self.admit_all(tenant, statement.concerned)
        beside = self.of(tenant).beside(statement.concerned)
        await self.read({stable_id("profile", tenant, *identifier) for identifier in beside})

    async def read(self, own_ids: Collection[str]) -> None:
        """Bring in the identifiers of these own ids with their clusters."""
        if not own_ids:
            return
        stored = await self._store.load(own_ids)
        for (tenant, root), nodes in stored.clusters.items():
            self.of(tenant).admit([(root, nodes)], ())
        for tenant, link in stored.links:
            self.of(tenant).admit((), [link])
        if self._relations:
            read = {node.own_id for nodes in stored.clusters.values() for node in nodes} | set(own_ids)
            for tenant, evidence in await self._store.relations(read):
                if tenant in self._relations:
                    self._relations[tenant].admit([evidence])

    async def expiring(self, upto: int) -> list[tuple[int, str, Statement]]:
        """(instant, tenant, statement) of what expires by then, in order; all it needs is in memory."""
        due = [
            (statement.expires or 0, tenant, statement)
            for tenant, stated in self._stated.items()
            for statement in stated.expired(upto)
        ]
        for _, tenant, statement in due:
            await self.admit_around(tenant, statement)
        return sorted(due, key=lambda item: (item[0], item[1], item[2].id))

    def write(self, work: UnitOfWork) -> None:
        """Put into `work` what changed."""
        for tenant, graph in self._graphs.items():
            changes = graph.take_changes()
            if any(changes):
                self._store.write(work, tenant, changes)
        for tenant, relations in self._relations.items():
            if told := relations.take_changes():
                self._store.relate(work, tenant, told)
