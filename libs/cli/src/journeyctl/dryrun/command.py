"""`journeyctl dry-run`: the changed programme on live events, beside the one in force; Ctrl-C ends with the summary."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from cairn_journey import parse_bundle
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import format_instant
from journeyctl.dryrun.following import Following, Told
from journeyctl.installation import Installation, home_folder
from journeyctl.simulate.command import Changed, programme_in_force
from journeyctl.simulate.log_source import LogSource
from journeyctl.simulate.question import Question
from journeyctl.simulate.replay import Replay
from journeyctl.simulate.report import report
from journeyctl.simulate.tables import tell
from journeyctl.up import Home
from journeyctl.validate import load_or_tell
from journeyctl.virtual.world import World

_POLL_S: Final = 0.5
_PAGE: Final = 10_000


def dry_run(
    file: Changed,
    fresh: Annotated[bool, typer.Option(help="Begin with nobody known instead of with all that was recorded.")] = False,
    seconds: Annotated[float, typer.Option(help="End after so long; 0: at Ctrl-C.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Also write what is printed here.", show_default=False)] = None,
    home: Home = None,
    tenant: str = "default",
) -> None:
    """Show what a changed programme would do with events as they come in. Nothing is sent."""
    changed = load_or_tell(file)
    installation = Installation.load(home or home_folder())
    source = LogSource(installation.grpc["journey_state"])
    bundle = programme_in_force(installation, tenant)
    before = parse_bundle(bundle)
    began = time.time_ns() // 1_000
    worlds = (World(before, tenant), World(changed, tenant), World(before, tenant))
    following = Following(Replay(*worlds, upto={}, since=began), tenant)
    console = Console()
    positions = dict(source.heads()[0]) if fresh else {}
    with console.status("Reading what is known of everybody …"):
        _read_on(source, following, positions, tenant)
    following.news()  # what was decided before now is no news
    versions = f"{before.version} (in force) and {changed.version} (changed)"
    console.print(f"Following live events under {versions}. Ctrl-C ends.")
    try:
        _follow(source, following, positions, console, out, seconds, tenant)
    except KeyboardInterrupt:
        pass
    question = Question(tenant, bundle, changed.bundle(), since=began, until=None, assume="none")
    tell(console, report(question, before, changed, following.summary()), recorded=False)


def _follow(
    source: LogSource,
    following: Following,
    positions: dict[int, int],
    console: Console,
    out: Path | None,
    seconds: float,
    tenant: str,
) -> None:
    ends = time.monotonic() + seconds
    while not seconds or time.monotonic() < ends:
        _read_on(source, following, positions, tenant)
        for told in following.news():
            line = _line(told)
            console.print(line, soft_wrap=True)
            if out is not None:
                with out.open("a", encoding="utf-8") as kept:
                    kept.write(line.plain + "\n")
        time.sleep(_POLL_S)


def _read_on(source: LogSource, following: Following, positions: dict[int, int], tenant: str) -> None:
    """Take in everything up to the heads as they are now, and let time pass as far as it is complete there."""
    heads, upto = source.heads()
    for partition, head in heads.items():
        read = source.read(partition)
        while positions.get(partition, 0) < head:
            after = positions.get(partition, 0)
            batch = read(after, min(_PAGE, head - after))
            if batch is None:
                break
            following.take(batch.entries)
            positions[partition] = batch.last
    by_partition: dict[int, list[str]] = {}
    for profile in following.profiles():
        by_partition.setdefault(partition_of(tenant, profile), []).append(profile)
    for partition, profiles in by_partition.items():
        if partition in upto:
            following.advance(upto[partition], profiles)


def _line(told: Told) -> Text:
    style = {"both": "dim", "in force": "red", "changed": "green"}[told.side]
    return Text(f"{format_instant(told.at)[:19]}  {told.profile_id}  {told.side:<8}  {told.text}", style=style)
