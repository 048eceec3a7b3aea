"""The graph around an identifier as of any instant, as known at any instant, made anew from the evidence."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cairn_kernel.errors import NotFound
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.application.find_profile import is_uuid
from identity_resolution.application.ports import IdentityStore
from identity_resolution.application.record_ports import RecordStore
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.candidates import Ends
from identity_resolution.domain.elements import WEEK, Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.matching import Suggested, Told
from identity_resolution.domain.paths import Step, path
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Stated

FOR_EVER: Final = 2**62
ROUNDS: Final = 50
"""How many links away from an identifier is looked; the component cap ends it long before."""


class Instant(NamedTuple):
    """Of when, and as known when (µs)."""

    as_of: int = FOR_EVER
    """Event time."""
    known_at: int = FOR_EVER
    """Time of Cairn."""


class Pair(NamedTuple):
    """Two identifiers, whose they were, and the way between them."""

    left_profile_id: str
    right_profile_id: str
    steps: list[Step]
    rules: Rules
    told: Mapping[str, tuple[Told, ...]]
    """What suggested links add up from, by the id that stands for their first event."""


class Around(NamedTuple):
    """A profile, and the graph that says which events are its own."""

    profile_id: str
    identifiers: list[Identifier]
    """Strongest first."""
    own_ids: frozenset[str]
    """Of its identifiers."""
    graph: IdentityGraph


class LookBack:
    """Reads the evidence; any replica may."""

    def __init__(self, store: IdentityStore, records: RecordStore, rulebook: Rulebook) -> None:
        self._store = store
        self._records = records
        self._rulebook = rulebook

    async def around(self, tenant: str, profile_id: str, when: Instant) -> Around:
        """The profile that went by an id. Raises NotFound (NO_SUCH_PROFILE)."""
        named = await self._store.names([profile_id], tenant) if is_uuid(profile_id) else {}
        if profile_id not in named:
            raise NotFound("there is no such profile", reason="NO_SUCH_PROFILE")
        graph = await self._graph(tenant, [named[profile_id]], when)
        node = graph.nodes.get(named[profile_id])
        if node is None:
            raise NotFound("there was no such profile then", reason="NO_SUCH_PROFILE")
        members = [one for one in node.cluster.nodes if one.profile_id == node.profile_id]
        identifiers = sorted((one.identifier for one in members), key=self._rulebook.latest(tenant).strength)
        await self._share(graph, when)
        return Around(node.profile_id, identifiers, frozenset(one.own_id for one in members), graph)

    async def _share(self, graph: IdentityGraph, when: Instant) -> None:
        """Take in all log-ins on the shared devices of a graph: whose an event on them is follows from these."""
        shared = {graph.nodes[one].own_id: one for one in graph.stated.barred if one in graph.nodes}
        devices = {own_id: one for own_id, one in shared.items() if graph.stated.barred[one] == Refusal.SHARED}
        for own_id, (points, last_touch) in (await self._store.logins(devices)).items() if devices else ():
            graph.admit_logins(devices[own_id], [one for one in points if one.at <= when.as_of], last_touch)

    async def profile(self, tenant: str, profile_id: str, when: Instant) -> tuple[str, list[Identifier]]:
        """The profile that went by an id, and its identifiers. Raises NotFound (NO_SUCH_PROFILE)."""
        around = await self.around(tenant, profile_id, when)
        return around.profile_id, around.identifiers

    async def pair(self, tenant: str, left: Identifier, right: Identifier, when: Instant) -> Pair:
        """Why two identifiers are one person, or are not. Raises NotFound (NO_SUCH_IDENTIFIER)."""
        graph = await self._graph(tenant, [left, right], when)
        for identifier in (left, right):
            if identifier not in graph.nodes:
                raise NotFound("no event has shown this identifier", reason="NO_SUCH_IDENTIFIER")
        steps = path(graph, left, right)
        told = await self._records.told([step.link.first[1] for step in steps if step.link and step.link.suggested])
        return Pair(graph.nodes[left].profile_id, graph.nodes[right].profile_id, steps, graph.rules, told)

    async def _graph(self, tenant: str, about: Iterable[Identifier], when: Instant) -> IdentityGraph:
        """The clusters of some identifiers: what links reach is read round by round, each identifier once."""
        said = await self._store.statements_at(tenant, when.known_at)
        rules = self._rulebook.latest(tenant)
        stated = Stated(said)
        stated.rule(rules.blocked)
        graph = IdentityGraph(tenant, rules, stated)
        wanted = {identifier: stable_id("profile", tenant, *identifier) for identifier in about}
        starts, read = list(wanted), set[Identifier]()
        suggested: dict[Ends, Suggested] = {}
        for _ in range(ROUNDS):
            if not wanted:
                break
            read |= wanted.keys()
            for row in await self._store.evidence(list(wanted.values()), when.as_of, when.known_at):
                graph.resolve(
                    Event(
                        id=row.event_id,
                        tenant=tenant,
                        type="",
                        event_time=row.event_time,
                        as_of=row.event_time,
                        identifiers=row.identifiers,
                    )
                )
            for one in await self._records.suggested(list(wanted.values()), when.as_of, when.known_at):
                suggested[one.ends] = Suggested(one.ends, one.bits)
            graph.suggest(suggested.values(), (), Event(id="", tenant=tenant, type="", event_time=0, as_of=0))
            reached = [graph.nodes[one].cluster.nodes for one in starts if one in graph.nodes]
            wanted = {
                node.identifier: node.own_id for nodes in reached for node in nodes if node.identifier not in read
            }
            partners = [one for said in graph.stated.asserted(read) for one in said.concerned if one not in read]
            wanted.update({one: stable_id("profile", tenant, *one) for one in partners})
            beyond = {own_id for ends in suggested for own_id in ends if own_id not in graph}
            named = await self._store.names(beyond, tenant) if beyond else {}
            wanted.update({one: own_id for own_id, one in named.items() if one not in read})
        if rules.lapses:
            shown = await self._store.shown([node.own_id for node in graph.nodes.values()], rules.most_fan_out)
            upto = when.as_of // WEEK
            lasts = {link.pair: min(link.last, upto) for links in shown.values() for link in links}
            graph.last_shown(lasts, Event(id="", tenant=tenant, type="", event_time=0, as_of=0))
        return graph
