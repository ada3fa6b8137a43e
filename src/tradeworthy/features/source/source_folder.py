"""Reading a user's source files from disk: shell.

The project's root is the folder of the feature file, or, for a file inside packages, the folder
that holds the outermost package. Every module under it is user code.
"""

from __future__ import annotations

import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tradeworthy.errors import StrategyInvalid
from tradeworthy.features.logic import Module, Project, parse_module

_TAKEN = frozenset({"numpy", "polars", "tradeworthy"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Where a feature file stands.

    Attributes
    ----------
    path
        Absolute path.
    root
        Folder that its module name starts from.
    module_name
        Dotted name from the root.
    """

    path: Path
    root: Path
    module_name: str

    @property
    def relative(self) -> str:
        """Path from the root, with forward slashes."""
        return self.path.relative_to(self.root).as_posix()


def locate_source(path: str | Path) -> SourceFile:
    """Find the root folder and the module name of a file.

    Raises
    ------
    StrategyInvalid
        If there is no such file, or it is not a Python file.
    """
    file = Path(path).absolute()
    if not file.is_file():
        raise StrategyInvalid(f"no file {path}; check the path", path=str(path))
    if file.suffix != ".py":
        raise StrategyInvalid(f"{path} is not a Python file; name a .py file", path=str(path))
    file = file.resolve()
    root = file.parent
    while (root / "__init__.py").is_file() and root.parent != root:
        root = root.parent
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    parts[-1] = parts[-1].replace(".", "_")
    if len(parts) == 1 and parts[0] in _TAKEN | sys.stdlib_module_names:
        parts[0] += "_file"
    return SourceFile(file, root, ".".join(parts))


def read_source(path: Path) -> str:
    """Read a Python file in the encoding that it declares.

    Raises
    ------
    StrategyInvalid
        If it cannot be read or decoded.
    """
    try:
        with tokenize.open(path) as stream:
            return stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise StrategyInvalid(f"{path.name} cannot be read: {error}", path=str(path)) from error


def folder_reader(source: SourceFile) -> Callable[[str], str | None]:
    """Read files by their path from the root; installed libraries are no user code."""
    package = source.relative.partition("/")[0]

    def read(relative: str) -> str | None:
        if source.root.name in _INSTALLED and relative.partition("/")[0] != package:
            return None
        file = source.root / relative
        return read_source(file) if file.is_file() else None

    return read


def open_project(source: SourceFile) -> tuple[Project, Module]:
    """Parse a feature file and stand ready to find the user modules that it imports.

    Raises
    ------
    StrategyInvalid
        If the file cannot be read or is not valid Python.
    """
    project = Project(folder_reader(source))
    module = parse_module(source.module_name, source.relative, read_source(source.path))
    project.add(module)
    return project, module
