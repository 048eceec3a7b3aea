"""`journeyctl rebuild`: read models made anew from a service's log while it runs.

Exit codes: 0 all rows are as they were, 1 rows differed, 2 not done.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from journeyctl.errors import CannotRun
from journeyctl.installation import home_folder
from journeyctl.stored_logs import Dsn, archive_folder, dsn_of, keys_folder
from journeyctl.up import Home

REBUILDABLE: Final = ("identity_resolution", "journey_state", "decisioning", "activation")
NOT_DONE: Final = 2

Service = Annotated[str, typer.Argument(help=f"One of: {', '.join(REBUILDABLE)}.", show_default=False)]
Check = Annotated[bool, typer.Option("--check", help="Only compare with what is there; change nothing.")]
Jobs = Annotated[int | None, typer.Option(help="Processes that fold; by default one per core.", min=1)]


def rebuild(service: Service, home: Home = None, dsn: Dsn = "", check: Check = False, jobs: Jobs = None) -> None:
    """Recreate a service's read models, timers and snapshots from its log, and swap them in while it runs."""
    console = Console(soft_wrap=True, highlight=False)
    service = service.replace("-", "_")
    if service not in REBUILDABLE:
        raise CannotRun(f"{service} cannot be rebuilt; choose of: {', '.join(REBUILDABLE)}.", exit_code=NOT_DONE)
    arguments = [sys.executable, "-P", "-m", f"{service}.rebuild", "--jobs", str(jobs or os.cpu_count() or 1)]
    folder = home or home_folder()
    told = {
        "CAIRN_DATABASE_DSN": dsn_of(folder, dsn),
        "CAIRN_ARCHIVE_DIR": str(archive_folder(folder)),
        "CAIRN_KEYS_DIR": str(keys_folder(folder)),
    }
    environment = {**os.environ, **told}
    outcome: dict[str, Any] = {}
    with (
        _shown(console) as bar,
        subprocess.Popen(
            arguments + ["--check"] * check, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        for line in process.stdout or ():
            said = json.loads(line)
            if "phase" in said:
                bar.update(bar.task_ids[0], description=said["phase"], completed=said["events"], total=said["of"])
            else:
                outcome = said
        words = process.stderr.read().strip() if process.stderr is not None else ""
    if not outcome:
        reason = words.splitlines()[-1] if words else "it ended early; run it again, it goes on where it was."
        raise CannotRun(f"{service} was not rebuilt: {reason}", exit_code=NOT_DONE)
    _tell(console, service, outcome, check=check)
    if process.returncode:
        raise typer.Exit(process.returncode)


def _tell(console: Console, service: str, outcome: dict[str, Any], *, check: bool) -> None:
    table = Table("table", "rows", "differing", box=None, pad_edge=False)
    for name, rows in outcome["rows"].items():
        differing = outcome["differing"][name]
        table.add_row(name, f"{rows:,}", f"[red]{differing:,}[/]" if differing else "0")
    console.print(table)
    for name, keys in outcome["named"].items():
        console.print(f"{name}: {'; '.join(keys)}{'; …' if outcome['differing'][name] > len(keys) else ''}")
    differed = sum(outcome["differing"].values())
    verdict = "all rows are what they were" if not differed else f"{differed:,} rows differ"
    what = "compared with its log" if check else "rebuilt"
    console.print(f"{service} {what} from {outcome['events']:,} events: {verdict}.")


@contextmanager
def _shown(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task("starting", total=None)
        yield bar
