"""Whatever the order, the repeats and the batches: the same evidence gives the same people under the same ids."""

import copy
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import strongest_first
from cairn_kernel.partitions import partition_of
from identity_resolution.domain.elements import SUPPORT_COUNTED, WEEK, Cluster, Link, Node, Pair
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.moves import Merged, Split
from identity_resolution.domain.reassess import Former, look
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.rules import NamespaceRule, Rules
from identity_resolution.domain.statements import Kind, Statement

from .evidence import named, seen
from .oracle import who_is_who

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TIGHT = Rules(
    limits={
        "user_id": NamespaceRule(1, at_most=1, fan_out=2),
        "email": NamespaceRule(2, at_most=2, fan_out=2),
        "anonymous_id": NamespaceRule(5, at_most=2, fan_out=3),
    },
    other=NamespaceRule(6, at_most=1, fan_out=1),
)
LOOSE = Rules()
WIDE = Rules(
    version="wide",
    limits={
        "email": NamespaceRule(1, at_most=4, fan_out=4),
        "user_id": NamespaceRule(2, at_most=1, fan_out=3),
        "anonymous_id": NamespaceRule(5, at_most=2, fan_out=1),
    },
    other=NamespaceRule(6, at_most=3, fan_out=2),
)
FIRST = replace(TIGHT, version="first", limits={"user_id": NamespaceRule(1, at_most=2, fan_out=4)})

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
            self.links[link.pair].last = max(link.last, known.last)
            self.links[link.pair].support = self.support[link.pair]

    def read(self, graph: IdentityGraph, batch: list[Event]) -> None:
        self.admit(graph, graph.missing(graph.strangers(batch)).identifiers)

    def admit(self, graph: IdentityGraph, identifiers: set[Identifier]) -> None:
        wanted = {self.roots[one] for one in identifiers if one in self.roots and one not in graph.nodes}
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


def take_in(
    evidence: Sequence[Event | Statement | str], rules: Rules, seed: int, keep_nodes: int = 1_000
) -> tuple[Shelf, IdentityGraph]:
    """Events, statements, and the ids of statements that are withdrawn, in batches of random size."""
    shuffle = random.Random(seed)
    graph, shelf = IdentityGraph("default", rules), Shelf()
    at = 0
    while at < len(evidence):
        size = shuffle.randint(1, 4)
        batch = evidence[at : at + size]
        shelf.read(graph, [one for one in batch if isinstance(one, Event)])
        for item in batch:
            if isinstance(item, Event):
                graph.resolve(item, batch=at)
            else:
                restate(graph, shelf, item)
        shelf.write(graph)
        graph.evict(keep_nodes)
        at += size
    return shelf, graph


def restate(graph: IdentityGraph, shelf: Shelf, said: Statement | str) -> None:
    statement = said if isinstance(said, Statement) else graph.stated.in_force[said]
    shelf.write(graph)
    shelf.admit(graph, set(statement.concerned))
    shelf.admit(graph, graph.beside(statement.concerned))
    if isinstance(said, Statement):
        graph.state(said, as_of=1)
    else:
        graph.withdraw(said, as_of=1)


def people(shelf: Shelf) -> dict[Identifier, str]:
    return {identifier: node.profile_id for identifier, node in shelf.nodes.items()}


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False), st.integers(0, 1_000))
@settings(max_examples=150)
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
@settings(max_examples=80)
def test_the_rules_we_ship_give_the_definition_too(evidence: list[Event], chance: random.Random) -> None:
    expected = who_is_who(evidence, LOOSE)
    chance.shuffle(evidence)
    assert people(take_in(evidence, LOOSE, 0, keep_nodes=5)[0]) == expected


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_links_support_and_refusals_do_not_depend_on_order(evidence: list[Event], chance: random.Random) -> None:
    evidence = list({event.id: event for event in evidence}.values())
    ordered, _ = take_in(evidence, TIGHT, 1)
    chance.shuffle(evidence)
    shuffled, _ = take_in(evidence, TIGHT, 2, keep_nodes=3)

    assert shuffled.support == ordered.support
    assert {pair: (link.first, link.refusal) for pair, link in shuffled.links.items()} == {
        pair: (link.first, link.refusal) for pair, link in ordered.links.items()
    }


statements = st.builds(
    lambda kind, left, right, at: Statement(
        id=f"{kind}-{left}-{right}-{at}",
        kind=kind,
        left=(named(left),),
        right=() if kind in (Kind.BLOCK, Kind.ALLOW) else (named(right),),
        author="anna",
        reason="as she says",
        at=at,
    ),
    st.sampled_from(list(Kind)),
    st.sampled_from(IDENTIFIERS),
    st.sampled_from(IDENTIFIERS),
    st.integers(1, 3),
).filter(lambda one: one.left != one.right)


