"""Files that keep what was too long for an error's message; who runs users' code writes them."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import ENOTDIR
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from time import time_ns

from tradeworthy.base.foreign_text import MOST_KEPT
from tradeworthy.errors import TradeworthyError

ERRORS = Path("tradeworthy-errors")
WHOLE_TEXT = "whole_text"
_FILES = "error-*.txt"
_MOST_FILES = 50


def keep_whole_text(error: TradeworthyError, folder: Path = ERRORS) -> None:
    """Write an error's whole text, its first 8 MB if it is longer, into a file that it then names.

    Nothing happens to an error that has no more text than its message. The folder is made, and kept
    out of git: a tree of code stays clean. The newest 50 files stay.

    Parameters
    ----------
    error
        Its message is extended, and its details get the file's path.
    folder
        Where the files lie; by default below the current folder.
    """
    text, error.whole_text = error.whole_text, None
    if text is None:
        return
    try:
        place = str(_written(text, folder))
    except OSError as failure:
        error.append(f"; the whole text cannot be kept here: {failure.strerror}")
    else:
        error.append(f"; the whole text is in {place}")
        error.details[WHOLE_TEXT] = place
        with suppress(OSError):
            _forget_oldest(folder)


def _written(text: str, folder: Path) -> Path:
    data = text.encode(errors="backslashreplace")[:MOST_KEPT].decode(errors="ignore").encode()
    path = folder / _FILES.replace("*", sha256(data).hexdigest()[:16])
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink():
        # It may have come with somebody's code, and lead anywhere.
        raise NotADirectoryError(ENOTDIR, f"{folder} is a link")
    with suppress(FileExistsError), (folder / ".gitignore").open("x", encoding="ascii") as ignored:
        ignored.write("*\n")
    # It may hold data: it is for its owner alone. Whole under its name or not there.
    opened, name = mkstemp(dir=folder)
    beside = Path(name)
    try:
        with os.fdopen(opened, "wb") as stream:
            stream.write(data)
        # The system's own times are too coarse to tell the newest.
        os.utime(beside, ns=(time_ns(), time_ns()))
        beside.replace(path)
    except OSError:
        beside.unlink()
        raise
    return path


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob(_FILES), key=lambda each: each.stat().st_mtime_ns)
    for each in files[:-_MOST_FILES]:
        each.unlink(missing_ok=True)
