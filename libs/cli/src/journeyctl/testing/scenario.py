"""A scenario as it is written: who does what when, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cairn_kernel.time import parse_instant

SUFFIX: Final = ".scenario.yaml"
"""How the names of scenario files end; a programme's folder may hold them."""

DEFAULT_START: Final = parse_instant("2026-01-01")
DEFAULT_CUSTOMER: Final = "anna"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Given:
    """Something that happens. `kind` says what; `what` is its argument."""

    place: Place
    at: int
    """µs since 1970."""
    kind: str
    what: Any
    customer: str
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """Something that must be so.

    With `at` at that instant, with `by` then or before, with neither whenever; `times` in all (None: at least once).
    """

    place: Place
    kind: str
    what: Any
    customer: str
    at: int | None = None
    by: int | None = None
    times: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test."""

    name: str
    place: Place
    programme: Path
    start: int
    until: int
    given: tuple[Given, ...]
    expect: tuple[Expected, ...]
    strict: bool = False
    """Every moment and message must be expected."""
