"""Record by record: the same people as a whole table would give, whatever the order and however it is cut into batches.

An inverted index holds for each key the rows that have it. A list that grows past its key's limit is dead: it finds
nothing more, and a link that only dead lists found does not count any longer. So the links that count are those of
the pairs that share a living list at the end, and these were found on the way, for a dead list never revives.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cairn_matching.blocking import KeyCodes, Numbers
from cairn_matching.cluster import CERTAIN, Clusters, Links, Truths, cluster, same_unique_ids
from cairn_matching.model import Model
from cairn_matching.score import Scorer, in_bits
from cairn_matching.table import Reader, Table

_DEAD: Final = -1


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two records that may be of one person."""

    left: str
    right: str
    bits: float


class Stream:
    """Takes records in batches. A batch is the unit of work: its pairs are scored at once."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._reader = Reader(model.rules, model.date_orders)
        self._numbers = KeyCodes()
        self._lists: list[dict[int, int | list[int]]] = [{} for _ in model.keys]
        """For each key, rows by its number: most lists hold one row, which is then noted without a list."""
        self._limits = [key.limit for key in model.keys]
        self._keyed: list[Numbers] = [np.empty((0, len(model.keys)), dtype=np.int64)]
        self._rows = 0
        self._least = in_bits(model.rules.thresholds.review)
        self._found: list[Links] = []
        self._table = self._reader.table()
        self._scorer = Scorer(model, self._table)
        self.compared = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, records: Iterable[tuple[str, Mapping[str, str]]]) -> list[Suggestion]:
        """Take in records (id and cells) that were never added before; return the pairs they are found in."""
        for record_id, row in records:
            self._reader.add(record_id, row)
        self._table = self._reader.table()
        self._scorer.follow(self._table)
        start = len(self)
        keyed = np.stack([self._numbers.of(key, self._table, start) for key in self._model.keys], axis=1)
        left: list[int] = []
        right: list[int] = []
        for place, numbers in enumerate(keyed.tolist(), start=start):
            met = self._enter(place, numbers)
            left += met
            right += [place] * len(met)
        self._keyed.append(keyed)
        self._rows += len(keyed)
        return self._score(np.array(left, dtype=np.int32), np.array(right, dtype=np.int32))

    def _enter(self, row: int, numbers: list[int]) -> set[int]:
        """Put a row into its lists; return the rows it meets there."""
        met: set[int] = set()
        for lists, number, limit in zip(self._lists, numbers, self._limits, strict=True):
            if number < 0:
                continue
            rows = lists.setdefault(number, row)
            if isinstance(rows, list):
                if len(rows) < limit:
                    met.update(rows)
                    rows.append(row)
                else:
                    lists[number] = _DEAD
            elif rows != row and rows != _DEAD:
                met.add(rows)
                lists[number] = [rows, row]
        return met

    def _score(
        self, left: "np.ndarray[tuple[int], np.dtype[np.int32]]", right: "np.ndarray[tuple[int], np.dtype[np.int32]]"
    ) -> list[Suggestion]:
        if len(self._table.sources) and len(left):
            sources = self._table.sources
            apart = (sources[left] != sources[right]) | (sources[left] < 0)
            left, right = left[apart], right[apart]
        self.compared += len(left)
        places = self._scorer.promising(left, right, self._least)
        left, right = left[places], right[places]
        if not len(left):
            return []
        bits = self._scorer.bits(left, right)
        kept = Links(left, right, bits).where(bits >= self._least)
        self._found.append(kept)
        ids = self._table.ids
        return [
            Suggestion(ids[a], ids[b], value)
            for a, b, value in zip(kept.left.tolist(), kept.right.tolist(), kept.bits.tolist(), strict=True)
        ]

    def clusters(self) -> tuple[Table, Clusters]:
        """All records so far and the people they are of."""
        found = [*self._found, same_unique_ids(self._table)]
        links = Links(*(np.concatenate([getattr(one, side) for one in found]) for side in ("left", "right", "bits")))
        sure = links.bits >= in_bits(self._model.rules.thresholds.link)
        alive = (links.bits >= CERTAIN) | self._share_a_list(links)
        one_each = self._model.rules.one_per_source
        return self._table, cluster(self._table, links.where(sure & alive), self._scorer.bits, one_per_source=one_each)

    def _share_a_list(self, links: Links) -> Truths:
        """Which of the links two rows have that meet in a list that is still alive."""
        keyed = np.concatenate(self._keyed)
        alive = np.zeros(len(links.bits), dtype=np.bool_)
        for place, lists in enumerate(self._lists):
            mine = keyed[links.left, place]
            for link in np.flatnonzero((mine >= 0) & (mine == keyed[links.right, place]) & ~alive).tolist():
                alive[link] = lists[int(mine[link])] != _DEAD
        return alive
