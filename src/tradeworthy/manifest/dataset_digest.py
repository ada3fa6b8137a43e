"""Content hash of a table: every row and every column, whatever wrote it (scheme ``dataset/v1``).

A column is cut into blocks of 65,536 logical rows. Each block is encoded by `column_bytes` and
hashed into a leaf; the leaves, the logical type and the name make the column's digest; the column
digests, sorted by name, and the number of rows make the dataset's hash. Chunking, compression,
null payloads and the writer leave no trace; the order of rows does, the order of columns does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import polars as pl

from tradeworthy.base.digests import tagged_digest
from tradeworthy.base.foreign_text import foreign_text
from tradeworthy.errors import DatasetInvalid
from tradeworthy.manifest.column_bytes import Bytes, encoded_blocks, logical_type
from tradeworthy.manifest.dataset_columns import combine_columns

BLOCK_ROWS = 65_536


@runtime_checkable
class ArrowStreamExportable(Protocol):
    """A table that exports itself by the Arrow PyCapsule interface (pyarrow, pandas, DuckDB)."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an Arrow C stream."""
        ...


Table: TypeAlias = pl.DataFrame | pl.Series | ArrowStreamExportable


@dataclass(frozen=True, slots=True)
class ColumnDigest:
    """Name, logical type, digest and leaves (one a block, in row order) of one column."""

    name: str
    dtype: str
    digest: str
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatasetDigest:
    """Hash, number of rows and columns (sorted by name) of one table."""

    hash: str
    rows: int
    columns: tuple[ColumnDigest, ...]


def dataset_hash(table: Table) -> str:
    """Return the content hash of ``table``.

    Parameters
    ----------
    table
        A polars DataFrame or Series, or any object with ``__arrow_c_stream__``: exactly the rows
        and columns that were trained on. Missing values must be nulls or NaN; the two differ.

    Returns
    -------
    str
        64 hexadecimal characters, the ``hash`` of `dataset_digest`.

    Raises
    ------
    DatasetInvalid
        For something that is not a table, duplicate column names, or a column type without
        canonical form, named.

    Examples
    --------
    >>> import polars as pl
    >>> whole = pl.DataFrame({"close": [1.0, None, -0.0], "day": [1, 2, 3]})
    >>> parts = pl.concat([whole[:1], whole[1:]], rechunk=False).select("day", "close")
    >>> dataset_hash(whole) == dataset_hash(parts)
    True
    >>> dataset_hash(whole) == dataset_hash(whole.cast({"day": pl.Int32}))
    False
    """
    return dataset_digest(table).hash


def dataset_digest(table: Table) -> DatasetDigest:
    """Return the hash of ``table`` with the digests of its columns and blocks.

    Parameters
    ----------
    table
        As for `dataset_hash`.

    Raises
    ------
    DatasetInvalid
        As for `dataset_hash`.

    Examples
    --------
    >>> import polars as pl
    >>> digest = dataset_digest(pl.DataFrame({"b": [1, 2], "a": ["x", None]}))
    >>> digest.rows, [(column.name, column.dtype) for column in digest.columns]
    (2, [('a', 'string'), ('b', 'int64')])
    """
    frame = _as_frame(table)
    columns = tuple(_column_digest(frame.get_column(name)) for name in sorted(frame.columns))
    total = combine_columns(frame.height, ((c.name, c.dtype, c.digest) for c in columns))
    return DatasetDigest(hash=total, rows=frame.height, columns=columns)


def _column_digest(series: pl.Series) -> ColumnDigest:
    dtype = logical_type(series.dtype, series.name)
    try:
        leaves = tuple(_leaf(parts) for parts in encoded_blocks(series, BLOCK_ROWS))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        # Types that polars takes from Arrow and then cannot read, as decimals of 32 bits.
        raise DatasetInvalid(
            f"column {series.name!r} cannot be read as {dtype} ({foreign_text(error)}); cast it, "
            "for decimals to decimal128",
            column=series.name,
            dtype=dtype,
        ) from error
    digest = tagged_digest(
        "dataset-column/v1",
        series.name.encode(),
        dtype.encode(),
        str(len(series)).encode(),
        *(bytes.fromhex(leaf) for leaf in leaves),
    )
    return ColumnDigest(name=series.name, dtype=dtype, digest=digest, leaves=leaves)


def _leaf(parts: Iterable[Bytes]) -> str:
    state = hashlib.sha256(b"dataset-block/v1")
    for part in parts:
        state.update(part.nbytes.to_bytes(8, "big"))
        state.update(part.data)
    return state.hexdigest()


def _as_frame(table: object) -> pl.DataFrame:
    if isinstance(table, pl.Series):
        return table.to_frame()
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        raise DatasetInvalid("a lazy table has no rows to hash yet; call .collect() first")
    if not isinstance(table, ArrowStreamExportable):
        kind = type(table).__name__
        raise DatasetInvalid(
            f"{kind} is not a table; pass a polars DataFrame or an object with __arrow_c_stream__"
        )
    return _imported(table)


class _ArrowOnly:
    """Shows nothing but the Arrow interface, so that every library takes the same way in."""

    def __init__(self, table: ArrowStreamExportable) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def _imported(table: ArrowStreamExportable) -> pl.DataFrame:
    try:
        # One read only: a record batch reader can be drained once.
        series = pl.Series(_ArrowOnly(table))
        if isinstance(series.dtype, pl.Struct) and not series.null_count():
            return series.struct.unnest()
    except (Exception, pl.exceptions.PanicException) as error:
        # Its own interface may fail in any way, and polars refuses types in several.
        raise DatasetInvalid(
            f"the table cannot be read through Arrow: {foreign_text(error)}"
        ) from error
    return series.to_frame()
