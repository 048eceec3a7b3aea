"""The command line. A command is a function of its own module (or an app of commands), named here by one line."""

import errno
import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cairn_kernel.errors import CairnError
from journeyctl.errors import CannotRun

COMMANDS: Final = {
    "up": "journeyctl.up:up",
    "down": "journeyctl.up:down",
    "status": "journeyctl.status:status",
    "validate": "journeyctl.validate:validate",
    "fmt": "journeyctl.fmt:fmt",
    "schema": "journeyctl.schema:schema",
    "verify": "journeyctl.verify:verify",
    "rebuild": "journeyctl.rebuild:rebuild",
    "archive": "journeyctl.archive:archive",
    "plan": "journeyctl.plan:plan",
    "apply": "journeyctl.apply:apply",
    "revert": "journeyctl.revert:revert",
    "explain": "journeyctl.explain:explain",
    "customers": "journeyctl.customers:customers",
    "watch": "journeyctl.watch:watch",
    "pause": "journeyctl.control:pause",
    "resume": "journeyctl.control:resume",
    "stop": "journeyctl.control:stop",
    "broadcast": "journeyctl.control:broadcast",
    "identity": "journeyctl.identity:app",
    "test": "journeyctl.testing.command:play_scenarios",
    "simulate": "journeyctl.simulate.command:simulate_command",
    "dry-run": "journeyctl.dryrun.command:dry_run",
    "import": "journeyctl.importing.command:import_",
    "events": "journeyctl.events:app",
    "quarantine": "journeyctl.quarantine:app",
    "demo": "journeyctl.demo.command:demo",
}
"""In the order in which help lists them. Only the module of the command that runs is loaded."""


class Commands(TyperGroup):
    """The commands by name, each loaded when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(found)
            found = alone
        command = get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Commands,
    help="Run Cairn on this machine, apply programmes, explain customers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def journeyctl() -> None:
    """Run Cairn on this machine, apply programmes, explain customers."""


def main() -> None:
    """Run a command; what cannot be done ends in one plain sentence and an exit code."""
    try:
        app()
    except CannotRun as fault:
        _end(str(fault), fault.exit_code)
    except CairnError as fault:
        _end(f"{fault}.", 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _end("The disk is full.", 1)


def _end(sentence: str, exit_code: int) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(exit_code)
