"""Whatever the order, the repeats and the batches: the same evidence gives the same people under the same ids."""

import copy
import random
from collections import defaultdict

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cairn_kernel.event import Event, Identifier
from identity_resolution.domain.elements import SUPPORT_COUNTED, Cluster, Link, Node, Pair
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.rules import NamespaceRule, Rules

from .evidence import named, seen
from .oracle import who_is_who

TIGHT = Rules(
    limits={
        "user_id": NamespaceRule(1, at_most=1, fan_out=2),
        "email": NamespaceRule(2, at_most=2, fan_out=2),
        "anonymous_id": NamespaceRule(5, at_most=2, fan_out=3),
    },
    other=NamespaceRule(6, at_most=1, fan_out=1),
)
LOOSE = Rules()

IDENTIFIERS = [f"{namespace}:{n}" for namespace in ("user_id", "email", "anonymous_id", "badge") for n in range(5)]

events = st.builds(
    lambda at, identifiers, copy: seen(at, *identifiers, id=f"{copy}-{at}-{'+'.join(identifiers)}"),
    st.integers(min_value=1, max_value=12),
    st.lists(st.sampled_from(IDENTIFIERS), min_size=1, max_size=3, unique=True),
    st.integers(min_value=0, max_value=3),
)


class Shelf:
    """Where the graph's changes are written, and read again after it forgot them."""

    def __init__(self) -> None:
        self.nodes: dict[Identifier, Node] = {}
        self.roots: dict[Identifier, str] = {}
        self.links: dict[Pair, Link] = {}
        self.support: defaultdict[Pair, int] = defaultdict(int)

    def write(self, graph: IdentityGraph) -> None:
        changes = graph.take_changes()
        for node in changes.nodes:
            self.nodes[node.identifier] = Node(
                node.identifier, node.own_id, node.first_time, node.profile_id, node.had_profile
            )
            self.roots[node.identifier] = node.cluster.root
        for link in changes.links:
            self.support[link.pair] = min(self.support[link.pair] + link.fresh_support, SUPPORT_COUNTED)
            link.fresh_support = 0
            known = self.links.get(link.pair, link)
            self.links[link.pair] = copy.copy(link)
            self.links[link.pair].first = min(link.first, known.first)
            self.links[link.pair].support = self.support[link.pair]

    def read(self, graph: IdentityGraph, batch: list[Event]) -> None:
        wanted = {self.roots[one] for one in graph.missing(batch).identifiers if one in self.roots}
        clusters: dict[str, list[Node]] = {root: [] for root in sorted(wanted)}
        for identifier, root in self.roots.items():
            if root in wanted:
                clusters[root].append(copy.copy(self.nodes[identifier]))
        for nodes in clusters.values():
            for node in nodes:
                node.links = {}
        members = {node.identifier for nodes in clusters.values() for node in nodes}
        links = [
            copy.copy(link)
            for (left, right), link in self.links.items()
            if (link.left_ranked and left in members) or (link.right_ranked and right in members)
        ]
        graph.admit(clusters.items(), links)


def take_in(evidence: list[Event], rules: Rules, seed: int, keep_nodes: int = 1_000) -> tuple[Shelf, IdentityGraph]:
    shuffle = random.Random(seed)
    graph, shelf = IdentityGraph("default", rules), Shelf()
    at = 0
    while at < len(evidence):
        size = shuffle.randint(1, 4)
        batch = evidence[at : at + size]
        shelf.read(graph, batch)
        for event in batch:
            graph.resolve(event, batch=at)
        shelf.write(graph)
        graph.evict(keep_nodes)
        at += size
    return shelf, graph


def people(shelf: Shelf) -> dict[Identifier, str]:
    return {identifier: node.profile_id for identifier, node in shelf.nodes.items()}


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False), st.integers(0, 1_000))
@settings(max_examples=300, deadline=None)
def test_order_repeats_batches_and_forgetting_change_nothing(
    evidence: list[Event], chance: random.Random, seed: int
) -> None:
    expected = who_is_who(evidence, TIGHT)
    shuffled = evidence + [event for event in evidence if chance.random() < 0.3]
    chance.shuffle(shuffled)

    assert people(take_in(evidence, TIGHT, seed)[0]) == expected
    assert people(take_in(shuffled, TIGHT, seed)[0]) == expected
    assert people(take_in(shuffled, TIGHT, seed, keep_nodes=3)[0]) == expected


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_rules_we_ship_give_the_definition_too(evidence: list[Event], chance: random.Random) -> None:
    expected = who_is_who(evidence, LOOSE)
    chance.shuffle(evidence)
    assert people(take_in(evidence, LOOSE, 0, keep_nodes=5)[0]) == expected


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_links_support_and_refusals_do_not_depend_on_order(evidence: list[Event], chance: random.Random) -> None:
    evidence = list({event.id: event for event in evidence}.values())
    ordered, _ = take_in(evidence, TIGHT, 1)
    chance.shuffle(evidence)
    shuffled, _ = take_in(evidence, TIGHT, 2, keep_nodes=3)

    assert shuffled.support == ordered.support
    assert {pair: (link.first, link.refusal) for pair, link in shuffled.links.items()} == {
        pair: (link.first, link.refusal) for pair, link in ordered.links.items()
    }


@given(st.lists(events, max_size=25))
@settings(max_examples=100, deadline=None)
def test_following_the_merges_leads_from_every_profile_told_to_the_one_it_is_now(evidence: list[Event]) -> None:
    graph = IdentityGraph("default", TIGHT)
    resolutions = [graph.resolve(event) for event in evidence]
    assume(not any(resolution.splits for resolution in resolutions))
    alias: dict[str, str] = {}
    for resolution in resolutions:
        for gone, heir in resolution.merges:
            alias.pop(heir, None)
            alias[gone] = heir
    for resolution in resolutions:
        heir = resolution.profile_id
        while heir in alias:
            heir = alias[heir]
        assert graph.survivor(resolution.profile_id) == heir


@given(st.lists(events, max_size=25), st.sets(st.sampled_from(IDENTIFIERS), max_size=3))
@settings(max_examples=100, deadline=None)
def test_blocked_identifiers_link_nothing(evidence: list[Event], junk: set[str]) -> None:
    blocked = frozenset(named(text) for text in junk)
    graph = IdentityGraph("default", TIGHT, blocked)
    for event in evidence:
        graph.resolve(event)
    assert {identifier: node.profile_id for identifier, node in graph.nodes.items()} == who_is_who(
        evidence, TIGHT, blocked
    )


def test_clusters_never_share_a_root() -> None:
    shelf, graph = take_in([seen(n, f"user_id:{n % 3}", f"email:{n % 4}") for n in range(1, 30)], TIGHT, 3)
    clusters: dict[str, Cluster] = {}
    for node in graph.nodes.values():
        assert clusters.setdefault(node.cluster.root, node.cluster) is node.cluster
    assert set(shelf.roots.values()) == set(clusters)
