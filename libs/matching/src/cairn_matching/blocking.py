"""Which pairs are compared at all: those that share a key, by any of several keys, in lists of bounded length.

A key is made of atoms `field:form`. A list that is longer than its key's limit says nothing about identity and is left
out as a whole, so that which pairs are compared is a function of the set of records and not of their order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cairn_matching import normalise
from cairn_matching.growing import Growing
from cairn_matching.rules import Field
from cairn_matching.table import NONE, Codes, Table

Rows: TypeAlias = npt.NDArray[np.int32]
Numbers: TypeAlias = npt.NDArray[np.int64]
Pairs: TypeAlias = tuple[Rows, Rows]

CHUNK: Final = 200_000
LONGEST_LIST: Final = 400
PAIRS_PER_RECORD: Final = 3
FEWEST_PAIRS: Final = 200_000
_REMEMBERED_FORMS: Final = 20_000

FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "whole": lambda value: value,
    "squeezed": lambda value: value.replace(" ", ""),
    "sound": normalise.soundex,
    "start": lambda value: value.replace(" ", "")[:4],
    "year": lambda value: value[:4],
    "day": lambda value: value[4:],
    "digits": lambda value: "".join(sorted(value)),
    "local": lambda value: value.partition("@")[0],
    "words": lambda value: " ".join(sorted(value.split())),
    "end": lambda value: value[-7:],
}
"""What of a value is in a key. `names` is the one form of two fields: given name and surname in either order."""


@dataclass(frozen=True, slots=True)
class Key:
    """A blocking key: one or two atoms (field, form), and how many records a list may hold."""

    atoms: tuple[tuple[str, str], ...]
    limit: int = LONGEST_LIST


class KeyCodes:
    """Keys of rows as numbers: equal numbers, equal keys; -1 where a part is missing. Forms are made once per value."""

    def __init__(self) -> None:
        self._forms: dict[tuple[str, str], _FormCodes] = {}

    def of(self, key: Key, table: Table, start: int = 0) -> Numbers:
        """The numbers of one key for the rows from `start` on."""
        first, *others = (self._atom(field, form, table, start) for field, form in key.atoms)
        return _joined(first, *others) if others else first

    def _atom(self, field: str, form: str, table: Table, start: int) -> Numbers:
        if form == "names":
            given, surname = (table.columns[name].codes[start:].astype(np.int64) for name in field.split("+"))
            present = (given >= 0) & (surname >= 0)
            low, high = np.minimum(given, surname), np.maximum(given, surname)
            return np.where(present, _joined(low, high), NONE)
        column = table.columns[field]
        if not column.values:
            return np.full(len(column.codes) - start, NONE, dtype=np.int64)
        known = self._forms.setdefault((field, form), _FormCodes(FORMS[form]))
        codes = column.codes[start:]
        return np.where(codes >= 0, known.of(column.values)[codes], NONE)


class _FormCodes:
    """The number of each value's form."""

    def __init__(self, shape: Callable[[str], str]) -> None:
        self._shape = shape
        self._known: dict[str, int] = {"": NONE}
        self._codes: Growing[int] = Growing(np.int64)

    def of(self, values: Sequence[str]) -> Numbers:
        for value in values[len(self._codes) :]:
            self._codes.append(self._known.setdefault(self._shape(value), len(self._known) - 1))
        return self._codes.view()


