"""How sure it is that two records are of one person: Fellegi and Sunter's weight, with relatives as alternatives.

The classic weight sets one person against two strangers. Members of a household share surname, address and telephone,
twins the day of birth as well, so that these would pass for one person. They are alternatives of their own here:

    bits = log2(P(match) · Πm) − log2(Σ over strangers, neighbours, households, twins, namesakes of P(k) · Π p_k)

where p_k of a field is m if such people share it, u if not, or a mixture. Missing values count nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cairn_matching.blocking import Rows
from cairn_matching.growing import Growing
from cairn_matching.levels import EXACT, MISSING, NAMES, Levels, Truths, compare
from cairn_matching.model import FieldModel, Model
from cairn_matching.table import Column, Table

Bits: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]

_HOUSEHOLD: Final = {
    "surname": 0.85, "address": 1.0, "number": 1.0, "postcode": 1.0, "place": 1.0, "phone": 0.5, "email": 0.1,
    "category": 0.5,
}  # fmt: skip
_DEAR: Final = frozenset({"address", "place", "text"})
"""Types whose comparison takes longest."""
RELATIONS: Final[Mapping[str, Mapping[str, float]]] = {
    "strangers": {},
    "neighbours": {"postcode": 1.0, "place": 1.0, "category": 0.5},
    "household": _HOUSEHOLD,
    "twins": _HOUSEHOLD | {"date": 1.0, "surname": 0.97},
    "namesakes": _HOUSEHOLD | {"given": 1.0, "surname": 0.97},
}
"""Who else two records may be of, and how much of each type of field such people share as one person's records do."""

_FATHER_AND_SON: Final = (0.05, 0.65, 0.3)
"""Their suffixes: same, given for one of them only, different."""

