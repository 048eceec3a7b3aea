"""`journeyctl simulate`: what a changed programme would have done with everything that was recorded."""

import json
import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cairn.definition.v1 import definition_pb2
from cairn_journey import Programme, parse_bundle
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import parse_instant
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation, home_folder
from journeyctl.processes import make_folder
from journeyctl.services import Services, ask
from journeyctl.simulate.log_source import LogSource
from journeyctl.simulate.page import page
from journeyctl.simulate.question import Assumption, Plan, Question, plan_of
from journeyctl.simulate.report import Report, report
from journeyctl.simulate.run import cores, get_ready, simulate
from journeyctl.simulate.tables import baseline, tell
from journeyctl.up import Home
from journeyctl.validate import load_or_tell

Changed = Annotated[Path, typer.Option("--file", "-f", help="Folder of the changed programme.", show_default=False)]
Instant = Annotated[str | None, typer.Option(help="Date or instant (ISO 8601, UTC).", show_default=False)]
Output = Annotated[Literal["table", "json", "html"], typer.Option("--output", "-o", help="How to tell.")]


def simulate_command(
    file: Changed,
    target: Annotated[Path | None, typer.Argument(help="Where to write json or html.", show_default=False)] = None,
    since: Instant = None,
    until: Instant = None,
    output: Output = "table",
    assume: Annotated[Assumption, typer.Option(help="What comes back of messages that were not recorded.")] = "none",
    verify: Annotated[bool, typer.Option(help="Replay everybody under both programmes; else some, to check.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
    work: Annotated[
        Path | None,
        typer.Option(help="Folder of its progress; by default in the home.", show_default=False),
    ] = None,
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Replay all that was recorded under a changed programme and under the one in force; nothing is sent."""
    if workers != 1:
        get_ready()
    changed = load_or_tell(file)
    if output == "html" and target is None:
        raise CannotRun("Say where to write the page: journeyctl simulate -f DIR -o html FILE")
    folder = home or home_folder()
    installation = Installation.load(folder)
    source = LogSource(installation.grpc["journey_state"])
    question = Question(
        tenant=tenant,
        before=programme_in_force(installation, tenant),
        after=changed.bundle(),
        since=_instant(since, "--since"),
        until=_instant(until, "--until"),
        assume=assume,
        verify=verify,
    )
    place = work or folder / "simulate" / question.key
    console = Console(stderr=True)
    make_folder(place)
    plan, resumed = plan_of(place, question, source.heads)
    if resumed:
        console.print(f"Going on with the simulation in {place}.", style="dim")
    found = _answered(console, plan, source, place, workers or cores(), changed)
    shutil.rmtree(place, ignore_errors=True)
    _show(found, output, target, console)


def _answered(console: Console, plan: Plan, source: LogSource, place: Path, workers: int, changed: Programme) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        total = sum(1 for part in range(PARTITIONS) if plan.heads.get(part, 0) > 0)
        tasks = {}

        def on_progress(stage: str, done: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done)

        tally = simulate(plan, source, place, workers, on_progress)
    return report(plan.question, parse_bundle(plan.question.before), changed, tally)


def _show(found: Report, output: str, target: Path | None, console: Console) -> None:
    if output == "table":
        tell(Console(), found)
        return
    text = page(found) if output == "html" else json.dumps(found, indent=2) + "\n"
    if target is None:
        typer.echo(text, nl=False)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    console.print(baseline(found))
    console.print(f"Look at {target}.")


def programme_in_force(installation: Installation, tenant: str) -> bytes:
    """The bundle that journey-state runs."""
    with Services(installation) as services:
        request = definition_pb2.GetActiveRequest(tenant=tenant)
        return bytes(ask(services.definitions("journey_state").GetActive, request).bundle)


def _instant(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        raise CannotRun(f"{option} {text} is no instant; write a date such as 2017-03-01") from None
