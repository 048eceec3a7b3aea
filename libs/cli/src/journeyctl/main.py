"""The command line. A command is a function of its own module, registered here by one line."""

import errno
import sys

import typer

from cairn_kernel.errors import CairnError
from journeyctl.apply import apply
from journeyctl.control import broadcast, pause, resume, stop
from journeyctl.customers import customers
from journeyctl.demo.command import demo
from journeyctl.errors import CannotRun
from journeyctl.explain import explain
from journeyctl.identity import app as identity
from journeyctl.simulate.command import simulate_command
from journeyctl.status import status
from journeyctl.up import down, up
from journeyctl.validate import validate
from journeyctl.verify import verify
from journeyctl.watch import watch

app = typer.Typer(
    help="Run Cairn on this machine, apply programmes, explain customers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(down)
app.command()(status)
app.command()(validate)
app.command()(verify)
app.command()(apply)
app.command()(explain)
app.command()(customers)
app.command()(watch)
app.command()(pause)
app.command()(resume)
app.command()(stop)
app.command()(broadcast)
app.command("simulate")(simulate_command)
app.command()(demo)
app.add_typer(identity, name="identity")


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
