"""`journeyctl watch`: the counts of a journey as they change."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import grpc
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from cairn.journey.v1 import journey_pb2 as pb
from journeyctl.console import wide_console
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services, refusal
from journeyctl.up import Home


def watch(
    journey: Annotated[str, typer.Argument(help="Name of the journey; none: all of them.")] = "",
    times: Annotated[int, typer.Option(help="End after so many changes; 0: at Ctrl-C.", min=0)] = 0,
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Show how many customers are where in a journey, as it changes."""
    with Services(Installation.load(home or home_folder())) as services, _shown() as show:
        try:
            for seen, answer in enumerate(
                services.journeys.WatchJourney(pb.WatchJourneyRequest(tenant=tenant, journey=journey)), start=1
            ):
                show(table_of(answer))
                if seen == times:
                    return
        except KeyboardInterrupt:
            return
        except grpc.RpcError as error:
            raise refusal(error) from None


@contextmanager
def _shown() -> Iterator[Callable[[Table], None]]:
    """On a terminal each table takes the place of the one before; elsewhere they follow one another at once."""
    console = Console()
    if not console.is_terminal:
        yield _print
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda table: live.update(table, refresh=True)


def _print(table: Table) -> None:
    wide_console().print(table)
    sys.stdout.flush()


def table_of(answer: pb.WatchJourneyResponse) -> Table:
    """One line per journey and stage."""
    table = Table("journey", "stage", "now", "ever", title=f"{answer.customers:,} customers", box=None, pad_edge=False)
    for one in answer.journeys:
        control = f" [red]({one.control})[/]" if one.control else ""
        table.add_row(f"[bold]{one.journey}[/]{control}", "", f"{one.in_flight:,}", f"{one.entered:,}")
        for stage in sorted({*one.stages, *one.stage_entries}):
            name = stage or "none yet"
            table.add_row("", name, f"{one.stages.get(stage, 0):,}", f"{one.stage_entries.get(stage, 0):,}")
        for friction, met in sorted(one.frictions.items()):
            table.add_row("", f"[yellow]{friction}[/]", "", f"{met:,}")
        for band in sorted(one.health):
            table.add_row("", f"[yellow]in {band} health[/]", f"{one.health[band]:,}", "")
        worth = f" worth {one.goal_value} {one.currency}" if one.currency else ""
        table.add_row("", "[green]goal reached[/]", "", f"{one.goal:,}{worth}")
        table.add_row("", "[dim]left without[/]", "", f"{one.exited:,}")
    if not answer.journeys:
        table.caption = "Nobody has entered it."
    return table
