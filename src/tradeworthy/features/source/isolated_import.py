"""Importing a feature file without leaving a trace: shell.

User modules are compiled from the source as it is now, never from a bytecode cache, which two
edits within a second would fool. ``sys.modules`` and ``sys.path`` are as before afterwards.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from tradeworthy.base.users_errors import users_errors
from tradeworthy.errors import StrategyInvalid
from tradeworthy.features.source.source_folder import SourceFile

_LOCK = threading.RLock()
_IMPORTING: list[Path] = []


class _FreshLoader(SourceFileLoader):
    """Compile from source every time."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _ProjectFinder:
    """Find user modules under one root folder."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target
        if fullname == self._source.module_name:
            return self._own_spec(fullname)
        if fullname.partition(".")[0] in sys.stdlib_module_names:
            return None
        places = [str(self._source.root)] if path is None else list(path)
        spec = PathFinder.find_spec(fullname, places)
        if spec is None or (spec.loader is None and PathFinder.find_spec(fullname, path)):
            return None
        if isinstance(spec.loader, SourceFileLoader) and self._owns(spec):
            spec.loader = _FreshLoader(fullname, spec.loader.path)
            spec.cached = None
        return spec

    def _own_spec(self, fullname: str) -> ModuleSpec:
        path = str(self._source.path)
        is_package = self._source.path.name == "__init__.py"
        spec = ModuleSpec(fullname, _FreshLoader(fullname, path), origin=path)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [str(self._source.path.parent)]
        return spec

    def _owns(self, spec: ModuleSpec) -> bool:
        return spec.origin is not None and Path(spec.origin).is_relative_to(self._source.root)


def import_file(source: SourceFile) -> ModuleType:
    """Run a feature file and give its module.

    Raises
    ------
    StrategyInvalid
        If running it raises anything; the message has the kind, the text and the line of the error.
        If it imports itself, as a script does that starts its run at the top level.
    """
    name = source.path.name
    with _LOCK, _isolated(source):
        if source.path in _IMPORTING:
            raise StrategyInvalid(
                f"{name} starts its run anew when its functions are imported: put what starts it "
                'under `if __name__ == "__main__":`',
                path=str(source.path),
            )
        _IMPORTING.append(source.path)
        try:
            with users_errors(f"{name} cannot be imported", path=str(source.path)):
                return importlib.import_module(source.module_name)
        finally:
            _IMPORTING.pop()


@contextmanager
def _isolated(source: SourceFile) -> Iterator[None]:
    """Let user modules be found first, and forget them afterwards."""
    finder = _ProjectFinder(source)
    tops = _top_names(source)
    stashed = {name: sys.modules.pop(name) for name in list(sys.modules) if _top(name) in tops}
    importlib.invalidate_caches()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _top(name) in tops]:
            del sys.modules[name]
        sys.modules.update(stashed)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _top_names(source: SourceFile) -> frozenset[str]:
    """List the top-level module names that the root folder provides."""
    own = _top(source.module_name)
    if source.root.name in ("site-packages", "dist-packages"):
        return frozenset({own})
    files = {each.stem for each in source.root.glob("*.py")}
    folders = {each.parent.name for each in source.root.glob("*/*.py")}
    return frozenset((files | folders) - sys.stdlib_module_names - {"tradeworthy"} | {own})
