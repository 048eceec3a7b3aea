"""Records as columns of small numbers: each distinct value is kept once."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from cairn_matching import normalise
from cairn_matching.growing import Growing
from cairn_matching.rules import Field, Rules

Codes = npt.NDArray[np.int32]
NONE: Final = -1
_REMEMBERED_CELLS: Final = 50_000


@dataclass(slots=True)
class Column:
    """Values as codes into `values`, -1 where missing."""

    codes: Codes
    values: list[str]
    texts: npt.NDArray[np.object_]
    """The values as an array, to pick many at once."""

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each value occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))


@dataclass(slots=True)
class Table:
    """Normalised records. `sources` (codes into `source_names`) and `uniques` hold -1 for none."""

    ids: list[str]
    columns: dict[str, Column]
    sources: Codes
    source_names: list[str]
    uniques: dict[str, Codes]
    digests: npt.NDArray[np.uint64]
    """By content, so that ties are broken the same way whatever the order of rows."""

    def __len__(self) -> int:
        return len(self.ids)


def fields_of(rules: Rules) -> list[Field]:
    """The compared fields. A full name gives a given name and a surname; names give a generational suffix."""
    found: list[Field] = []
    for column, kind in rules.columns.items():
        if kind == "name":
            found += [Field(f"{column}.given", "given"), Field(f"{column}.surname", "surname")]
        elif kind not in ("unique", "ignore"):
            found.append(Field(column, kind))
    if rules.of_kind("name", "given", "surname") and not rules.of_kind("suffix"):
        found.append(Field("suffix", "suffix"))
    return found


class Reader:
    """Normalises rows one by one, each distinct cell once; `table` ends it."""

    def __init__(self, rules: Rules, date_orders: Mapping[str, str] | None = None) -> None:
        self._rules = rules
        self._orders = dict(date_orders or {})
        self._fields = fields_of(rules)
        self._vocabularies: dict[str, _Vocabulary] = {}
        self._codes: dict[str, Growing[int]] = {one.name: Growing(np.int32) for one in self._fields}
        self._uniques: dict[str, Growing[int]] = {column: Growing(np.int32) for column in rules.of_kind("unique")}
        self._columns = [
            (one.name, self._vocabulary(_vocabulary(one)), self._codes[one.name].append) for one in self._fields
        ]
        self._compared = [(column, kind) for column, kind in rules.columns.items() if kind not in ("unique", "ignore")]
        self._sources: Growing[int] = Growing(np.int32)
        self._ids: list[str] = []
        self._digests: Growing[int] = Growing(np.uint64)
        self._seen: dict[str, dict[str, tuple[str, ...]]] = {column: {} for column in rules.columns}

    def add(self, record_id: str, row: Mapping[str, str]) -> dict[str, str]:
        """Take in one row; an empty `record_id` is given the row's number, counted from 1. Return what is compared."""
        values = self.normalised(row)
        self.take(record_id, values, row)
        return values

    def take(self, record_id: str, values: Mapping[str, str], row: Mapping[str, str]) -> None:
        """Take in what `normalised` gave, now or long ago; of the row only unique ids and source are read."""
        compared = []
        for name, vocabulary, put in self._columns:
            value = values.get(name, "")
            put(vocabulary.code(value) if value else NONE)
            compared.append(value)
        for column, codes in self._uniques.items():
            codes.append(self._code(f"unique {column}", normalise.NORMALISERS["unique"](row.get(column) or "")))
        source = row.get(self._rules.source, "") if self._rules.source else ""
        self._sources.append(self._code("source", source or ""))
        self._ids.append(record_id or str(len(self._ids) + 1))
        uniques = (row.get(column) or "" for column in self._uniques)
        self._digests.append(_digest([source or "", *compared, *uniques]))

    def normalised(self, row: Mapping[str, str]) -> dict[str, str]:
        """The compared values of a row by field; missing is empty."""
        values: dict[str, str] = dict.fromkeys(self._codes, "")
        for column, kind in self._compared:
            cell = row.get(column)
            if not cell:
                continue
            parts = self._seen[column].get(cell)
            if parts is None:
                parts = self._parts(column, kind, cell)
                if len(self._seen[column]) < _REMEMBERED_CELLS:
                    self._seen[column][cell] = parts
            if kind == "name":
                values[f"{column}.given"], values[f"{column}.surname"] = parts[0], parts[1]
            else:
                values[column] = parts[0]
            if parts[-1] and kind in ("name", "given", "surname") and "suffix" in values:
                values["suffix"] = values["suffix"] or parts[-1]
        return values

    def _parts(self, column: str, kind: str, cell: str) -> tuple[str, ...]:
        match kind:
            case "name":
                return (*normalise.full_name(cell), normalise.suffix(cell))
            case "given" | "surname":
                return (normalise.name(cell), normalise.suffix(cell))
            case "phone":
                return (normalise.phone(cell, self._rules.region),)
            case "date":
                return (normalise.date(cell, self._orders.get(column) or self._rules.date_order or "dmy"),)
            case _:
                return (normalise.NORMALISERS[kind](cell),)

    def _code(self, vocabulary: str, value: str) -> int:
        if not value:
            return NONE
        return self._vocabulary(vocabulary).code(value)

    def _vocabulary(self, name: str) -> "_Vocabulary":
        if name not in self._vocabularies:
            self._vocabularies[name] = _Vocabulary()
        return self._vocabularies[name]

    def table(self) -> Table:
        """All rows taken in so far; it is the reader's own and holds until more are added."""
        return Table(
            ids=self._ids,
            columns={
                one.name: self._vocabulary(_vocabulary(one)).column(self._codes[one.name].view())
                for one in self._fields
            },
            sources=self._sources.view(),
            source_names=self._vocabulary("source").values,
            uniques={column: codes.view() for column, codes in self._uniques.items()},
            digests=self._digests.view(),
        )


class _Vocabulary:
    """Distinct values in the order of their first appearance."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._codes: dict[str, int] = {}
        self._texts: Growing[str] = Growing(object)

    def code(self, value: str) -> int:
        code = self._codes.get(value)
        if code is None:
            code = self._codes[value] = len(self.values)
            self.values.append(value)
            self._texts.append(value)
        return code

    def column(self, codes: Codes) -> Column:
        return Column(codes, self.values, self._texts.view())


def read_rows(rules: Rules, rows: Iterable[Mapping[str, str]], date_orders: Mapping[str, str] | None = None) -> Table:
    """The table of some rows; their ids are in the column that the rules name."""
    reader = Reader(rules, date_orders)
    for row in rows:
        reader.add(row.get(rules.id, "") if rules.id else "", row)
    return reader.table()


def date_orders(rules: Rules, cells: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """The order of days and months in each column of dates, by all its `cells`."""
    columns = rules.of_kind("date")
    return {column: rules.date_order or normalise.date_order(cells(column)) for column in columns}


def common_values(column: Column, least: int) -> dict[str, int]:
    """Values that occur at least so often, with their counts."""
    counts = column.counts
    return Counter({column.values[code]: int(counts[code]) for code in np.flatnonzero(counts >= least)})


def _vocabulary(one: Field) -> str:
    """Given names and surnames share theirs, so that swapped ones are seen."""
    return "names" if one.kind in ("given", "surname") else one.name


def _digest(values: list[str]) -> int:
    return int.from_bytes(blake2b("\x1f".join(values).encode(), digest_size=8).digest(), "big")
