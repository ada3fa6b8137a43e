"""The modules of this folder that have commands, in the order in which the help lists them."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Protocol, cast

import typer

import tradeworthy.cli


class CommandModule(Protocol):
    """A module with commands: one that has a ``PLACE``, a number by which the help is sorted."""

    PLACE: int

    def add_to(self, app: typer.Typer) -> None:
        """Add the module's commands."""
        ...


def command_modules() -> list[CommandModule]:
    """Return every module of the folder that has commands; a new file is found by itself."""
    return sorted(_found(), key=lambda module: module.PLACE)


def _found() -> Iterator[CommandModule]:
    for name in sorted(each.name for each in pkgutil.iter_modules(tradeworthy.cli.__path__)):
        # The program itself starts when it is imported, or is being imported.
        if name != "app":
            module = import_module(f"tradeworthy.cli.{name}")
            if hasattr(module, "PLACE"):
                yield cast("CommandModule", module)
