"""Shell: manifests on disk, written once, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tradeworthy.errors import AlreadyExists, HomeUnusable, ManifestInvalid
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.manifest_fields import MAX_BYTES


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write ``manifest`` to ``<folder>/<model>-v<version>.manifest.json`` and return the path.

    The file appears under its name only when every byte is on the disk. Writing the same manifest
    again changes nothing.

    Raises
    ------
    AlreadyExists
        If another manifest stands under that name.
    HomeUnusable
        If the folder is missing, not writable, or on a file system without hard links.
    """
    text = manifest.to_json()
    path = folder / manifest.file_name
    try:
        _create(path, text.encode())
    except FileExistsError as error:
        if _holds(path, text.encode()):
            return path
        raise AlreadyExists(
            f"{path} holds another manifest, and none is written over: name another folder, "
            "or move that file away"
        ) from error
    except OSError as error:
        raise HomeUnusable(f"cannot write {path}: {error.strerror}") from error
    return path


def read_manifest_text(path: Path) -> bytes:
    """Read the bytes of a manifest file, no more than a manifest may have.

    Raises
    ------
    ManifestInvalid
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ManifestInvalid(f"cannot read {path}: {error.strerror}") from error


def _holds(path: Path, data: bytes) -> bool:
    # A link would let the content change under the same name.
    if path.is_symlink() or not path.is_file():
        return False
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _create(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o444)
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces what another writer put there first.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
