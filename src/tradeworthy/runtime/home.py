"""The home folder: made once by ``tradeworthy init``, checked at every start."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradeworthy.base.settings import Settings
from tradeworthy.errors import HomeUnusable

KEY_BYTES = 32


def make_home(settings: Settings, *, policy_text: str, key: bytes) -> None:
    """Make the home with its subfolders, its policy file and its token key, where missing.

    Raises
    ------
    HomeUnusable
        If a folder or file cannot be written.
    """
    try:
        for folder in (
            settings.home,
            settings.blobs_folder,
            settings.predictions_folder,
            settings.strategies_folder,
        ):
            folder.mkdir(parents=True, exist_ok=True)
        with locked(settings.home):
            if not settings.policy_file.exists():
                _write_new(settings.policy_file, policy_text, mode=0o644)
            if settings.token_key is None and not settings.token_key_file.exists():
                write_secret(settings.token_key_file, key.hex())
    except OSError as error:
        raise HomeUnusable(
            f"cannot write {error.filename or settings.home}: {error.strerror}; "
            "choose another --home"
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process that holds it."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it must not exist yet, and is there whole or not.

    Raises
    ------
    FileExistsError
        If it exists.
    """
    _write_new(path, text.encode("ascii").decode() + "\n", mode=0o600)


def _write_new(path: Path, text: str, *, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    # Until the folder is on disk too, the name is not.
    with _opened(path.parent) as folder:
        os.fsync(folder)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_token_key(settings: Settings) -> bytes:
    """Return the key of token MACs.

    Raises
    ------
    HomeUnusable
        If the home has none, or it is too short to be one.
    """
    if settings.token_key is not None:
        text = settings.token_key.get_secret_value()
    else:
        try:
            text = settings.token_key_file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise HomeUnusable(
                f"no readable key at {settings.token_key_file}: run `{settings.init_command}`"
            ) from error
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as error:
        raise HomeUnusable("the token key is not hexadecimal: restore it from a backup") from error
    if len(key) < KEY_BYTES:
        raise HomeUnusable(f"the token key has {len(key)} bytes, it takes {KEY_BYTES}")
    return key
