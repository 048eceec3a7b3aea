"""Training without labels: u by counting and by random pairs, m and the priors by expectation and maximisation.

The patterns of all blocked pairs are counted once; what follows works on the counts. Whether a pair is blocked is a
function of its own values, so the posterior of a blocked pair needs no correction for the selection; pairs that no key
finds are taken for strangers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cairn_matching.blocking import Blocks, Key, default_keys
from cairn_matching.levels import EXACT, NAMES, Levels
from cairn_matching.model import FieldModel, Model, Priors, rounded
from cairn_matching.rules import Field, Rules
from cairn_matching.score import (
    NAMESAKES_PER_HOUSEHOLD_PAIR,
    TWINS_PER_HOUSEHOLD_PAIR,
    Bits,
    levels_of,
    log2_sum,
    named_alike,
    relation_tables,
    swap_partners,
)
from cairn_matching.table import Table, common_values, fields_of

SEED: Final = 1
RANDOM_PAIRS: Final = 300_000
TRAINING_PAIRS: Final = 1_000_000
FREQUENT: Final = 6
ROUNDS: Final = 60
_SMALLEST: Final = 1e-9
_MOST_DIFFERENT: Final = {
    "given": 0.15,
    "surname": 0.25,
    "date": 0.1,
    "identifier": 0.15,
    "suffix": 0.02,
    "category": 0.1,
}
"""A person's own fields differ wholly in so many of their pairs at most. Without it the largest group of alike pairs,
which may be families, would be taken for matches, whatever they differ in."""
_PLACES: Final = ("postcode", "place")
_PERSONAL: Final = ("given", "date", "identifier")
_SHARED: Final = ("address", "postcode", "phone", "number")

Progress = Callable[[str, int, int], None]
"""Told what is done (a word), how far, and out of how much."""


@dataclass(slots=True)
class Patterns:
    """Distinct rows of levels and how many pairs show each."""

    levels: Levels
    counts: Bits


def train(
    rules: Rules,
    table: Table,
    date_orders: Mapping[str, str] | None = None,
    keys: Sequence[Key] | None = None,
    progress: Progress = lambda word, done, total: None,
) -> Model:
    """The model of a table of records, by its content alone: the order of rows does not matter."""
    fields = fields_of(rules)
    blocks = Blocks(table, keys or default_keys(fields), frozen=False)
    partners = swap_partners([(one.name, one.kind) for one in fields])
    met = _random_levels(table, fields, partners)
    patterns = _blocked_patterns(table, blocks, fields, partners, progress)
    fitted = _Fit(table, fields, met, patterns)
    fitted.run()
    return Model(
        rules=rules,
        fields=tuple(_field_model(one, table, fitted, place) for place, one in enumerate(fields)),
        keys=tuple(blocks.keys),
        priors=Priors(*(rounded(share) for share in (fitted.match, fitted.household, fitted.neighbour))),
        date_orders=dict(date_orders or {}),
        trained_on=len(table),
    )


def _random_levels(table: Table, fields: Sequence[Field], partners: Mapping[str, str]) -> list[Bits]:
    """For each field the shares of levels among random pairs; equality is counted over all pairs instead."""
    size = len(table)
    if size < 2:
        return [_default_u(one.kind) for one in fields]
    chosen = np.random.default_rng(SEED).integers(0, size, (2, min(RANDOM_PAIRS, size * size)))
    rows = np.argsort(table.digests, kind="stable").astype(np.int32)[chosen]
    left, right = rows[:, rows[0] != rows[1]]
    found = levels_of(table, [(one.name, one.kind) for one in fields], partners, left, right)
    return [_met(found[:, place], table, one) for place, one in enumerate(fields)]


def _met(levels: Levels, table: Table, one: Field) -> Bits:
    names = NAMES[one.kind]
    counts: Bits = np.bincount(levels[levels >= 0], minlength=len(names)) + _default_u(one.kind)
    if one.kind == "suffix":  # told also where one has none, so equality is a share of more than the given ones
        return np.asarray(counts / counts.sum())
    equal = _equal_share(table.columns[one.name].counts)
    others = counts[1:] / counts[1:].sum() * (1.0 - equal)
    return np.array([max(equal, _SMALLEST), *others])


def _equal_share(counts: npt.NDArray[np.int64]) -> float:
    """Share of pairs with equal values; a tenth where nothing was seen."""
    total = int(counts.sum())
    return float(((counts * (counts - 1.0)).sum() + 0.1) / (total * (total - 1.0) + 1.0))


def _held(m: Bits, most: float) -> Bits:
    """m with no more than so much for its last level, which says that the values are different."""
    if m[-1] <= most:
        return m
    return np.array([*(m[:-1] / m[:-1].sum() * (1.0 - most)), most])


def _equal_together(table: Table, names: Sequence[str]) -> float:
    """Share of pairs that agree on all of these fields."""
    if not names:
        return 0.0
    codes = np.stack([table.columns[name].codes for name in names])
    whole = codes[:, (codes >= 0).all(axis=0)]
    return _equal_share(np.unique(whole, axis=1, return_counts=True)[1])


def _default_u(kind: str) -> Bits:
    """Pseudo-counts: what is met among strangers before any was seen."""
    size = len(NAMES[kind])
    return np.array([*np.full(size - 1, 0.3), 3.0])


def _default_m(kind: str) -> Bits:
    """What is met among records of one person before any was seen; a share that training must outweigh."""
    size = len(NAMES[kind])
    if kind == "suffix":
        return np.array([0.7, 0.29, 0.01])
    between = np.full(size - 2, 0.1 / max(1, size - 2))
    return np.array([0.85, *between, 0.15 - between.sum()])


def _blocked_patterns(
    table: Table, blocks: Blocks, fields: Sequence[Field], partners: Mapping[str, str], progress: Progress
) -> Patterns:
    """Patterns of the blocked pairs, or of a share of them chosen by content."""
    total = blocks.count()
    every = max(1, -(-total // TRAINING_PAIRS))
    kinds = [(one.name, one.kind) for one in fields]
    counted: dict[bytes, float] = {}
    done = 0
    for left, right in blocks.pairs():
        done += len(left)
        progress("learning from pairs", min(done, total), total)
        if every > 1:
            chosen = _mixed(table.digests[left] ^ table.digests[right]) % np.uint64(every) == 0
            left, right = left[chosen], right[chosen]
        found = np.ascontiguousarray(levels_of(table, kinds, partners, left, right))
        rows, counts = np.unique(found.view(np.dtype((np.void, len(fields)))), return_counts=True)
        for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
            counted[row] = counted.get(row, 0.0) + count * every
    keys = sorted(counted)
    levels = np.frombuffer(b"".join(keys), dtype=np.int8).reshape(len(keys), len(fields))
    return Patterns(levels, np.array([counted[key] for key in keys], dtype=np.float64))


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)


class _Fit:
    """Expectation and maximisation over counted patterns; u stays as it was counted, less what matches put into it."""

    PRIOR_PAIRS: Final = 20.0
    """As many imagined matches hold m near its default: a file without duplicates must not invent them."""

    def __init__(self, table: Table, fields: Sequence[Field], met: list[Bits], patterns: Patterns) -> None:
        self._fields = fields
        self._met = met
        self._patterns = patterns
        self.pairs = max(1.0, len(table) * (len(table) - 1.0) / 2.0)
        self.m = [_default_m(one.kind) for one in fields]
        self.u = [share.copy() for share in met]
        self.u_named = [share.copy() for share in met]
        self._named = named_alike([(one.name, one.kind) for one in fields], patterns.levels)
        self.match = min(0.1, 0.3 / max(1, len(table)))
        kinds = {one.kind for one in fields}
        self._homes = not kinds.isdisjoint(_PERSONAL) and not kinds.isdisjoint(_SHARED)
        self.household = self.match if self._homes else 1e-12
        self._places = [place for place, one in enumerate(fields) if one.kind in _PLACES][:2]
        self._places_met = _equal_together(table, [fields[place].name for place in self._places])
        self.neighbour = _SMALLEST

    def run(self) -> None:
        """Rounds until the priors and m stand still."""
        for _ in range(ROUNDS):
            before = np.concatenate([[np.log2(self.match)], *self.m])
            self._round()
            if np.abs(np.concatenate([[np.log2(self.match)], *self.m]) - before).max() < 1e-4:
                break

    def _round(self) -> None:
        self._clean()
        match, home = self._posteriors()
        weights = match * self._patterns.counts
        for place, one in enumerate(self._fields):
            levels = self._patterns.levels[:, place]
            present = levels >= 0
            counted = np.bincount(levels[present], weights=weights[present], minlength=len(NAMES[one.kind]))
            seen: Bits = counted + self.PRIOR_PAIRS * _default_m(one.kind)
            self.m[place] = _held(seen / seen.sum(), _MOST_DIFFERENT.get(one.kind, 0.4))
            if one.kind == "email":
                self._name_emails(place, (1.0 - match) * self._patterns.counts)
        self.match = float(max(weights.sum(), 0.5) / self.pairs)
        if self._homes:
            self.household = float(max((home * self._patterns.counts).sum(), 0.5) / self.pairs)

    def _name_emails(self, place: int, weights: Bits) -> None:
        """u of e-mail addresses between strangers of one name; equal ones are as rare as between any."""
        levels = self._patterns.levels[:, place]
        chosen = self._named & (levels > EXACT)
        counted = np.bincount(levels[chosen], weights=weights[chosen], minlength=len(self.u[place]))
        seen: Bits = counted + self.PRIOR_PAIRS * self.u[place]
        seen[EXACT] = 0.0
        equal = self.u[place][EXACT]
        self.u_named[place] = np.array([equal, *(seen[1:] / seen.sum() * (1.0 - equal))])

    def _clean(self) -> None:
        """u without the share of random pairs that are matches; neighbours are what places agree beyond chance."""
        for place, met in enumerate(self._met):
            kept = np.maximum(met - self.match * self.m[place], 0.1 * met)
            self.u[place] = kept / kept.sum()

        if len(self._places) == 2:
            m, u = (float(np.prod([share[p][EXACT] for p in self._places])) for share in (self.m, self.u))
            self.neighbour = max(_SMALLEST, (self._places_met - u) / max(m, 0.5) - self.match)

    def _posteriors(self) -> tuple[Bits, Bits]:
        """For each pattern the chance of one person, and of one household."""
        home = self.household
        weighed = (self.neighbour, home, home * TWINS_PER_HOUSEHOLD_PAIR, home * NAMESAKES_PER_HOUSEHOLD_PAIR)
        priors = [max(0.5, 1.0 - sum(weighed)), *weighed]
        match = np.full(len(self._patterns.counts), np.log2(self.match))
        others = [np.full(len(self._patterns.counts), np.log2(prior)) for prior in priors]
        for place, one in enumerate(self._fields):
            levels = self._patterns.levels[:, place]
            m, u = self.m[place], self.u[place]
            match += np.log2([*m, 1.0])[levels]
            tables = relation_tables(one.kind, m, u)
            named = relation_tables(one.kind, m, self.u_named[place]) if one.kind == "email" else tables
            for total, table, by_name in zip(others, tables, named, strict=True):
                total += np.where(self._named, by_name[levels], table[levels])
        total = log2_sum([match, *others])
        return np.exp2(match - total), np.exp2(log2_sum(others[2:]) - total)


def _field_model(one: Field, table: Table, fitted: _Fit, place: int) -> FieldModel:
    column = table.columns[one.name]
    size = max(1, int(column.counts.sum()))
    frequent = common_values(column, FREQUENT) if one.kind != "suffix" else {}
    m, u = fitted.m[place], fitted.u[place]
    return FieldModel(
        name=one.name,
        kind=one.kind,
        m=tuple(rounded(share) for share in m),
        u=tuple(rounded(share) for share in u),
        u_named=tuple(rounded(share) for share in fitted.u_named[place]) if one.kind == "email" else (),
        rare=rounded(float(u[EXACT]) if one.kind == "suffix" else _rare(column.counts, fitted.match * float(m[EXACT]))),
        frequencies={value: rounded(count / size) for value, count in sorted(frequent.items())},
    )


def _rare(counts: npt.NDArray[np.int64], by_matches: float) -> float:
    """Chance that a stranger has the same rare value; agreement that matches cause is taken out."""
    total = int(counts.sum())
    rare = counts[counts < FREQUENT]
    share = float(rare.sum()) / max(1, total)
    if not share:
        return 1.0 / max(10, total)
    met = float((rare * (rare - 1.0)).sum()) / max(1.0, total * (total - 1.0)) / share
    return max(met - by_matches, 0.1 * met, 0.1 / total)
