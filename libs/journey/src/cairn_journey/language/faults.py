"""What is wrong with definitions, where, and what to do about it."""

from collections.abc import Iterable
from typing import NamedTuple

from cairn_kernel.errors import Invalid


class Fault(NamedTuple):
    """One mistake. Line and column count from 1; both are 0 if the definition came without places."""

    file: str
    line: int
    column: int
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message} ({self.cure})"


class DefinitionFaults(Invalid):
    """A programme that is refused, with all its faults in order of place."""

    default_reason = "DEFINITION"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        count = len(self.faults)
        super().__init__(f"the programme has {count} fault{'s' if count != 1 else ''}", faults=count)
        self.violations = tuple(
            (f"{fault.file}:{fault.line}:{fault.column}", f"{fault.message} ({fault.cure})") for fault in self.faults
        )
