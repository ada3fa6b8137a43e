"""Files by their SHA-256: artifacts and market data, written once and never changed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tradeworthy.base.digests import is_digest, sha256_hex
from tradeworthy.errors import ArtifactInvalid, HomeUnusable, InvalidInput


class BlobFolder:
    """Blobs under a folder, two characters of the digest a subfolder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the blob lies or would lie.

        Raises
        ------
        InvalidInput
            Unless ``sha256`` is a digest; nothing else ever becomes a path.
        """
        if not is_digest(sha256):
            raise InvalidInput("a blob is named by 64 lowercase hexadecimal characters")
        return self._folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Tell whether the blob is there."""
        return self.path(sha256).is_file()

    def put(self, data: bytes, sha256: str) -> None:
        """Keep ``data`` under its digest; the same one twice is no error.

        Raises
        ------
        InvalidInput
            If ``sha256`` is not the digest of ``data``.
        HomeUnusable
            If the folder cannot be written.
        """
        actual = sha256_hex(data)
        if actual != sha256:
            raise InvalidInput(
                f"the bytes that arrived have digest {actual}, not {sha256}: send them again",
                actual=actual,
                expected=sha256,
            )
        path = self.path(sha256)
        if path.is_file() and sha256_hex(path.read_bytes()) == sha256:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, data)
        except OSError as error:
            raise HomeUnusable(f"cannot write {path}: {error.strerror}") from error

    def read(self, sha256: str) -> bytes:
        """Return the blob, its digest checked.

        Raises
        ------
        ArtifactInvalid
            If it is missing, unreadable or not what its name says.
        """
        try:
            data = self.path(sha256).read_bytes()
        except OSError as error:
            raise ArtifactInvalid(
                f"file {sha256} cannot be read ({error.strerror}): restore it from a backup",
                sha256=sha256,
            ) from error
        actual = sha256_hex(data)
        if actual != sha256:
            raise ArtifactInvalid(
                f"file {sha256} was tampered with, its digest is {actual}: restore it from a "
                "backup",
                sha256=sha256,
                actual=actual,
            )
        return data


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside, sync, rename, sync the folder: after a crash it is there whole or not."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
