"""How the digests of its columns make a dataset's hash; it needs no table, and loads no library."""

from __future__ import annotations

from collections.abc import Iterable

from tradeworthy.base.digests import tagged_digest


def combine_columns(rows: int, columns: Iterable[tuple[str, str, str]]) -> str:
    """Return the dataset hash of columns given as (name, logical type, digest).

    This is how a manifest, which records the columns but not the data, is checked against its own
    ``dataset_hash``.

    Examples
    --------
    >>> import polars as pl
    >>> from tradeworthy.manifest.dataset_digest import dataset_digest
    >>> digest = dataset_digest(pl.DataFrame({"a": [1]}))
    >>> columns = [(c.name, c.dtype, c.digest) for c in digest.columns]
    >>> combine_columns(1, columns) == digest.hash
    True
    """
    parts = [part.encode() for column in sorted(columns) for part in column]
    return tagged_digest("dataset/v1", str(rows).encode(), *parts)
