"""What a bench area measures, as a table and as JSON."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

BETTER_IF_LESS = frozenset({"ms", "bytes", "µs", "people", "share lost", "times the cost"})


@dataclass(frozen=True)
class Figure:
    """One measurement: `beside` holds its ratio to others of the same run (this value / the other)."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    beside: dict[str, float] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether the aim was reached; None if there is none."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.unit in BETTER_IF_LESS else self.value >= self.aim


def show(figures: list[Figure]) -> None:
    """Print the table."""
    table = Table("figure", "value", "unit", "aim", "", "beside", title="make bench")
    for figure in figures:
        beside = ", ".join(f"{ratio:.2f} × {other}" for other, ratio in figure.beside.items())
        mark = {True: "reached", False: "missed", None: ""}[figure.reached]
        aim = "" if figure.aim is None else _number(figure.aim, ",.0f")
        table.add_row(figure.name, _number(figure.value, ",.1f"), figure.unit, aim, mark, beside)
    Console(width=140).print(table)


def _number(value: float, format: str) -> str:
    return f"{value:.4f}" if 0 < value < 2 else f"{value:{format}}"


def save(figures: list[Figure], path: Path) -> None:
    """Write summary.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"name": f.name, "value": f.value, "unit": f.unit, "aim": f.aim, "beside": f.beside} for f in figures]
    path.write_text(json.dumps({"figures": rows}, indent=2) + "\n")