TWINS_PER_HOUSEHOLD_PAIR: Final = 0.02
NAMESAKES_PER_HOUSEHOLD_PAIR: Final = 0.02


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one field (or the prior, or the chance that they are relatives) adds to a score."""

    field: str
    level: str
    bits: float


class Scorer:
    """A model over one table. `pairs` gives the same bits for a pair whatever else is asked with it."""

    def __init__(self, model: Model, table: Table) -> None:
        self._model = model
        self._table = table
        self._weights = [_Weights(one) for one in model.fields]
        self._chances = [_Chances(one) for one in model.fields]
        self.follow(table)
        self._priors = np.log2(relation_priors(model))
        self._kinds = [(one.name, one.kind) for one in model.fields]
        self._partners = swap_partners(self._kinds)
        self._cheap_first = sorted(range(len(self._kinds)), key=lambda place: self._kinds[place][1] in _DEAR)

    def follow(self, table: Table) -> None:
        """Score pairs of this table, which holds all rows of the one before and more."""
        self._table = table
        for one, chances in zip(self._model.fields, self._chances, strict=True):
            chances.extend(table.columns[one.name].values)

    def levels(self, left: Rows, right: Rows) -> Levels:
        """One row of levels for each pair, a column for each field."""
        turned = self._table.digests[left] > self._table.digests[right]  # similarity need not be symmetric: fix a side
        first, second = np.where(turned, right, left), np.where(turned, left, right)
        return levels_of(self._table, self._kinds, self._partners, first, second)

    def bits(self, left: Rows, right: Rows) -> Bits:
        """log2 of the odds that both records are of one person."""
        match, others = self._sums(left, right)
        return match - log2_sum(others)

    def promising(self, left: Rows, right: Rows, least: float) -> Places:
        """Places of the pairs that may reach so many bits: others are given up before dear comparisons are made.

        No pair scores above its weight against strangers, where unequal values count as alike as they can be.
        """
        places = np.arange(len(left))
        at_best = [self._at_best(place, left, right) for place in range(len(self._kinds))]
        bound = np.log2(self._model.priors.match) - self._priors[0] + sum(at_best)
        for place in self._cheap_first:
            alive = bound >= least
            places, bound = places[alive], bound[alive]
            if self._kinds[place][1] in _DEAR or not len(places):
                break
            levels = self._levels(place, left[places], right[places])
            bound += self._against_strangers(place, levels, left[places]) - at_best[place][places]
        return np.asarray(places[bound >= least])

    def _at_best(self, place: int, left: Rows, right: Rows) -> Bits:
        """The most that a field can add, by whether its values are equal."""
        name, kind = self._kinds[place]
        codes = self._table.columns[name].codes
        a, b = codes[left], codes[right]
        weights = self._weights[place]
        equal = weights.match[EXACT] - self._chances[place].bits[a]
        missing = weights.best if kind in ("given", "surname", "suffix") else 0.0
        return np.where((a < 0) | (b < 0), max(missing, 0.0), np.where(a == b, equal, weights.best))

    def _against_strangers(self, place: int, levels: Levels, left: Rows) -> Bits:
        """A field's weight; e-mail addresses as if names did not tell of them, which is never too little."""
        weights = self._weights[place]
        codes = self._table.columns[self._kinds[place][0]].codes[left]
        stranger = np.where(levels == EXACT, self._chances[place].bits[codes], weights.least[levels])
        return np.asarray(weights.match[levels] - stranger)

    def _levels(self, place: int, left: Rows, right: Rows) -> Levels:
        turned = self._table.digests[left] > self._table.digests[right]
        first, second = np.where(turned, right, left), np.where(turned, left, right)
        return levels_of(self._table, self._kinds[place : place + 1], self._partners, first, second)[:, 0]

    def _sums(self, left: Rows, right: Rows) -> tuple[Bits, list[Bits]]:
        found = self.levels(left, right)
        named = named_alike(self._kinds, found)
        match = np.full(len(left), np.log2(self._model.priors.match))
        others = [np.full(len(left), prior) for prior in self._priors]
        for place, weights in enumerate(self._weights):
            levels = found[:, place]
            match += weights.match[levels]
            stranger = self._stranger(place, levels, left, named)
            for number, total in enumerate(others):
                total += weights.related(number, levels, named, stranger)
        return match, others

    def _stranger(self, place: int, levels: Levels, left: Rows, named: Truths) -> Bits:
        """log2 u, where equal values count by their own frequency and names tell of e-mail addresses."""
        weights = self._weights[place]
        codes = self._table.columns[self._model.fields[place].name].codes[left]
        return np.where(levels == EXACT, self._chances[place].bits[codes], weights.stranger(levels, named))

    def explain(self, left: int, right: int) -> list[Contribution]:
        """What adds up to the bits of a pair: the prior, each field, and that they may be relatives."""
        return self.told(np.array([left], dtype=np.int32), np.array([right], dtype=np.int32))[0]

    def told(self, left: Rows, right: Rows) -> list[list[Contribution]]:
        """`explain` for many pairs at once."""
        found = self.levels(left, right)
        named = named_alike(self._kinds, found)
        prior = Contribution("prior", "", float(np.log2(self._model.priors.match) - self._priors[0]))
        told = [[prior] for _ in left]
        for place, one in enumerate(self._model.fields):
            levels = found[:, place]
            bits = self._weights[place].match[levels] - self._stranger(place, levels, left, named)
            names = (*NAMES[one.kind], "missing")
            for parts, level, share in zip(told, levels.tolist(), bits.tolist(), strict=True):
                parts.append(Contribution(one.name, names[level], share))
        _, others = self._sums(left, right)
        for parts, share in zip(told, (others[0] - log2_sum(others)).tolist(), strict=True):
            parts.append(Contribution("relatives", "", share))
        return told


def probability(bits: Bits) -> Bits:
    """Odds in bits as a probability."""
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(bits, -500.0, 500.0))), dtype=np.float64)


def in_bits(chance: float) -> float:
    """A probability as odds in bits."""
    return float(np.log2(chance / (1.0 - chance)))


def log2_sum(parts: Sequence[Bits]) -> Bits:
    """log2 of the sum of powers of two."""
    total = parts[0]
    for part in parts[1:]:
        total = np.logaddexp2(total, part)
    return total


def relation_priors(model: Model) -> list[float]:
    """Shares of all pairs by relation, in the order of RELATIONS."""
    household = model.priors.household
    others = [
        model.priors.neighbour,
        household,
        household * TWINS_PER_HOUSEHOLD_PAIR,
        household * NAMESAKES_PER_HOUSEHOLD_PAIR,
    ]
    return [1.0 - min(0.5, sum(others) + model.priors.match), *(max(share, 1e-300) for share in others)]


def shares(kind: str) -> list[float]:
    """How far a type of field is shared, by relation; a suffix parts namesakes."""
    if kind == "suffix":
        return [float(relation == "namesakes") for relation in RELATIONS]
    return [relation.get(kind, 0.0) for relation in RELATIONS.values()]


