"""From links to people: strongest links first, and no link that the rest of both groups speaks against.

The partition is a function of the set of records: links are taken in an order that only their scores and the contents
of the records give. Two groups are joined by a link only if

* they do not hold different values of a unique id,
* they do not hold two rows of one source, where a source has each person once,
* on the whole the pairs between them speak for one person: the mean of their bits, each held to ±10, is above zero.
  A single false link thus cannot chain two people together, and a single spoilt record does not part one person.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cairn_matching.blocking import CHUNK, Rows
from cairn_matching.score import Bits, Places
from cairn_matching.table import Codes, Table

HELD_TO: Final = 10.0
REPRESENTATIVES: Final = 24
"""Of larger groups so many members stand for all, chosen by content: the work of a join stays bounded."""
CERTAIN: Final = 200.0
"""Bits of an equal unique id."""

UNIQUE_IDS_DIFFER: Final = "UNIQUE_IDS_DIFFER"
SOURCE_HOLDS_BOTH: Final = "SOURCE_HOLDS_BOTH"
OTHERS_DISAGREE: Final = "OTHERS_DISAGREE"

ScorePairs: TypeAlias = Callable[[Rows, Rows], Bits]
Truths: TypeAlias = npt.NDArray[np.bool_]
Digests: TypeAlias = npt.NDArray[np.uint64]


@dataclass(slots=True)
class Links:
    """Scored pairs of rows."""

    left: Rows
    right: Rows
    bits: Bits

    def where(self, chosen: Places | Truths) -> "Links":
        """Some of them."""
        return Links(self.left[chosen], self.right[chosen], self.bits[chosen])


@dataclass(slots=True)
class Clusters:
    """For each row its cluster, named by the smallest row in it, and the links that were refused, with reasons."""

    of: Rows
    refused: dict[tuple[int, int], str]


@dataclass(slots=True)
class _Group:
    members: list[int]
    uniques: tuple[frozenset[int], ...]
    sources: frozenset[int] = field(default_factory=frozenset)


def same_unique_ids(table: Table) -> Links:
    """Links between rows that hold the same unique id: each with the next one that holds it."""
    left: list[Rows] = []
    right: list[Rows] = []
    for codes in table.uniques.values():
        rows = np.flatnonzero(codes >= 0).astype(np.int32)
        rows = rows[np.lexsort((table.digests[rows], codes[rows]))]
        same = codes[rows[1:]] == codes[rows[:-1]]
        left.append(rows[:-1][same])
        right.append(rows[1:][same])
    if not left:
        return Links(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    joined = np.concatenate(left), np.concatenate(right)
    return Links(*joined, np.full(len(joined[0]), CERTAIN))


def cluster(table: Table, links: Links, score: ScorePairs, *, one_per_source: bool = False) -> Clusters:
    """Join rows by links that are all sure enough."""
    ordered = links.where(_canonical(table, links))
    parents = _components(len(table), ordered)
    refused: dict[tuple[int, int], str] = {}
    of = np.arange(len(table), dtype=np.int32)
    for batch in _batches(parents, ordered):
        known = _known_bits(batch, score)
        for rows, edges in batch:
            joiner = _Joiner(table, rows, known, score, one_per_source)
            for edge in edges:
                left, right = int(ordered.left[edge]), int(ordered.right[edge])
                reason = joiner.join(left, right)
                if reason:
                    refused[left, right] = reason
            for group in joiner.groups():
                of[group] = min(group)
    return Clusters(of, refused)


def _canonical(table: Table, links: Links) -> Places:
    """Strongest first; ties by content, then by id."""
    first, second = table.digests[links.left], table.digests[links.right]
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((high, low, -links.bits))
    return _ties_by_id(table, links, order, low, high)


def _ties_by_id(table: Table, links: Links, order: Places, low: Digests, high: Digests) -> Places:
    same = (
        (links.bits[order[1:]] == links.bits[order[:-1]])
        & (low[order[1:]] == low[order[:-1]])
        & (high[order[1:]] == high[order[:-1]])
    )
    if not same.any():
        return order
    names = np.array(
        ["\x1f".join(sorted((table.ids[a], table.ids[b]))) for a, b in zip(links.left, links.right, strict=True)]
    )
    return np.lexsort((names, high, low, -links.bits))


def _components(size: int, links: Links) -> list[int]:
    parents = list(range(size))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for left, right in zip(links.left.tolist(), links.right.tolist(), strict=True):
        a, b = root(left), root(right)
        if a != b:
            parents[max(a, b)] = min(a, b)
    return [root(row) for row in range(size)]


_Component = tuple[list[int], list[int]]
"""Rows, and places of links in canonical order."""


def _batches(parents: list[int], links: Links) -> Iterator[list[_Component]]:
    """Components of more than one row, so many at a time that their pairs fill a chunk."""
    found: dict[int, tuple[dict[int, None], list[int]]] = {}
    for place, (left, right) in enumerate(zip(links.left.tolist(), links.right.tolist(), strict=True)):
        rows, edges = found.setdefault(parents[left], ({}, []))
        rows[left] = rows[right] = None
        edges.append(place)
    batch: list[_Component] = []
    waiting = 0
    for rows, edges in found.values():
        batch.append((list(rows), edges))
        waiting += min(len(rows), REPRESENTATIVES) ** 2
        if waiting > CHUNK:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch


def _known_bits(batch: list[_Component], score: ScorePairs) -> dict[tuple[int, int], float]:
    """Bits of all pairs within small components, asked for at once."""
    wanted = [
        (a, b)
        for rows, _ in batch
        if 2 < len(rows) <= REPRESENTATIVES
        for place, a in enumerate(rows)
        for b in rows[place + 1 :]
    ]
    if not wanted:
        return {}
    left, right = (np.array(side, dtype=np.int32) for side in zip(*wanted, strict=True))
    bits = np.clip(score(left, right), -HELD_TO, HELD_TO).tolist()
    return {(min(pair), max(pair)): value for pair, value in zip(wanted, bits, strict=True)}


class _Joiner:
    """Groups within one component."""

    def __init__(
        self,
        table: Table,
        rows: list[int],
        known: dict[tuple[int, int], float],
        score: ScorePairs,
        one_per_source: bool,
    ) -> None:
        self._table = table
        self._known = known
        self._score = score
        self._one_per_source = one_per_source
        self._in: dict[int, _Group] = {
            row: _Group([row], tuple(_held(codes, row) for codes in table.uniques.values()), _held(table.sources, row))
            for row in rows
        }

    def groups(self) -> Iterator[list[int]]:
        """The groups, each once."""
        seen = {id(group): group.members for group in self._in.values()}
        yield from seen.values()

    def join(self, left: int, right: int) -> str:
        """Join the groups of two rows; why not, if not."""
        a, b = self._in[left], self._in[right]
        if a is b:
            return ""
        reason = self._against(a, b)
        if reason:
            return reason
        if len(a.members) < len(b.members):
            a, b = b, a
        a.members += b.members
        a.uniques = tuple(mine | theirs for mine, theirs in zip(a.uniques, b.uniques, strict=True))
        a.sources |= b.sources
        for row in b.members:
            self._in[row] = a
        return ""

    def _against(self, a: _Group, b: _Group) -> str:
        shared = any(mine & theirs for mine, theirs in zip(a.uniques, b.uniques, strict=True))
        if any(mine and theirs and not mine & theirs for mine, theirs in zip(a.uniques, b.uniques, strict=True)):
            return UNIQUE_IDS_DIFFER
        if shared:
            return ""
        if self._one_per_source and a.sources & b.sources:
            return SOURCE_HOLDS_BOTH
        if len(a.members) * len(b.members) > 1 and self._support(a, b) <= 0:
            return OTHERS_DISAGREE
        return ""

    def _support(self, a: _Group, b: _Group) -> float:
        """Mean of the held bits of the pairs between two groups, or between those that stand for them."""
        pairs = [(min(x, y), max(x, y)) for x in self._standing(a) for y in self._standing(b)]
        missing = [pair for pair in pairs if pair not in self._known]
        if missing:
            left, right = (np.array(side, dtype=np.int32) for side in zip(*missing, strict=True))
            bits = np.clip(self._score(left, right), -HELD_TO, HELD_TO).tolist()
            self._known.update(zip(missing, bits, strict=True))
        # A fixed order of summation: the result must not depend on the order of rows.
        return float(sum(sorted(self._known[pair] for pair in pairs)) / len(pairs))

    def _standing(self, group: _Group) -> list[int]:
        if len(group.members) <= REPRESENTATIVES:
            return group.members
        chosen = sorted(group.members, key=lambda row: (int(self._table.digests[row]), self._table.ids[row]))
        return chosen[:REPRESENTATIVES]


def _held(codes: Codes, row: int) -> frozenset[int]:
    return frozenset({int(codes[row])}) if len(codes) and codes[row] >= 0 else frozenset()


def members(clusters: Clusters) -> dict[int, list[int]]:
    """Rows by cluster."""
    found: dict[int, list[int]] = {}
    for row, name in enumerate(clusters.of.tolist()):
        found.setdefault(name, []).append(row)
    return found


def sizes(clusters: Clusters) -> list[int]:
    """Sizes of clusters, largest first."""
    return sorted((len(rows) for rows in members(clusters).values()), reverse=True)


def pairs_within(clusters: Clusters) -> Iterator[tuple[int, int]]:
    """All pairs of rows in one cluster."""
    return chain.from_iterable(
        ((a, b) for place, a in enumerate(rows) for b in rows[place + 1 :]) for rows in members(clusters).values()
    )
