"""Command groups are found by their folder, in the order that the help has always had."""

from __future__ import annotations

from pathlib import Path

from typer.main import get_command

import tradeworthy.cli
from tradeworthy.cli.app import app
from tradeworthy.cli.command_modules import command_modules

WITHOUT_COMMANDS = {
    "__init__",
    "app",
    "argument_faults",
    "command_modules",
    "context",
    "exit_codes",
    "interrupt",
    "standard_streams",
}
COMMANDS = (
    "init serve demo scheduler train quarantine lift-quarantine retire backtest promote approve "
    "history whoami datasets models jobs features drift policy manifest tokens"
)


def test_every_file_of_the_folder_has_its_commands() -> None:
    files = {file.stem for file in Path(tradeworthy.cli.__file__).parent.glob("*.py")}
    names = [str(module).split("'")[1].rpartition(".")[2] for module in command_modules()]
    assert set(names) == files - WITHOUT_COMMANDS
    assert len({module.PLACE for module in command_modules()}) == len(names)


def test_commands_stand_in_their_order() -> None:
    assert list(getattr(get_command(app), "commands")) == COMMANDS.split()  # noqa: B009
