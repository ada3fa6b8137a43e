"""Shell: what this process runs on."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import InvalidInput
from tradeworthy.manifest.records import RuntimeRecord


def describe_runtime(
    distributions: Iterable[str] = (), lock_file: Path | None = None, threads: int | None = None
) -> RuntimeRecord:
    """Return Python's version, the platform and the versions of the named distributions.

    Parameters
    ----------
    distributions
        Names as on the package index (``"scikit-learn"``).
    lock_file
        The file that pins every dependency; its SHA-256 is recorded.
    threads
        How many threads the training was pinned to.

    Raises
    ------
    InvalidInput
        If a distribution is not installed, or the lock file cannot be read.

    Examples
    --------
    >>> sorted(describe_runtime(["numpy", "polars"]).distributions)
    ['numpy', 'polars']
    """
    return RuntimeRecord(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.machine()}",
        distributions={name: _version(name) for name in sorted(set(distributions))},
        lock_digest=None if lock_file is None else _file_digest(lock_file),
        threads=threads,
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError as error:
        raise InvalidInput(
            f"distribution {distribution!r} is not installed; give names as `pip list` shows them"
        ) from error


def _file_digest(path: Path) -> str:
    try:
        return sha256_hex(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"cannot read the lock file {path}: {error.strerror}") from error
