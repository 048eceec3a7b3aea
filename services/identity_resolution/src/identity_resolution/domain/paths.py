"""Why two identifiers are one person, or are not: the cheapest path between them, with what was refused on it."""

from heapq import heappop, heappush
from typing import Final, NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Link, Node, Pair, Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.partition import (
    Judge,
    canonical_order,
    considered_links,
    lapsed,
    standing,
    within_limits,
)
from identity_resolution.domain.statements import Kind, Statement

REFUSED: Final = 1_000
"""What a refused step costs: a path without any comes before each one with some."""


class Refused(NamedTuple):
    """Why a link was not taken."""

    refusal: Refusal
    limit: str = ""
    """The namespace of which one person would have too many."""
    statement_id: str = ""
    """The denial, or the block."""


class Step(NamedTuple):
    """From one identifier to another."""

    start: Identifier
    end: Identifier
    link: Link | None
    statement: Statement | None
    refused: Refused | None


def path(graph: IdentityGraph, left: Identifier, right: Identifier) -> list[Step]:
    """The steps from left to right at least cost: strong identifiers before weak ones; empty if there is no way."""
    steps = _steps(graph, [*graph.nodes[left].cluster.nodes, *graph.nodes[right].cluster.nodes])
    queue: list[tuple[int, Identifier, tuple[Step, ...]]] = [(0, left, ())]
    done: set[Identifier] = set()
    while queue:
        cost, at, way = heappop(queue)
        if at == right:
            return list(way)
        if at in done:
            continue
        done.add(at)
        for step in steps.get(at, ()):
            heappush(queue, (cost + _cost(graph, step), step.end, (*way, step)))
    return []


def _cost(graph: IdentityGraph, step: Step) -> int:
    strength = graph.rules.of(step.start.namespace).priority + graph.rules.of(step.end.namespace).priority
    return strength + (REFUSED if step.refused else 0)


def _steps(graph: IdentityGraph, nodes: list[Node]) -> dict[Identifier, list[Step]]:
    refused = refusals(graph, nodes)
    found: dict[Identifier, list[Step]] = {}
    for link in {link.pair: link for node in nodes for link in node.links.values()}.values():
        _both_ways(found, link.pair, link, None, refused.get(link.pair))
    for statement in graph.stated.asserted(node.identifier for node in nodes):
        _both_ways(found, (statement.left[0], statement.right[0]), None, statement, None)
    for steps in found.values():
        steps.sort(key=lambda step: (step.end, step.link is None))
    return found


def _both_ways(
    found: dict[Identifier, list[Step]],
    pair: Pair,
    link: Link | None,
    statement: Statement | None,
    refused: Refused | None,
) -> None:
    for start, end in (pair, pair[::-1]):
        found.setdefault(start, []).append(Step(start, end, link, statement, refused))


def refusals(graph: IdentityGraph, nodes: list[Node]) -> dict[Pair, Refused]:
    """Why links of these nodes were not taken, with the limit or the statement. The nodes are whole clusters."""
    stated, rules = graph.stated, graph.rules
    found: dict[Pair, Refused] = {}
    for link in {link.pair: link for node in nodes for link in node.links.values()}.values():
        why = standing(link, stated.barred)
        if why:
            blocks = (one.id for one in stated.in_force.values() if one.kind == Kind.BLOCK)
            block = next((id for id in blocks if set(stated.in_force[id].left) & set(link.pair)), "")
            found[link.pair] = Refused(why, statement_id=block if why == Refusal.BLOCKED else "")
    gone = lapsed(nodes, rules)
    found.update((link.pair, Refused(Refusal.LAPSED)) for link in gone if link.pair not in found)
    if not gone and within_limits(nodes, rules) and not stated.denied:
        return found
    judge = Judge(nodes, rules, stated)
    judge.take_statements()
    for link in sorted(considered_links(nodes, stated), key=lambda link: canonical_order(link, rules)):
        if link in gone or link.pair[0] not in judge.forest or link.pair[1] not in judge.forest:
            continue
        limit, denial = judge.broken_limit(*link.pair), judge.denial(*link.pair)
        why = judge.take(*link.pair)
        if why:
            found[link.pair] = Refused(why, limit if why == Refusal.CARDINALITY else "", denial)
    return found
