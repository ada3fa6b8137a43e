"""Errors of users' code, reported with the lines of their own files, in at most 2 kB.

What is longer stands whole in the error's ``whole_text``.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tradeworthy.base.foreign_text import (
    MOST_BYTES,
    MOST_KEPT,
    kind_of,
    readable,
    shortened,
    whole_text,
)
from tradeworthy.errors import StrategyInvalid, TradeworthyError

_MOST_ERRORS = 3
_MOST_PARTS = 50
_MOST_LINES = 5
_LONGEST_LINE = 80
_LONGEST_TITLE = 200
_MOST_DETAILS = 100_000


@contextmanager
def users_errors(
    what: str, *, function: Callable[..., Any] | None = None, **details: object
) -> Iterator[None]:
    """Report whatever the code in this block raises; only an interrupt goes through.

    An error of this package keeps its kind and its message; every other one becomes a
    `StrategyInvalid`.

    Parameters
    ----------
    what
        What failed, as the message begins.
    function
        The user's function that is named if no line of a user's file is in the traceback.
    **details
        Facts about the error.

    Raises
    ------
    TradeworthyError
        With the user's own lines, the innermost last.

    Examples
    --------
    >>> with users_errors("train failed"):
    ...     int("many")
    Traceback (most recent call last):
    ...
    tradeworthy.errors.StrategyInvalid: train failed: ValueError: invalid literal for int() ...
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        try:
            report = _reported(what, error, function, details)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - it may fail, or exit, wherever it is looked at
            report = StrategyInvalid(f"{shortened(what)}: {kind_of(error)}")
        raise report from error


def small_details(details: dict[str, object]) -> dict[str, object]:
    """Return the details of an error, unless users' code has put too much or no JSON in them."""
    try:
        return dict(details) if len(json.dumps(details)) <= _MOST_DETAILS else {}
    except (TypeError, ValueError, RecursionError):
        return {}


@dataclass(frozen=True, slots=True)
class _Part:
    """One error of a chain or group: its text and the user's lines it went through."""

    text: str
    lines: tuple[str, ...]

    def written(self, most: int, lines: int) -> str:
        shown = [shortened(each, _LONGEST_LINE) for each in self.lines]
        if len(shown) > lines:
            shown = [*shown[: lines // 2], "...", *shown[lines // 2 - lines :]]
        return shortened(self.text, most) + (f" ({', '.join(shown)})" if shown else "")


def _reported(
    what: str,
    error: BaseException,
    function: Callable[..., Any] | None,
    details: dict[str, object],
) -> TradeworthyError:
    kind: type[TradeworthyError] = StrategyInvalid
    title = f"{shortened(what, _LONGEST_TITLE)}: "
    parts, whole = list(_parts(error, set())), None
    # A class that users derive may leave its message out, and is reported as the one above it.
    if isinstance(error, TradeworthyError) and hasattr(error, "message"):
        kind = next(each for each in type(error).__mro__ if each.__module__ == kind.__module__)
        title, parts = "", [_Part(readable(error.message), parts[0].lines)]
        details |= small_details(error.details)
        whole = None if error.whole_text is None else readable(error.whole_text)
    else:
        details |= {"error": kind_of(error)}
    if function is not None and not any(each.lines for each in parts):
        parts[0] = _Part(parts[0].text, definition(function))
    if isinstance(error, ImportError) and (advice := _import_advice(error, function)):
        parts[0] = _Part(f"{parts[0].text}; {advice}", parts[0].lines)
    shown = parts[:_MOST_ERRORS]
    most = MOST_BYTES // len(shown)
    message = title + "; caused by ".join(
        each.written(most, 1 if number else _MOST_LINES) for number, each in enumerate(shown)
    )
    report = kind(message, **details)
    if len(parts) > len(shown) or any(len(each.text.encode()) > most for each in shown):
        text = "\n\ncaused by ".join("\n  ".join([each.text, *each.lines]) for each in parts)
        whole = whole or f"{what}: {text}\n"
    report.whole_text = None if whole is None else whole[:MOST_KEPT]
    return report


def _import_advice(error: ImportError, function: Callable[..., Any] | None) -> str | None:
    """Advise to install a module that nothing holds, or where to import one that there is."""
    name = vars(ImportError)["name"].__get__(error)
    module = name.partition(".")[0] if type(name) is str else ""
    if not module.isidentifier():
        return None
    own = PathFinder.find_spec(module, [str(_folder(function))])
    if own is None and module not in sys.modules and find_spec(module) is None:
        return f"install it: `pip install {module}`"
    # The folder of users' files is found only while they are imported.
    return None if function is None else "import it at the top of the file"


def _folder(function: Callable[..., Any] | None) -> Path:
    code = getattr(function, "__code__", None)
    return Path(code.co_filename).parent if isinstance(code, CodeType) else Path()


def _parts(error: BaseException, seen: set[int]) -> Iterator[_Part]:
    """Give an error, those it groups, and what caused it."""
    if id(error) in seen or len(seen) == _MOST_PARTS:
        return
    seen.add(id(error))
    yield _Part(_without_library_folders(whole_text(error)), _lines(error))
    if isinstance(error, BaseExceptionGroup):
        for each in _own(error, "exceptions", BaseExceptionGroup):
            yield from _parts(each, seen)
    cause = _own(error, "__cause__")
    if cause is None and not _own(error, "__suppress_context__"):
        cause = _own(error, "__context__")
    if cause is not None:
        yield from _parts(cause, seen)


def _own(error: BaseException, name: str, kind: type[BaseException] = BaseException) -> Any:
    """Return what Python itself keeps of an error: a class of users' may answer otherwise."""
    return vars(kind)[name].__get__(error)


def _lines(error: BaseException) -> tuple[str, ...]:
    lines: list[str] = []
    for frame, number in traceback.walk_tb(_own(error, "__traceback__")):
        if _is_users(frame):
            line = f"{_file(frame.f_code, frame.f_globals)}:{number} in {frame.f_code.co_name}"
            if line not in lines[-2:]:
                lines.append(line)
    return tuple(lines)


def definition(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return where a user's function is defined, nothing if it is no function."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return ()
    names = getattr(function, "__globals__", {})
    return (f"{_file(code, names)}:{code.co_firstlineno} in {code.co_name}",)


def _is_users(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith("<"):
        # As in a notebook, or what is piped into Python.
        return frame.f_globals.get("__name__") == "__main__"
    return not file.startswith(_library_folders()) and not {
        "site-packages",
        "dist-packages",
    } & set(Path(file).parts)


def _file(code: CodeType, names: dict[str, Any]) -> str:
    """Name a file from the folder that its module's name starts from: nothing above is shown."""
    path = Path(code.co_filename)
    depth = str(names.get("__name__", "")).count(".") + (path.name == "__init__.py") + 1
    return "/".join(path.parts[-depth:])


@cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    own = Path(__file__).resolve().parents[1]
    folders = (own, *(paths[name] for name in ("purelib", "platlib", "stdlib", "platstdlib")))
    return tuple(f"{each}{os.sep}" for each in folders)


def _without_library_folders(text: str) -> str:
    for folder in _library_folders():
        text = text.replace(folder, "")
    return text
