"""The command line as a whole."""

from typer.testing import CliRunner

from journeyctl.main import COMMANDS, app


def test_help_lists_every_command_with_a_sentence() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "160"}).stdout
    for name in COMMANDS:
        assert f"│ {name} " in told


def test_an_unknown_command_is_told() -> None:
    told = CliRunner().invoke(app, ["nothing"])
    assert told.exit_code == 2
    assert "No such command 'nothing'." in told.output
