"""How alike two values are, in steps from the same (0) to different (the last); -1 where one is missing.

All functions take two equally long lists of values that are present and not equal, and return one level for each pair.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from nicknames import NickNamer
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

Levels: TypeAlias = npt.NDArray[np.int8]
Truths: TypeAlias = npt.NDArray[np.bool_]
Texts: TypeAlias = Sequence[str]

MISSING: Final = -1
EXACT: Final = 0

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "given": ("same", "nickname", "very similar", "part", "similar", "swapped", "somewhat similar", "different"),
    "surname": ("same", "very similar", "part", "similar", "swapped", "somewhat similar", "different"),
    "date": ("same", "one typo", "day and month swapped", "two of three parts", "two typos", "same year", "different"),
    "postcode": ("same", "one typo", "two typos", "different"),
    "identifier": ("same", "one typo", "two typos", "different"),
    "phone": ("same", "same without prefix", "one typo", "two typos", "different"),
    "email": ("same", "same name elsewhere", "one typo", "similar name", "different"),
    "address": ("same", "very similar", "similar", "other number", "different"),
    "place": ("same", "very similar", "part", "similar", "different"),
    "text": ("same", "same words", "very similar", "part", "similar", "different"),
    "number": ("same", "one typo", "different"),
    "category": ("same", "different"),
    "suffix": ("same", "one without", "different"),
}
"""The levels of each type of field, the first being equality."""


def compare(kind: str, left: Texts, right: Texts) -> Levels:
    """Levels of pairs that are present and unequal."""
    steps = _STEPS.get(kind)
    if steps is None or not left:
        return np.full(len(left), len(NAMES[kind]) - 1, dtype=np.int8)
    return steps(left, right)


def _graded(kind: str, tests: Mapping[str, Truths], size: int) -> Levels:
    """The first test that holds gives the level."""
    names = NAMES[kind]
    levels = np.full(size, len(names) - 1, dtype=np.int8)
    for name, holds in reversed(list(tests.items())):
        levels[holds] = names.index(name)
    return levels


def _jaro_winkler(left: Texts, right: Texts) -> npt.NDArray[np.float32]:
    return cpdist(left, right, scorer=JaroWinkler.similarity, dtype=np.float32, score_cutoff=0.7)


def _typos(left: Texts, right: Texts) -> npt.NDArray[np.int32]:
    """Optimal string alignment: a swap of two neighbours is one error. Above two it counts as three."""
    return cpdist(left, right, scorer=OSA.distance, dtype=np.int32, score_cutoff=2)


def _where(test: Callable[[str, str], bool], left: Texts, right: Texts, places: Iterable[int]) -> Truths:
    """A test by pair, tried only at the places where it can hold."""
    found = np.zeros(len(left), dtype=np.bool_)
    for place in places:
        found[place] = test(left[place], right[place])
    return found


def _parts(left: Texts, right: Texts) -> Truths:
    """Where one is an initial for the other, or all its words are in it."""
    found = np.zeros(len(left), dtype=np.bool_)
    values = set(left).union(right)
    for place in _having({value for value in values if len(value) == 1}, left, right):
        found[place] = left[place][0] == right[place][0]
    several = _having({value for value in values if " " in value}, left, right)
    if several:
        sides = ([side[place] for place in several] for side in (left, right))
        found[several] |= cpdist(*sides, scorer=fuzz.token_set_ratio, dtype=np.float32, score_cutoff=100) >= 100
    return found


def _having(some: set[str], left: Texts, right: Texts) -> list[int]:
    """Places where one of the two is among some values."""
    if not some:
        return []
    return [place for place, (a, b) in enumerate(zip(left, right, strict=True)) if a in some or b in some]


def _squeezed(values: Texts) -> Texts:
    """All values without spaces, at once."""
    return "\n".join(values).replace(" ", "").split("\n")


def _name(kind: str, left: Texts, right: Texts) -> Levels:
    alike = _jaro_winkler(left, right)
    tests = {
        "very similar": alike >= 0.92,
        "part": _parts(left, right),
        "similar": alike >= 0.85,
        "somewhat similar": alike >= 0.75,
    }
    if kind == "given":
        tests = {"very similar": tests["very similar"], "nickname": _nicknames(left, right)} | tests
    return _graded(kind, tests, len(left))


@lru_cache(maxsize=1)
def _formal_names() -> Mapping[str, set[str]]:
    """Short name → the formal names it may stand for; English only."""
    return NickNamer().canonical_lookup


def are_nicknames(left: str, right: str) -> bool:
    """Whether one English name is short for the other (bill, william), or both are for a third (bill, will)."""
    formal = _formal_names()
    mine, theirs = formal.get(left, set()), formal.get(right, set())
    return right in mine or left in theirs or not mine.isdisjoint(theirs)


def _nicknames(left: Texts, right: Texts) -> Truths:
    names = _known_names()
    places = (place for place, (a, b) in enumerate(zip(left, right, strict=True)) if a in names and b in names)
    return _where(are_nicknames, left, right, places)


@lru_cache(maxsize=1)
def _known_names() -> frozenset[str]:
    formal = _formal_names()
    return frozenset(formal).union(*formal.values())


def _date(left: Texts, right: Texts) -> Levels:
    a, b = np.array(left, dtype="U8"), np.array(right, dtype="U8")
    parts_a, parts_b = a.view("U1").reshape(-1, 8), b.view("U1").reshape(-1, 8)
    same = parts_a == parts_b
    year, month, day = same[:, :4].all(1), same[:, 4:6].all(1), same[:, 6:].all(1)
    swapped = year & (parts_a[:, 4:6] == parts_b[:, 6:]).all(1) & (parts_a[:, 6:] == parts_b[:, 4:6]).all(1)
    typos = _typos(left, right)
    tests = {
        "one typo": typos == 1,
        "day and month swapped": swapped,
        "two of three parts": year.astype(np.int8) + month + day >= 2,
        "two typos": typos == 2,
        "same year": year,
    }
    return _graded("date", tests, len(left))


def _code(kind: str, left: Texts, right: Texts) -> Levels:
    typos = _typos(left, right)
    return _graded(kind, {"one typo": typos == 1, "two typos": typos == 2}, len(left))


def _phone(left: Texts, right: Texts) -> Levels:
    typos = _typos(left, right)
    ends = np.fromiter((a[-7:] == b[-7:] for a, b in zip(left, right, strict=True)), np.bool_, len(left))
    return _graded("phone", {"same without prefix": ends, "one typo": typos == 1, "two typos": typos == 2}, len(left))


def _email(left: Texts, right: Texts) -> Levels:
    locals_a, locals_b = ([value.partition("@")[0] for value in side] for side in (left, right))
    elsewhere = np.fromiter((a == b for a, b in zip(locals_a, locals_b, strict=True)), np.bool_, len(left))
    tests = {
        "same name elsewhere": elsewhere,
        "one typo": _typos(left, right) == 1,
        "similar name": _jaro_winkler(locals_a, locals_b) >= 0.92,
    }
    return _graded("email", tests, len(left))


def _digits(value: str) -> list[str]:
    return ["".join(filter(str.isdigit, word)) for word in value.split() if any(map(str.isdigit, word))]


def _same_digits(left: str, right: str) -> bool:
    return sorted(_digits(left)) == sorted(_digits(right))


def _address(left: Texts, right: Texts) -> Levels:
    alike = _jaro_winkler(_squeezed(left), _squeezed(right))
    words = cpdist(left, right, scorer=fuzz.token_sort_ratio, dtype=np.float32, score_cutoff=80) / 100
    best = np.maximum(alike, words)
    numbers = _where(_same_digits, left, right, np.flatnonzero(best >= 0.85).tolist())
    tests = {
        "very similar": (best >= 0.93) & numbers,
        "similar": (best >= 0.85) & numbers,
        "other number": best >= 0.85,
    }
    return _graded("address", tests, len(left))


def _place(left: Texts, right: Texts) -> Levels:
    alike = _jaro_winkler(_squeezed(left), _squeezed(right))
    tests = {"very similar": alike >= 0.92, "part": _parts(left, right), "similar": alike >= 0.85}
    return _graded("place", tests, len(left))


def _text(left: Texts, right: Texts) -> Levels:
    alike = _jaro_winkler(left, right)
    words = cpdist(left, right, scorer=fuzz.token_sort_ratio, dtype=np.float32)
    part = cpdist(left, right, scorer=fuzz.token_set_ratio, dtype=np.float32)
    tests = {
        "same words": words >= 100,
        "very similar": np.maximum(alike, words / 100) >= 0.92,
        "part": part >= 100,
        "similar": np.maximum(alike, words / 100) >= 0.8,
    }
    return _graded("text", tests, len(left))


def _number(left: Texts, right: Texts) -> Levels:
    return _graded("number", {"one typo": _typos(left, right) == 1}, len(left))


_STEPS: Final[Mapping[str, Callable[[Texts, Texts], Levels]]] = {
    "given": lambda left, right: _name("given", left, right),
    "surname": lambda left, right: _name("surname", left, right),
    "date": _date,
    "postcode": lambda left, right: _code("postcode", left, right),
    "identifier": lambda left, right: _code("identifier", left, right),
    "phone": _phone,
    "email": _email,
    "address": _address,
    "place": _place,
    "text": _text,
    "number": _number,
}