def swap_partners(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Given name ↔ surname, by name of field."""
    given = [name for name, kind in fields if kind == "given"]
    surname = [name for name, kind in fields if kind == "surname"]
    pairs = list(zip(given, surname, strict=False))
    return dict(pairs) | {second: first for first, second in pairs}


def levels_of(
    table: Table, fields: Sequence[tuple[str, str]], partners: Mapping[str, str], left: Rows, right: Rows
) -> Levels:
    """Levels of all fields for some pairs of rows."""
    found = np.empty((len(left), len(fields)), dtype=np.int8)
    for place, (name, kind) in enumerate(fields):
        other = table.columns[partners[name]] if name in partners else None
        found[:, place] = _field_levels(table.columns[name], kind, other, left, right)
    return found


def _field_levels(column: Column, kind: str, other: Column | None, left: Rows, right: Rows) -> Levels:
    a, b = column.codes[left], column.codes[right]
    levels = np.full(len(left), MISSING, dtype=np.int8)
    present = (a >= 0) & (b >= 0)
    levels[present & (a == b)] = EXACT
    unequal = np.flatnonzero(present & (a != b))
    levels[unequal] = compare(kind, column.texts[a[unequal]].tolist(), column.texts[b[unequal]].tolist())
    if kind == "suffix":
        levels[(a >= 0) != (b >= 0)] = NAMES[kind].index("one without")
    if other is not None:
        crossed = ((a == other.codes[right]) & (a >= 0)) | ((b == other.codes[left]) & (b >= 0))
        swapped = NAMES[kind].index("swapped")
        levels[crossed & ((levels > swapped) | (levels == MISSING))] = swapped
    return levels


def named_alike(fields: Sequence[tuple[str, str]], levels: Levels) -> Truths:
    """Where names speak for one person: each that is given on both sides is alike, and one is."""
    places = [(place, kind) for place, (_, kind) in enumerate(fields) if kind in ("given", "surname")]
    if not places:
        return np.zeros(len(levels), dtype=np.bool_)
    alike = [levels[:, place] <= NAMES[kind].index("swapped") for place, kind in places]
    known = [levels[:, place] != MISSING for place, _ in places]
    return np.asarray(np.logical_and.reduce(alike) & np.logical_or.reduce(known))


class _Weights:
    """log2 of m, u and their mixtures by level."""

    def __init__(self, one: FieldModel) -> None:
        self.match = np.log2([*one.m, 1.0])
        self._tables = relation_tables(one.kind, np.array(one.m), np.array(one.u))
        self._named = relation_tables(one.kind, np.array(one.m), np.array(one.u_named)) if one.u_named else None
        self.least = self._tables[0] if self._named is None else np.minimum(self._tables[0], self._named[0])
        self.best = float((self.match - self.least)[1:-1].max())
        self._as_strangers = [share == 0.0 for share in shares(one.kind)]

    def stranger(self, levels: Levels, named: Truths) -> Bits:
        """log2 u by level."""
        return self._of(0, levels, named)

    def related(self, relation: int, levels: Levels, named: Truths, stranger: Bits) -> Bits:
        """log2 of the chance among such relatives; `stranger` where they are as strangers in this field."""
        return stranger if self._as_strangers[relation] else self._of(relation, levels, named)

    def _of(self, relation: int, levels: Levels, named: Truths) -> Bits:
        if self._named is None:
            return self._tables[relation][levels]
        return np.where(named, self._named[relation][levels], self._tables[relation][levels])


def relation_tables(kind: str, m: Bits, u: Bits) -> list[Bits]:
    """log2 of the chances by level, for each relation; the last place, index -1, is a missing value."""
    tables = [np.log2([*(share * m + (1 - share) * u), 1.0]) for share in shares(kind)]
    if kind == "suffix":
        tables[list(RELATIONS).index("namesakes")] = np.log2([*_FATHER_AND_SON, 1.0])
    return tables


class _Chances:
    """log2 of the chance that a stranger has the same value, by code."""

    def __init__(self, one: FieldModel) -> None:
        self._known = {value: float(np.log2(max(share, one.rare))) for value, share in one.frequencies.items()}
        self._rare = float(np.log2(one.rare))
        self._bits: Growing[float] = Growing(np.float64)
        self.bits = np.zeros(1)

    def extend(self, values: Sequence[str]) -> None:
        """Look up the values that are new."""
        for value in values[len(self._bits) :]:
            self._bits.append(self._known.get(value, self._rare))
        if values:
            self.bits = self._bits.view()
