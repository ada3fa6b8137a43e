"""Every command of the command line."""

from __future__ import annotations

import typer

from tradeworthy.cli.app import app


def options_by_command() -> dict[str, set[str]]:
    """Return each command by its words, with its options."""
    found: dict[str, set[str]] = {}
    stack = [((), typer.main.get_command(app))]
    while stack:
        words, command = stack.pop()
        inner = getattr(command, "commands", None)
        if inner:
            stack += [((*words, name), each) for name, each in inner.items()]
        else:
            found[" ".join(words)] = {opt for each in command.params for opt in each.opts}
    return found