@given(
    st.lists(events, max_size=25),
    st.lists(statements, max_size=5, unique_by=lambda one: one.id),
    st.randoms(use_true_random=False),
    st.sampled_from([3, 1_000]),
)
@settings(max_examples=150)
def test_statements_and_evidence_in_any_order_give_the_definition(
    evidence: list[Event], said: list[Statement], chance: random.Random, keep: int
) -> None:
    mixed: list[Event | Statement | str] = [*evidence, *said, *(event for event in evidence if chance.random() < 0.3)]
    chance.shuffle(mixed)
    assert people(take_in(mixed, TIGHT, 0, keep_nodes=keep)[0]) == who_is_who(evidence, TIGHT, said)


@given(
    st.lists(events, max_size=25),
    st.lists(statements, max_size=4, unique_by=lambda one: one.id),
    st.randoms(use_true_random=False),
)
@settings(max_examples=80)
def test_what_is_said_and_withdrawn_leaves_nothing_behind(
    evidence: list[Event], said: list[Statement], chance: random.Random
) -> None:
    plain, _ = take_in(evidence, TIGHT, 1)
    where = chance.randint(0, len(evidence))
    withdrawn = [statement.id for statement in said]
    chance.shuffle(withdrawn)
    again, _ = take_in([*evidence[:where], *said, *evidence[where:], *withdrawn], TIGHT, 2, keep_nodes=4)
    assert people(again) == people(plain) == who_is_who(evidence, TIGHT)
    assert {pair: (link.first, link.refusal) for pair, link in again.links.items()} == {
        pair: (link.first, link.refusal) for pair, link in plain.links.items()
    }


@given(
    st.lists(st.one_of(events, statements), max_size=30, unique_by=lambda one: str(one.id)),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150)
def test_following_what_is_told_leads_from_every_profile_to_the_one_it_is_now(
    evidence: list[Event | Statement], chance: random.Random
) -> None:
    graph, said = IdentityGraph("default", TIGHT), Told()
    for item in evidence:
        if isinstance(item, Statement):
            said.obey(graph.state(item, as_of=1))
        else:
            said.obey(graph.resolve(item))
            said.learn(item, graph)
        said.agrees_with(graph)
    for statement_id in chance.sample(sorted(graph.stated.in_force), len(graph.stated.in_force)):
        said.obey(graph.withdraw(statement_id, as_of=1))
        said.agrees_with(graph)


