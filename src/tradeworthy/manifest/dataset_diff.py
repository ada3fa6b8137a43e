"""Where two tables differ, found from their digests alone: which column, which block of rows."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.manifest.dataset_digest import BLOCK_ROWS, ColumnDigest, DatasetDigest


@dataclass(frozen=True, slots=True)
class DatasetDifference:
    """One difference: the column, the rows ``first_row`` to ``last_row`` (from 0), and what it is.

    ``block`` and the rows are None where the whole column differs.
    """

    column: str
    detail: str
    block: int | None = None
    first_row: int | None = None
    last_row: int | None = None


def diff_datasets(a: DatasetDigest, b: DatasetDigest) -> tuple[DatasetDifference, ...]:
    """Return every difference between ``a`` and ``b``, by column name and then by row.

    Parameters
    ----------
    a, b
        What `dataset_digest` returned for the two tables.

    Returns
    -------
    tuple of DatasetDifference
        Empty if, and only if, the tables hash alike.

    Examples
    --------
    >>> import polars as pl
    >>> from tradeworthy.manifest.dataset_digest import dataset_digest
    >>> old = dataset_digest(pl.DataFrame({"close": [1.0, 2.0]}))
    >>> new = dataset_digest(pl.DataFrame({"close": [1.0, 2.5]}))
    >>> [(d.column, d.detail, d.first_row, d.last_row) for d in diff_datasets(old, new)]
    [('close', 'values differ in block 0', 0, 1)]
    """
    columns_a = {column.name: column for column in a.columns}
    columns_b = {column.name: column for column in b.columns}
    differences: list[DatasetDifference] = []
    if not (columns_a or columns_b) and a.rows != b.rows:
        differences.append(DatasetDifference("", f"{a.rows} rows against {b.rows}"))
    for name in sorted(columns_a.keys() | columns_b.keys()):
        left, right = columns_a.get(name), columns_b.get(name)
        if left is None or right is None:
            side = "second" if left is None else "first"
            differences.append(DatasetDifference(name, f"only in the {side} table"))
        elif left.dtype != right.dtype:
            differences.append(DatasetDifference(name, f"{left.dtype} against {right.dtype}"))
        else:
            differences.extend(_block_differences(left, right, a.rows, b.rows))
    return tuple(differences)


def _block_differences(
    left: ColumnDigest, right: ColumnDigest, rows_left: int, rows_right: int
) -> list[DatasetDifference]:
    found: list[DatasetDifference] = []
    rows = max(rows_left, rows_right)
    for block in range(max(len(left.leaves), len(right.leaves))):
        leaf_left = left.leaves[block] if block < len(left.leaves) else None
        leaf_right = right.leaves[block] if block < len(right.leaves) else None
        if leaf_left == leaf_right:
            continue
        if leaf_left is None or leaf_right is None:
            detail = f"block {block} only in the {'second' if leaf_left is None else 'first'} table"
        else:
            detail = f"values differ in block {block}"
        first = block * BLOCK_ROWS
        found.append(
            DatasetDifference(left.name, detail, block, first, min(first + BLOCK_ROWS, rows) - 1)
        )
    return found
