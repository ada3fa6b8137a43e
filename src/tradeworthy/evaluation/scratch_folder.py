"""Removing a folder that users' code has written in, whatever it has made of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def remove_folder(folder: Path) -> None:
    """Remove a folder as far as the system allows, however deep it is and whatever its modes are.

    Nothing may run any more that could write in it. What lies deeper is moved up first, since a
    path can be longer than a system call takes.
    """
    with suppress(OSError):
        while inner := [*_emptied(folder)]:
            for each in inner:
                _move_up(Path(each), folder)
        folder.rmdir()


def _emptied(folder: Path) -> Iterator[str]:
    """Remove everything but folders, which are returned."""
    folder.chmod(0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry.path
            else:
                Path(entry.path).unlink()


def _move_up(place: Path, folder: Path) -> None:
    for each in [*_emptied(place)]:
        # Moving a folder changes what it names its parent.
        Path(each).chmod(0o700)
        Path(each).rename(folder / secrets.token_hex(16))
    place.rmdir()
