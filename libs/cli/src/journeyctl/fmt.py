"""`journeyctl fmt`: definitions in their one layout; what they mean does not change."""

from pathlib import Path
from typing import Annotated

import typer

from cairn_journey import DefinitionFaults, format_file
from journeyctl.errors import CannotRun
from journeyctl.processes import cannot
from journeyctl.validate import fault_lines


def fmt(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with definitions.", show_default=False)],
    check: Annotated[bool, typer.Option(help="Change nothing; exit code 1 if a file would change.")] = False,
) -> None:
    """Format files of definitions in place, comments kept; scenarios are left alone."""
    changed = wrong = 0
    for path in _files(paths):
        try:
            before, after = format_file(path)
        except DefinitionFaults as refused:
            wrong += 1
            for line in fault_lines(refused.faults):
                typer.echo(line)
            continue
        if after != before:
            changed += 1
            typer.echo(f"would change {path}" if check else f"formatted {path}")
            if not check:
                _write(path, after)
    if wrong or (check and changed):
        raise typer.Exit(2 if wrong else 1)


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
        elif path.is_dir():
            found += (each for each in path.rglob("*") if each.suffix.lower() in (".yaml", ".yml") and each.is_file())
        else:
            raise CannotRun(f"There is no {path}.")
    return sorted(path for path in found if ".scenario." not in path.name)


def _write(path: Path, text: str) -> None:
    path = path.resolve()
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    except OSError as error:
        raise cannot(f"write {path}", error) from error
