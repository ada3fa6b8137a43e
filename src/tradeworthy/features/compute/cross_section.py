"""Features that look across entities at one moment: ``mom.rank().over("date")``.

A feature is evaluated per entity in time order, where a window over the time would see one row a
group: every rank would be 1. So a feature that has windows over the time is evaluated across
entities instead. Then nothing else in it is per entity, unless it says so by ``.over("symbol")``:
a shift would take the row of another entity. Whether it does is tried out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from tradeworthy.errors import StrategyInvalid

_TOLERANCE = 1e-9
_ROW = "row number "


def looks_across(expression: pl.Expr, feature: str, *, entity: str, time: str) -> bool:
    """Tell whether a feature's expression has windows over the time column.

    Parameters
    ----------
    expression
        What the feature's function returned.
    feature
        Its key, for messages.
    entity, time
        Key columns.

    Raises
    ------
    StrategyInvalid
        If it has, and other windows inside them, or windows over neither key beside them.

    Examples
    --------
    >>> close = pl.col("close")
    >>> looks_across(close.rank().over("date"), "rank@1", entity="symbol", time="date")
    True
    >>> looks_across(close.diff(), "change@1", entity="symbol", time="date")
    False
    """
    if ".over(" not in str(expression):
        return False
    windows = list(_windows(json.loads(expression.meta.serialize(format="json"))))
    if not any(_is_over(each, time) for each in windows):
        return False
    named = all(_is_over(each, time) or _is_over(each, entity) for each in windows)
    if not named or any(list(_windows(each["function"])) for each in windows):
        raise _mixed(feature, entity, time)
    return True


def evaluate_across(
    expression: pl.Expr, table: pl.DataFrame, feature: str, *, entity: str, time: str
) -> pl.Series:
    """Evaluate a feature across entities.

    Raises
    ------
    StrategyInvalid
        If a value depends on how the entities are laid out in the table.

    Examples
    --------
    >>> bars = pl.DataFrame({"date": [1, 1], "symbol": ["A", "B"], "close": [5.0, 3.0]})
    >>> rank = pl.col("close").rank().over("date")
    >>> evaluate_across(rank, bars, "rank@1", entity="symbol", time="date").to_list()
    [2.0, 1.0]
    """
    values = table.select(expression.alias(feature)).to_series()
    numbered = table.with_row_index(_ROW)
    for is_reversed in (False, True):
        turned = numbered.sort(entity, time, descending=[is_reversed, False])
        again = turned.select(_ROW, expression.alias(feature)).sort(_ROW).get_column(feature)
        if not _agree(values, again):
            raise _mixed(feature, entity, time)
    return values


def _mixed(feature: str, entity: str, time: str) -> StrategyInvalid:
    return StrategyInvalid(
        f"feature {feature} mixes a window over {time!r} with something that depends on the order "
        f"of rows; put what is evaluated per {entity} into a feature of its own and take that as "
        "a parameter",
        feature=feature.partition("@")[0],
    )


def _windows(tree: Any) -> Iterator[dict[str, Any]]:
    """Give the outermost windows of an expression's tree."""
    if isinstance(tree, dict) and set(tree) == {"Over"}:
        yield tree["Over"]
    elif isinstance(tree, dict | list):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from _windows(each)


def _is_over(window: dict[str, Any], column: str) -> bool:
    return {"Column": column} in window["partition_by"]


def _agree(left: pl.Series, right: pl.Series) -> bool:
    """Compare values up to the rounding of sums in another order."""
    if left.dtype != right.dtype or not (left.dtype.is_numeric() or left.dtype == pl.Boolean):
        return left.equals(right)
    a, b = (each.cast(pl.Float64).fill_null(np.nan).to_numpy() for each in (left, right))
    return bool(np.allclose(a, b, rtol=_TOLERANCE, atol=_scale(a) * _TOLERANCE, equal_nan=True))


def _scale(values: np.ndarray[Any, Any]) -> float:
    known = np.abs(values[np.isfinite(values)])
    return float(np.median(known)) if known.size else 0.0