class KeyTexts:
    """Keys of single records as texts, for an index outside of memory. Forms are made once per value."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._atoms = list(dict.fromkeys(atom for key in keys for atom in key.atoms))
        self._keys = [
            (f"{place}\x1f", tuple(self._atoms.index(atom) for atom in key.atoms)) for place, key in enumerate(keys)
        ]
        self._forms = {form: lru_cache(_REMEMBERED_FORMS)(shape) for form, shape in FORMS.items()}

    def of(self, values: Mapping[str, str]) -> list[str]:
        """The key of each place; empty where a part is missing."""
        parts = [self._part(field, form, values) for field, form in self._atoms]
        found = []
        for head, places in self._keys:
            mine = [parts[place] for place in places]
            found.append(head + "\x1f".join(mine) if all(mine) else "")
        return found

    def _part(self, field: str, form: str, values: Mapping[str, str]) -> str:
        if form == "names":
            names = sorted(values.get(name, "") for name in field.split("+"))
            return "\x1f".join(names) if all(names) else ""
        value = values.get(field, "")
        return self._forms[form](value) if value else ""


def _joined(left: Numbers, right: Numbers) -> Numbers:
    """One number for each pair of numbers below 2³¹."""
    return np.where((left >= 0) & (right >= 0), (left << 31) | right, NONE)


def default_keys(fields: Sequence[Field]) -> list[Key]:
    """Keys for these fields: each strong field alone, weaker ones alone and in pairs and by sound."""
    by_kind: dict[str, list[str]] = {}
    for one in fields:
        by_kind.setdefault(one.kind, []).append(one.name)
    found: dict[tuple[tuple[str, str], ...], None] = {}
    for wanted in _WANTED:
        kinds, forms = zip(*(atom.split(":") for atom in wanted.split()), strict=True)
        for names in product(*(by_kind.get(kind, ()) for kind in kinds)):
            if len(set(names)) == len(names):
                found[tuple(zip(names, forms, strict=True))] = None
    for given, surname in zip(by_kind.get("given", ()), by_kind.get("surname", ()), strict=False):
        found[((f"{given}+{surname}", "names"),)] = None
    return [Key(atoms) for atoms in found]


_WANTED: Final = (
    "identifier:whole", "email:whole", "phone:end", "date:whole",
    "email:local", "identifier:digits", "phone:digits",
    "surname:sound date:day", "given:sound date:day", "surname:sound date:year", "given:sound date:year",
    "given:sound surname:sound", "given:start surname:start",
    "surname:whole postcode:whole", "given:whole postcode:whole", "postcode:whole date:year", "postcode:whole date:day",
    "surname:sound place:start", "given:sound place:start", "date:digits postcode:whole", "date:digits",
    "address:squeezed", "address:squeezed number:whole", "address:start postcode:whole", "number:whole postcode:whole",
    "number:whole date:year", "number:whole place:start",
    "surname:whole", "given:whole", "postcode:whole", "number:whole surname:sound", "number:whole given:sound",
    "text:words", "text:start", "text:start text:start",
)  # fmt: skip


class Blocks:
    """The lists of all keys over a table: for each key, the list a record is in (-1: none that counts)."""

    def __init__(self, table: Table, keys: Sequence[Key], *, frozen: bool = True) -> None:
        """Limits as the keys have them; if they are not `frozen` yet, they are lowered to keep within the budget."""
        self._table = table
        self._numbers = KeyCodes()
        self.keys = list(keys) if frozen else [self._bounded(key) for key in keys]
        self.lists = [self._live(key) for key in self.keys]

    def _bounded(self, key: Key) -> Key:
        """The key with the largest limit that keeps its pairs within the budget."""
        sizes = np.bincount(np.bincount(codes[codes >= 0])) if len(codes := self._codes(key)) else np.zeros(1, int)
        lengths = np.arange(len(sizes), dtype=np.int64)
        pairs = np.cumsum(sizes * lengths * (lengths - 1) // 2)
        budget = max(FEWEST_PAIRS, PAIRS_PER_RECORD * len(self._table))
        limit = int(np.searchsorted(pairs, budget, side="right")) - 1
        return Key(key.atoms, max(2, min(key.limit, limit if limit < len(sizes) - 1 else key.limit)))

    def _live(self, key: Key) -> Codes:
        codes = self._codes(key)
        sizes = np.bincount(codes[codes >= 0], minlength=1)
        counts = np.where((sizes >= 2) & (sizes <= key.limit), np.arange(len(sizes)), NONE)
        return np.where(codes >= 0, counts[codes], NONE).astype(np.int32)

    def _codes(self, key: Key) -> Codes:
        numbers = self._numbers.of(key, self._table)
        codes = np.full(len(numbers), NONE, dtype=np.int32)
        present = numbers >= 0
        codes[present] = np.unique(numbers[present], return_inverse=True)[1]
        return codes

    def pairs(self) -> Iterator[Pairs]:
        """Every pair once, in chunks: by the first key that finds it; never two rows of one source."""
        for place, lists in enumerate(self.lists):
            for left, right in _in_lists(lists):
                fresh = np.ones(len(left), dtype=np.bool_)
                if len(self._table.sources) and (self._table.sources >= 0).any():
                    fresh &= self._table.sources[left] != self._table.sources[right]
                for earlier in self.lists[:place]:
                    found = earlier[left]
                    fresh &= (found < 0) | (found != earlier[right])
                if fresh.any():
                    yield left[fresh], right[fresh]

    def count(self) -> int:
        """How many pairs the lists hold, each key's counted for itself."""
        sizes = (np.bincount(lists[lists >= 0], minlength=1).astype(np.int64) for lists in self.lists)
        return int(sum((size * (size - 1) // 2).sum() for size in sizes))


def _in_lists(lists: Codes) -> Iterator[Pairs]:
    """All pairs of rows in the same list, the earlier row first, in chunks."""
    rows = np.flatnonzero(lists >= 0).astype(np.int32)
    rows = rows[np.argsort(lists[rows], kind="stable")]
    groups = lists[rows]
    left: list[Rows] = []
    right: list[Rows] = []
    waiting = 0
    for distance in range(1, len(rows)):
        same = np.flatnonzero(groups[distance:] == groups[:-distance])
        if not len(same):
            break
        for start in range(0, len(same), CHUNK):
            part = same[start : start + CHUNK]
            left.append(rows[part])
            right.append(rows[part + distance])
            waiting += len(part)
            if waiting >= CHUNK:
                yield np.concatenate(left), np.concatenate(right)
                left, right, waiting = [], [], 0
    if waiting:
        yield np.concatenate(left), np.concatenate(right)
