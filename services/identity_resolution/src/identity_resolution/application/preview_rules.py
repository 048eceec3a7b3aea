"""What would become of profiles under other rules: all evidence regrouped in a snapshot, page by page."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cairn_kernel.event import Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.application.ports import IdentitySnapshots, IdentityStore, Placed
from identity_resolution.application.record_ports import RecordStore
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.elements import Link, Node, Pair, Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.matching import same_round
from identity_resolution.domain.outputs import rules_event
from identity_resolution.domain.reassess import FIRST, Anew, look
from identity_resolution.domain.refusing import broken_limit, rule_of
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Stated

PAGE: Final = 200
"""Identifiers from which one page begins; it holds all that is linked to them."""
AT_ONCE: Final = 20_000
"""Most identifiers in memory; what is linked beyond them is left out of the page."""
WHEN: Final = 0
ORDER: Final = "namespaces"
"""The rule where no link is judged otherwise: of identifiers seen first at one time the strongest gives its id."""


class Sample(NamedTuple):
    """A profile that would merge or split."""

    profile_id: str
    identifiers: int
    becomes: tuple[tuple[str, int], ...]
    """The profiles that its identifiers would belong to, and how many each would have."""
    refusal: Refusal
    """What would come (split) or go (merge)."""
    rule: str


@dataclass
class Preview:
    """As far as identifiers have been looked at."""

    rules_version: str
    in_force_version: str
    total: int = 0
    seen: int = 0
    profiles: int = 0
    profiles_then: int = 0
    merges: int = 0
    splits: int = 0
    records: int = 0
    """Those that would be compared anew."""
    samples: list[Sample] = field(default_factory=list)


class InForce(NamedTuple):
    """The rules in force, and how far their change has come."""

    version: str
    done: bool
    share: float
    """Of the identifiers that stand as they say."""
    merges: int
    splits: int


class RulesPreview:
    """Any replica may make one; half of the time it leaves to others."""

    def __init__(self, snapshots: IdentitySnapshots, rulebook: Rulebook, records: RecordStore | None = None) -> None:
        self._snapshots = snapshots
        self._records = records
        self._rulebook = rulebook

    async def in_force(self, tenant: str) -> InForce:
        """The latest rules."""
        versions = self._rulebook.versions(tenant)
        async with self._snapshots.snapshot() as store:
            change = (await store.rules_changes()).get(tenant)
        if len(versions) == 1:
            return InForce(versions[0].version, done=True, share=1.0, merges=0, splits=0)
        if change is None or change.ordinal < len(versions) - 1:
            return InForce(versions[-1].version, done=False, share=0.0, merges=0, splits=0)
        share = 1.0 if change.done else int(change.upto[:8], 16) / 2**32
        if not change.done and not same_round(versions[-2].matching, versions[-1].matching):
            compared = 0.0 if change.records is None else change.records / 2**64 + 0.5
            share = (share + compared) / 2
        return InForce(change.version, change.done, share, change.merges, change.splits)

    async def run(self, tenant: str, bundle: bytes, samples: int) -> AsyncIterator[Preview]:
        """The preview after each page, the same object each time. Raises DefinitionFaults."""
        rules, former = self._rulebook.read(tenant, bundle), self._rulebook.latest(tenant)
        found = Preview(rules.version, former.version)
        if self._records is not None and not same_round(former.matching, rules.matching):
            found.records = await self._records.count(tenant)
        clock = asyncio.get_running_loop().time
        async with self._snapshots.snapshot() as store:
            found.total = (await store.count(tenant)).identifiers
            stated = (await store.stated()).get(tenant) or Stated()
            upto = FIRST
            while page := await store.page(tenant, upto, PAGE):
                began = clock()
                await _Page(store, tenant, rules, former, stated).look_at(page, found, samples)
                upto = page[-1].own_id
                yield found
                await asyncio.sleep(clock() - began)
        yield found


class _Page:
    """Some clusters, and all others that would be linked to them."""

    def __init__(self, store: IdentityStore, tenant: str, rules: Rules, former: Rules, stated: Stated) -> None:
        self._store = store
        self._former = former
        stated.rule(rules.blocked | former.blocked)
        self._graph = IdentityGraph(tenant, rules, stated)
        self._looks: dict[Identifier, Anew] = {}
        self._shown: dict[Identifier, set[Refusal]] = {}
        self._refused: dict[Pair, Refusal] = {}
        self._was: dict[Identifier, str] = {}
        self._roots: dict[Identifier, str] = {}

    async def look_at(self, page: Sequence[Placed], found: Preview, samples: int) -> None:
        """Add to what was found."""
        leads = [one for one in page if one.leads]
        found.seen += len(page)
        await self._gather({one.own_id for one in leads})
        own_roots = {self._roots[one.identifier] for one in leads}
        graph = self._graph
        for identifier, anew in self._looks.items():
            node = graph.nodes[identifier]
            cause = rules_event(graph.tenant, 0, graph.rules.version, node.own_id, WHEN)
            graph.reassess(node, anew.within(graph.nodes), cause)
        self._count([graph.nodes[one] for one, root in self._roots.items() if root in own_roots], found, samples)
        self._put_back()

    def _put_back(self) -> None:
        """Statements and what is shared are again as they were: another page begins from there."""
        stated = self._graph.stated
        for statement in self._graph.take_changes().statements:
            stated.drop(statement.id)
        for identifier, bars in self._shown.items():
            stated.bar_anew(identifier, bars)

    async def _gather(self, wanted: set[str]) -> None:
        """Bring in clusters, and those that links would hold together with them."""
        await self._bring_in(wanted)
        nodes, reached = self._graph.nodes, set(self._roots.values())
        fresh = list(nodes.values())
        while fresh and len(nodes) < AT_ONCE:
            links = [
                link for node in fresh if not self._barred(node.identifier) for link in self._ranked(node.identifier)
            ]
            ends = {end for link in links for end in link.pair if end not in nodes}
            await self._bring_in({stable_id("profile", self._graph.tenant, *end) for end in ends})
            roots = {self._roots[end] for link in links if self._stands(link.pair) for end in link.pair} - reached
            reached |= roots
            fresh = [nodes[one] for one, root in self._roots.items() if root in roots]

    def _ranked(self, identifier: Identifier) -> tuple[Link, ...]:
        return self._looks[identifier].standing.ranked if identifier in self._looks else ()

    def _barred(self, identifier: Identifier) -> bool:
        graph, anew = self._graph, self._looks[identifier]
        return bool(graph.stated.bar_of(identifier, anew.standing.bars, identifier in graph.rules.blocked))

    def _stands(self, pair: Pair) -> bool:
        return all(
            end in self._looks and not self._barred(end) and any(link.pair == pair for link in self._ranked(end))
            for end in pair
        )

    async def _bring_in(self, wanted: set[str]) -> None:
        """Load clusters and look at all of their identifiers."""
        graph = self._graph
        if not wanted:
            return
        stored = await self._store.load(wanted)
        for (_, root), nodes in stored.clusters.items():
            graph.admit([(root, nodes)], ())
            self._was.update((node.identifier, node.profile_id) for node in nodes)
            self._roots.update((node.identifier, root) for node in nodes)
        graph.admit((), (one.link for one in stored.links))
        fresh = [node for nodes in stored.clusters.values() for node in nodes]
        shown = await self._store.shown([node.own_id for node in fresh], graph.rules.most_fan_out + 1)
        for node in fresh:
            links = shown[node.own_id]
            self._refused.update((link.pair, link.refusal) for link in links)
            self._shown[node.identifier] = graph.stated.shown(node.identifier)
            self._looks[node.identifier] = look(node.identifier, links, graph.rules, self._former, graph.stated)

    def _count(self, nodes: Iterable[Node], found: Preview, samples: int) -> None:
        members: dict[str, list[Node]] = {}
        for node in nodes:
            members.setdefault(self._was[node.identifier], []).append(node)
            found.profiles += node.own_id == self._was[node.identifier]
            found.profiles_then += node.own_id == node.profile_id
        for profile_id, part in sorted(members.items()):
            becomes = {node.profile_id for node in part}
            heir = next((node.profile_id for node in part if node.own_id == profile_id), profile_id)
            found.merges += heir != profile_id
            found.splits += len(becomes) > 1
            if (heir != profile_id or len(becomes) > 1) and len(found.samples) < samples:
                found.samples.append(self._sample(profile_id, part, becomes))

    def _sample(self, profile_id: str, part: list[Node], becomes: set[str]) -> Sample:
        graph = self._graph
        sizes = {one: sum(node.profile_id == one for node in graph.nodes.values()) for one in sorted(becomes)}
        refusal, rule = self._reason({node.identifier for node in part})
        return Sample(profile_id, len(part), tuple(sizes.items()), refusal, rule)

    def _reason(self, own: set[Identifier]) -> tuple[Refusal, str]:
        """The first link of a profile that is refused and was not, or the other way round."""
        for pair in sorted(self._refused):
            link = self._graph.links.get(pair)
            was = self._refused[pair]
            if link is None or not own.intersection(pair) or bool(was) == bool(link.refusal):
                continue
            refusal, rules = (link.refusal, self._graph.rules) if link.refusal else (was, self._former)
            left, right = ([one.identifier for one in self._person(end, then=bool(link.refusal))] for end in pair)
            return refusal, rule_of(link, refusal, rules, broken_limit(left, right, rules))
        return Refusal.NONE, ORDER

    def _person(self, of: Identifier, *, then: bool) -> list[Node]:
        nodes = self._graph.nodes
        if of not in nodes:
            return []
        if then:
            return [node for node in nodes.values() if node.profile_id == nodes[of].profile_id]
        return [nodes[one] for one, was in self._was.items() if was == self._was[of]]
