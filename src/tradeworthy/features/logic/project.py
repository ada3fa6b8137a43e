"""A user's source files as values: parsed modules, found by dotted name under one root folder."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import RLock

from tradeworthy.errors import StrategyInvalid
from tradeworthy.features.logic.module_bindings import ModuleBindings, bind_module

# CPython keeps the depth of a tree under construction once a process: in two threads at once it
# may fail with a SystemError, whenever the garbage collector lets another thread in.
_PARSING = RLock()


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """One parsed source file.

    Attributes
    ----------
    name
        Dotted name from the project's root folder.
    path
        Path from the root folder, with forward slashes.
    text
        The source.
    is_package
        Whether the file is an ``__init__.py``.
    tree, bindings
        The parsed source and the names it binds at the top level.
    """

    name: str
    path: str
    text: str
    is_package: bool
    tree: ast.Module
    bindings: ModuleBindings

    def absolute(self, level: int, target: str | None) -> str | None:
        """Resolve the module of a ``from ... import``; None if it leaves the root folder."""
        if level == 0:
            return target
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        if level > len(package):
            return None
        kept = package[: len(package) - level + 1]
        return ".".join([*kept, target] if target else kept)


@dataclass(frozen=True, slots=True)
class ForeignChange:
    """A top-level name that a module other than its own assigns or changes in place.

    Attributes
    ----------
    module, name
        What is changed.
    path, line
        Where.
    """

    module: str
    name: str
    path: str
    line: int


@dataclass(slots=True)
class Project:
    """User code: every module whose file lies under one root folder.

    Parameters
    ----------
    read
        Gives the text of a file by its path from the root folder, None if there is none.
    entry
        The module that is imported first, and brings in the others; the first that is placed.
    foreign_changes
        What the modules change in each other; None until somebody asks.
    """

    read: Callable[[str], str | None]
    entry: Module | None = None
    foreign_changes: list[ForeignChange] | None = None
    _modules: dict[str, Module | None] = field(default_factory=dict)

    def module(self, name: str) -> Module | None:
        """Find a user module by dotted name; None for anything that is not the user's own file.

        Raises
        ------
        StrategyInvalid
            If the file is not valid Python.
        """
        if name not in self._modules:
            self._modules[name] = self._load(name)
        return self._modules[name]

    def _load(self, name: str) -> Module | None:
        if name.partition(".")[0] in sys.stdlib_module_names:
            return None
        stem = name.replace(".", "/")
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            text = self.read(path)
            if text is not None:
                return parse_module(name, path, text)
        return None

    def add(self, module: Module) -> None:
        """Place an already parsed module, such as the feature file itself."""
        self.entry = self.entry or module
        self._modules[module.name] = module

    def loaded(self) -> Iterator[Module]:
        """Iterate over the modules that were found so far."""
        return (module for module in list(self._modules.values()) if module is not None)


def parse_module(name: str, path: str, text: str) -> Module:
    """Parse one source file.

    Raises
    ------
    StrategyInvalid
        If the text is not valid Python; the message has the line.

    Examples
    --------
    >>> sorted(parse_module("momentum", "momentum.py", "WINDOW = 20").bindings.names)
    ['WINDOW']
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise StrategyInvalid(
            f"{path}, line {line}: there is a NUL character, which Python does not read: is this "
            "a text file in UTF-8? Take the character out",
            path=path,
            line=line,
        )
    try:
        with _PARSING:
            tree = ast.parse(text)
        bindings = bind_module(tree)
    except SyntaxError as error:
        raise StrategyInvalid(
            f"{path}, line {error.lineno}: not valid Python: {error.msg}; correct the line",
            path=path,
            line=error.lineno,
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise StrategyInvalid(f"{path} cannot be parsed: {error}", path=path) from error
    is_package = path.rpartition("/")[2] == "__init__.py"
    return Module(name, path, text, is_package, tree, bindings)


@lru_cache(maxsize=64)
def _lines(text: str) -> list[str]:
    """Split where Python does: a form feed or a line separator in a string ends no line."""
    return re.split(r"\r\n|\r|\n", text)


def statement_text(text: str, nodes: Sequence[ast.AST]) -> str:
    """Cut the source of whole statements, decorators included."""
    lines = _lines(text)
    pieces = []
    for node in nodes:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])  # type: ignore[attr-defined]
        pieces.append("\n".join(lines[first - 1 : node.end_lineno]))  # type: ignore[attr-defined]
    return "\n".join(pieces)
