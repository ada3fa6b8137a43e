"""Errors of users' code, reported with the lines of their own files, in at most 2 kB.

What is longer is kept whole in a file below the current folder, which the message names.
"""

from __future__ import annotations

import json
import os
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tradeworthy.base.foreign_text import MOST_BYTES, kind_of, readable, shortened, whole_text
from tradeworthy.errors import StrategyInvalid, TradeworthyError

MOST_KEPT = 8 * 10**6
WHOLE_TEXT = "whole_text"
IN_FILE = "; the whole text is in "
ERRORS = Path("tradeworthy-errors")
ERROR_FILES = "error-*.txt"
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


def keep_text(text: str, folder: Path) -> Path:
    """Write a text, its first 8 MB if it is longer, into a file named by its content.

    The folder is made, and kept out of git: a tree of code stays clean.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    data = text.encode(errors="backslashreplace")[:MOST_KEPT].decode(errors="ignore").encode()
    path = folder / ERROR_FILES.replace("*", sha256(data).hexdigest()[:16])
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="ascii")
    with suppress(FileExistsError):
        # It may hold data: it is for its owner alone.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
    return path


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
    parts = list(_parts(error, set()))
    # A class that users derive may leave its message out, and is reported as the one above it.
    if isinstance(error, TradeworthyError) and hasattr(error, "message"):
        kind = next(each for each in type(error).__mro__ if each.__module__ == kind.__module__)
        title, parts = "", [_Part(readable(error.message), parts[0].lines)]
        details |= small_details(error.details)
    else:
        details |= {"error": kind_of(error)}
    if function is not None and not any(each.lines for each in parts):
        parts[0] = _Part(parts[0].text, _definition(function))
    if function is not None and isinstance(error, ImportError):
        # The folder of users' files is found only while they are imported.
        parts[0] = _Part(f"{parts[0].text}; import it at the top of the file", parts[0].lines)
    shown = parts[:_MOST_ERRORS]
    most = MOST_BYTES // len(shown)
    message = title + "; caused by ".join(
        each.written(most, 1 if number else _MOST_LINES) for number, each in enumerate(shown)
    )
    if len(parts) > len(shown) or any(len(each.text.encode()) > most for each in shown):
        message, details = _with_file(message, what, parts, details)
    return kind(message, **details)


def _with_file(
    message: str, what: str, parts: list[_Part], details: dict[str, object]
) -> tuple[str, dict[str, object]]:
    text = "\n\ncaused by ".join("\n  ".join([each.text, *each.lines]) for each in parts)
    try:
        name = keep_text(f"{what}: {text}\n", ERRORS).as_posix()
    except OSError as error:
        return f"{message}; the whole text cannot be kept here: {error.strerror}", details
    return f"{message}{IN_FILE}{name}", {**details, WHOLE_TEXT: name}


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


def _definition(function: Callable[..., Any]) -> tuple[str, ...]:
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
