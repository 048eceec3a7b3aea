"""`journeyctl test`: scenarios on virtual time, and properties that every programme must have."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cairn_journey import DefinitionFaults, Programme
from journeyctl.errors import CannotRun
from journeyctl.testing.coverage import coverage
from journeyctl.testing.judging import Verdict, judge
from journeyctl.testing.junit import junit as junit_of
from journeyctl.testing.properties import check
from journeyctl.testing.reading import find, read
from journeyctl.testing.scenario import Scenario
from journeyctl.validate import fault_lines, load_or_tell

_WATCH_S = 0.5


def play_scenarios(
    directory: Annotated[Path, typer.Argument(help="Folder with scenarios, or one file.")] = Path(),
    show_coverage: Annotated[bool, typer.Option("--coverage", help="Tell what no scenario reaches.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.", show_default=False)] = None,
    properties: Annotated[bool, typer.Option(help="Also look for customers who break what must always hold.")] = False,
    seed: Annotated[int, typer.Option(help="Which made-up customers to look at.")] = 0,
    watch: Annotated[bool, typer.Option(help="Test again whenever a file changes, until Ctrl-C.")] = False,
) -> None:
    """Play every *.scenario.yaml in a folder and compare with what it expects; exit code 1 if any differs."""
    if not watch:
        passed = _run(directory, show_coverage, junit)
        if properties:
            passed = _hold(directory, seed) and passed
        if not passed:
            raise typer.Exit(1)
        return
    before: object = None
    while True:
        now = _stamps(directory)
        if now != before:
            before = now
            try:
                _run(directory, show_coverage, junit)
            except (CannotRun, typer.Exit) as fault:
                typer.echo(str(fault))
        time.sleep(_WATCH_S)


def _run(directory: Path, show_coverage: bool, junit: Path | None) -> bool:
    """Whether all is as expected."""
    verdicts = [_tell(verdict) for verdict in judged(scenarios_of(directory))]
    failed = sum(bool(verdict.failures) for verdict in verdicts)
    if show_coverage:
        for one in coverage(verdict.played for verdict in verdicts):
            missed = "".join(f"\n  not reached: {spot.kind} {spot.name}" for spot in one.missed)
            typer.echo(f"{one.journey}: {one.reached} of {one.spots} stages and steps{missed}")
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(junit_of(verdicts), encoding="utf-8")
    count = f"{len(verdicts)} scenario{'s' if len(verdicts) != 1 else ''}"
    typer.echo(f"{count}, {failed} failed." if failed else f"{count}, all as expected.")
    return not failed


def _hold(directory: Path, seed: int) -> bool:
    """Whether no made-up customer breaks a property of any of the programmes."""
    holds = True
    for folder in sorted({scenario.programme.resolve() for scenario in scenarios_of(directory)}):
        programme = load_or_tell(folder)
        found = check(programme, seed=seed)
        if found is None:
            typer.echo(f"{folder.name}: what must always hold does, for 200 made-up customers.")
            continue
        holds = False
        typer.echo(f"{folder.name}: {found.words}. As a scenario:\n\n{found.scenario()}")
    return holds


def scenarios_of(directory: Path) -> list[Scenario]:
    """All scenarios of a folder. Mistakes in them are printed, and the command ends with exit code 2."""
    found: list[Scenario] = []
    faults: list[str] = []
    for path in find(directory):
        try:
            found += read(path)
        except DefinitionFaults as refused:
            faults += fault_lines(refused.faults)
    if faults:
        for told in faults:
            typer.echo(told)
        raise typer.Exit(2)
    return found


def judged(scenarios: Sequence[Scenario]) -> list[Verdict]:
    """Play them all; a programme is read once."""
    programmes: dict[Path, Programme] = {}
    return [judge(scenario, programmes) for scenario in scenarios]


def _tell(verdict: Verdict) -> Verdict:
    for failure in verdict.failures:
        typer.echo(f"{failure.place}: {verdict.scenario.name}: {failure.message}")
        for told in failure.seen:
            typer.echo(f"  {told}")
    return verdict


def _stamps(directory: Path) -> object:
    """Changes when any definition, scenario or template does."""
    folder = directory if directory.is_dir() else directory.parent
    roots = {folder, *(scenario.programme for scenario in _quietly(directory))}
    files = sorted({path for root in roots for path in root.rglob("*") if path.suffix in (".yaml", ".yml", ".liquid")})
    return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.exists()]


def _quietly(directory: Path) -> list[Scenario]:
    found: list[Scenario] = []
    for path in find(directory):
        try:
            found += read(path)
        except DefinitionFaults:
            continue
    return found
