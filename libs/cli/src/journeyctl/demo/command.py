"""`journeyctl demo`: a year of retail customers through the whole suite."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from journeyctl.errors import CannotRun
from journeyctl.installation import home_folder

Size = Annotated[Literal["small", "full"], typer.Option(help="small: January 2017; full: the year.")]
Folder = Annotated[Path | None, typer.Option(help="Folder of data; by default .cairn/demo.", show_default=False)]
Programme = Annotated[Path, typer.Option(help="Folder of the programme to run.")]
Out = Annotated[Path, typer.Option(help="Folder for report.html and summary.json.")]


def demo(
    size: Size = "full",
    home: Folder = None,
    programme: Programme = Path("deploy/examples/retail"),
    out: Out = Path("build/demo"),
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted demo instead of beginning anew.")] = False,
    live: Annotated[bool, typer.Option(help="Measure the latency in live mode afterwards.")] = True,
) -> None:
    """Play recorded customers day by day through all services and tell what became of them."""
    try:
        from journeyctl.demo.run import run  # it needs pandas and the Segment client, which nobody else does
    except ModuleNotFoundError as missing:
        raise CannotRun(f"The demo needs the Python package {missing.name}; install it with: make setup") from None
    run(Console(), size, home or home_folder() / "demo", programme, out, resume=resume, live=live)