@given(
    st.lists(st.one_of(events, statements), max_size=20, unique_by=lambda one: str(one.id)),
    st.sampled_from([0, 3, 1_000]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150)
def test_what_is_known_of_an_event_is_what_a_look_at_the_graph_says(
    evidence: list[Event | Statement], keep: int, chance: random.Random
) -> None:
    graph, shelf, before = IdentityGraph("default", TIGHT), Shelf(), list[Event]()
    for batch, item in enumerate(evidence):
        if isinstance(item, Statement):
            restate(graph, shelf, item)
        else:
            first = msgspec.structs.replace(item, identifiers=strongest_first(item.identifiers))
            before += [first, msgspec.structs.replace(first, id=f"again {item.id}", event_time=item.event_time + 12)]
        again = [*before[-2:], *chance.sample(before, min(len(before), 5))]
        shelf.read(graph, again)
        for event in again:
            found = graph.resolve(event, batch)
            assert found.profile_id == graph.look_up(event).profile_id
            assert found.partition in (None, partition_of("default", found.profile_id))
        shelf.write(graph)
        graph.evict(keep)
        assert {one for key in graph.known for one in key} <= graph.nodes.keys()
        assert graph.nodes or not (graph.known or graph.links)


class Told:
    """A follower of what is told: who holds which identifier. A merged profile is closed until a split restores it."""

    def __init__(self) -> None:
        self.members: dict[str, set[Identifier]] = {}
        self.closed: set[str] = set()

    def obey(self, resolution: Resolution) -> None:
        for move in resolution.moves:
            match move:
                case Merged(gone, heir):
                    assert gone not in self.closed
                    assert heir not in self.closed
                    self.members.setdefault(heir, set()).update(self.members.pop(gone))
                    self.closed.add(gone)
                case Split(since=since, until=until) if (since, until) != (None, None):
                    pass  # touches of a shared device; the identifier stays where it is
                case Split(source, target, moved, kept):
                    assert source not in self.closed
                    assert not self.members.get(target)
                    assert self.members[source] == {*moved, *kept}
                    self.closed.discard(target)
                    self.members[source] -= set(moved)
                    self.members[target] = set(moved)

    def learn(self, event: Event, graph: IdentityGraph) -> None:
        known = set().union(*self.members.values()) if self.members else set()
        for identifier in set(event.identifiers) - known:
            self.members.setdefault(graph.nodes[identifier].profile_id, set()).add(identifier)

    def agrees_with(self, graph: IdentityGraph) -> None:
        expected: dict[str, set[Identifier]] = {}
        for identifier, node in graph.nodes.items():
            expected.setdefault(node.profile_id, set()).add(identifier)
        assert {id: members for id, members in self.members.items() if members} == expected


@given(
    st.lists(events, max_size=25, unique_by=lambda one: one.id),
    st.lists(events, max_size=10, unique_by=lambda one: one.id),
    st.permutations([TIGHT, WIDE, FIRST]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150)
def test_rules_that_change_amid_the_evidence_give_the_definition_of_the_last(
    evidence: list[Event], later: list[Event], versions: list[Rules], chance: random.Random
) -> None:
    graph, said = IdentityGraph("default", versions[0]), Told()

    def take_in(event: Event) -> None:
        said.obey(graph.resolve(event))
        said.learn(event, graph)
        said.agrees_with(graph)

    for event in evidence:
        take_in(event)
    for former, rules in pairwise(versions):
        waiting = list(later)
        for resolution in changing(graph, former, rules):
            said.obey(resolution)
            said.agrees_with(graph)
            if waiting and chance.random() < 0.2:
                take_in(waiting.pop())
    for event in later:
        take_in(event)
    assert {identifier: node.profile_id for identifier, node in graph.nodes.items()} == who_is_who(
        [*evidence, *later], versions[-1]
    )
    always = IdentityGraph("default", versions[-1])
    for event in [*evidence, *later]:
        always.resolve(event)
    assert {pair: (link.first, link.refusal) for pair, link in graph.links.items()} == {
        pair: (link.first, link.refusal) for pair, link in always.links.items()
    }
    assert graph.stated.barred == always.stated.barred


LAPSING = Rules(
    version="lapsing",
    limits={
        "user_id": NamespaceRule(1, at_most=1, fan_out=4),
        "email": NamespaceRule(2, at_most=3, fan_out=4, valid_us=2 * WEEK),
        "anonymous_id": NamespaceRule(5, at_most=3, fan_out=4),
    },
    other=NamespaceRule(6, at_most=2, fan_out=4),
)
weeks = st.builds(
    lambda at, identifiers, copy: seen(at * WEEK // 2, *identifiers, id=f"{copy}-{at}-{'+'.join(identifiers)}"),
    st.integers(min_value=1, max_value=14),
    st.lists(st.sampled_from(IDENTIFIERS[:15]), min_size=1, max_size=3, unique=True),
    st.integers(min_value=0, max_value=3),
)


@given(st.lists(weeks, max_size=25), st.randoms(use_true_random=False), st.integers(0, 1_000))
@settings(max_examples=150)
def test_what_lapses_follows_from_the_set_of_evidence(evidence: list[Event], chance: random.Random, seed: int) -> None:
    expected, _ = take_in(evidence, LAPSING, seed)
    shuffled = evidence + [event for event in evidence if chance.random() < 0.3]
    chance.shuffle(shuffled)
    found, _ = take_in(shuffled, LAPSING, seed + 1, keep_nodes=0)
    assert people(found) == people(expected)
    assert {pair: (link.first, link.last, link.refusal) for pair, link in found.links.items()} == {
        pair: (link.first, link.last, link.refusal) for pair, link in expected.links.items()
    }

    changed = IdentityGraph("default", replace(LAPSING, limits={**LAPSING.limits, "email": LOOSE.of("email")}))
    for event in evidence:
        changed.resolve(event)
    for _ in changing(changed, changed.rules, LAPSING):
        pass
    assert {one: node.profile_id for one, node in changed.nodes.items()} == people(expected)


def changing(graph: IdentityGraph, former: Rules, rules: Rules) -> Iterator[Resolution]:
    """Judge identifier after identifier by other rules, as the owner does page by page."""
    graph.rules = rules
    upto = ""
    while left := sorted(node.own_id for node in graph.nodes.values() if node.own_id > upto):
        node = next(node for node in graph.nodes.values() if node.own_id == left[0])
        graph.former = Former(former, upto := node.own_id)
        shown = [link for link in graph.links.values() if node.identifier in link.pair]
        anew = look(node.identifier, shown, rules, former, graph.stated)
        yield graph.reassess(node, anew, seen(1, id=f"rules-{rules.version}-{upto}"))
    graph.former = None


def test_clusters_never_share_a_root() -> None:
    shelf, graph = take_in([seen(n, f"user_id:{n % 3}", f"email:{n % 4}") for n in range(1, 30)], TIGHT, 3)
    clusters: dict[str, Cluster] = {}
    for node in graph.nodes.values():
        assert clusters.setdefault(node.cluster.root, node.cluster) is node.cluster
    assert set(shelf.roots.values()) == set(clusters)
