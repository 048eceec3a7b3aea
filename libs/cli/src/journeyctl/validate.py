"""`journeyctl validate`: every fault of a programme at its place, with its cure."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from cairn_journey import DefinitionFaults, Fault, Programme, load_directory

Directory = Annotated[Path, typer.Argument(help="Folder with the programme's definitions.", show_default=False)]


def validate(directory: Directory) -> None:
    """Check a programme; every fault is told as file:line:column: message — cure."""
    programme = load_or_tell(directory)
    for line in fault_lines(programme.warnings):
        typer.echo(f"warning: {line}", err=True)
    typer.echo(f"{describe(programme)}; no faults. Version {programme.version}.")


def load_or_tell(directory: Path) -> Programme:
    """The programme of a folder. Faults are printed, and the command ends with exit code 1."""
    try:
        return load_directory(directory)
    except DefinitionFaults as refused:
        for line in fault_lines(refused.faults):
            typer.echo(line)
        count = len(refused.faults)
        typer.echo(f"{count} {'fault' if count == 1 else 'faults'}.", err=True)
        raise typer.Exit(1) from None


def fault_lines(faults: Iterable[Fault]) -> list[str]:
    """One line per fault, as editors and terminals can follow it."""
    return [f"{fault.file}:{fault.line}:{fault.column}: {fault.message} — {fault.cure}" for fault in faults]


def describe(programme: Programme) -> str:
    """What a programme is made of: `3 journeys, 9 actions, …`; kinds of which it has none are left out."""
    parts = {
        "journey": programme.journeys,
        "audience": programme.audiences,
        "subject kind": programme.subjects,
        "action": programme.actions,
        "template": programme.templates,
        "contact policy": programme.policies,
        "connector": programme.connectors,
        "event type": programme.event_types,
        "source": programme.sources,
        "rules of identity": () if programme.identity is None else (programme.identity,),
    }
    return ", ".join(_counted(len(found), word) for word, found in parts.items() if found)


def _counted(count: int, word: str) -> str:
    if word == "rules of identity":
        return word
    if count == 1:
        return f"1 {word}"
    return f"{count} {word[:-1] + 'ies' if word.endswith('cy') else word + 's'}"
