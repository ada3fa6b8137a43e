"""The installed distributions that users' logic names: shell."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tradeworthy.errors import FeatureLogicRefused

InstalledState = tuple[tuple[str, int], ...]


def installed_state() -> InstalledState:
    """Return what changes when something is installed: the folders of imports, with their times.

    Where Python puts the program's own folder first, that is left out: files come and go in it.
    """
    folders = sys.path if sys.flags.safe_path else sys.path[1:]
    return tuple((each, _changed(each)) for each in folders)


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _installed(_: InstalledState) -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def distributions_of(libraries: Iterable[str]) -> dict[str, str]:
    """Look up the installed distributions of libraries, with their versions.

    Raises
    ------
    FeatureLogicRefused
        For a module that belongs to no distribution: two versions of it would have one hash.
        One that is not there at all, as behind ``except ImportError``, is left out.
    """
    found: dict[str, str] = {}
    installed = _installed(installed_state())
    for library in sorted(set(libraries) - {"tradeworthy"}):
        if library in sys.stdlib_module_names:
            continue
        names = installed.get(library, ())
        if not names and _is_there(library):
            raise FeatureLogicRefused(
                f"module {library!r} is neither in the feature file's folder nor part of an "
                "installed distribution; move it beside the file or install it",
                reason="unknown_library",
            )
        for name in names:
            found[name] = importlib.metadata.version(name)
    return found


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ValueError:
        # A module that no file was found for: a script, a notebook, or one made by a program.
        return True
