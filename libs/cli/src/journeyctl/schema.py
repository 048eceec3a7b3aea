"""`journeyctl schema`: the JSON Schema of definitions, for editors."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cairn_journey import json_schema
from journeyctl.processes import cannot


def schema(out: Annotated[Path | None, typer.Argument(help="File to write.", show_default=False)] = None) -> None:
    """Print the JSON Schema (2020-12) of one definition; editors complete and check by it."""
    text = json.dumps(json_schema(), indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot(f"write {out}", error) from error
