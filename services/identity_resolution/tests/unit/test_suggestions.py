"""What matching suggests is evidence like any other: the order in which it comes changes nothing."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import strength
from cairn_kernel.ids import stable_id
from identity_resolution.domain.elements import Pair, Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.matching import Suggested
from identity_resolution.domain.rules import NamespaceRule, Rules
from identity_resolution.domain.statements import Kind, Statement

from .evidence import named, seen
from .oracle import who_is_who

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TIGHT = Rules(
    limits={
        "user_id": NamespaceRule(1, at_most=1, fan_out=2),
        "email": NamespaceRule(2, at_most=2, fan_out=2),
        "anonymous_id": NamespaceRule(5, at_most=3, fan_out=3),
    },
)
NAMES = [f"{namespace}:{n}" for namespace in ("user_id", "email", "anonymous_id") for n in range(4)]
ALONE = [seen(n + 1, name, id=f"alone-{name}") for n, name in enumerate(NAMES)]
"""Each identifier is seen, so that matching may speak of it."""

events = st.builds(
    lambda at, names: seen(at, *names),
    st.integers(min_value=20, max_value=30),
    st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True),
)
pairs = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1])
weights = st.dictionaries(pairs.map(lambda pair: tuple(sorted(pair))), st.floats(6.7, 40), max_size=6)


def ends(pair: tuple[str, str]) -> tuple[str, str]:
    left, right = sorted(stable_id("profile", "default", *named(name)) for name in pair)
    return left, right


def ordered(pair: tuple[str, str]) -> Pair:
    left, right = sorted((named(name) for name in pair), key=strength)
    return left, right


def people(
    evidence: list[Event], suggested: Mapping[tuple[str, str], float], chance: random.Random
) -> tuple[dict[Identifier, str], IdentityGraph]:
    """Events and suggestions in a random order; each suggestion is first weaker, and some are taken back in between."""
    graph = IdentityGraph("default", TIGHT)
    for event in ALONE:
        graph.resolve(event)
    items: list[Event | tuple[tuple[str, str], float]] = [*evidence, *suggested.items()]
    chance.shuffle(items)
    for item in items:
        if isinstance(item, Event):
            graph.resolve(item)
            continue
        pair, weight = item
        courses: list[list[float | None]] = [[weight], [weight / 2, weight], [weight + 1, None, weight]]
        for step in chance.choice(courses):
            graph.suggest([Suggested(ends(pair), step)], (), ALONE[0])
    return {identifier: node.profile_id for identifier, node in graph.nodes.items()}, graph


@given(st.lists(events, max_size=15), weights, st.integers(0, 1_000))
@settings(max_examples=150)
def test_suggestions_and_events_in_any_order_give_the_definition(
    evidence: list[Event], suggested: dict[tuple[str, str], float], seed: int
) -> None:
    expected = who_is_who([*ALONE, *evidence], TIGHT, suggested={ordered(one): bits for one, bits in suggested.items()})
    for order in (seed, seed + 1):
        assert people(evidence, suggested, random.Random(order))[0] == expected


@given(st.lists(events, max_size=10), weights, st.integers(0, 1_000))
@settings(max_examples=80)
def test_a_suggestion_taken_back_leaves_nothing_behind(
    evidence: list[Event], suggested: dict[tuple[str, str], float], seed: int
) -> None:
    _, graph = people(evidence, suggested, random.Random(seed))
    for pair in suggested:
        graph.suggest([Suggested(ends(pair), None)], (), ALONE[0])
    left = {identifier: node.profile_id for identifier, node in graph.nodes.items()}
    assert left == who_is_who([*ALONE, *evidence], TIGHT)


def test_a_denial_beats_any_score_and_is_told() -> None:
    graph = IdentityGraph("default", TIGHT)
    for event in ALONE:
        graph.resolve(event)
    apart = Statement(
        id="d",
        kind=Kind.NOT_SAME,
        left=(named("email:1"),),
        right=(named("email:2"),),
        author="anna",
        reason="sisters",
        at=1,
    )
    graph.state(apart, as_of=1)
    graph.suggest([Suggested(ends(("email:1", "email:2")), 90.0)], (), ALONE[0])
    assert graph.nodes[named("email:1")].profile_id != graph.nodes[named("email:2")].profile_id
    assert graph.links[ordered(("email:1", "email:2"))].refusal == Refusal.DENIED


def test_a_crowd_that_suggestions_make_lets_go_and_blocks_nobody() -> None:
    rules = Rules(component_cap=3)
    graph = IdentityGraph("default", rules)
    for n in range(6):
        graph.resolve(seen(n + 1, f"email:{n}"))
    for n in range(5):
        graph.suggest([Suggested(ends((f"email:{n}", f"email:{n + 1}")), 20.0 + n)], (), ALONE[0])
    assert not graph.stated.barred
    groups: dict[str, int] = {}
    for node in graph.nodes.values():
        groups[node.profile_id] = groups.get(node.profile_id, 0) + 1
    assert max(groups.values()) <= 3
    assert Refusal.CROWDED in {link.refusal for link in graph.links.values()}
