"""Target weights: aligned with the bars, scaled to a volatility, capped.

A target weight is the share of equity that a strategy wants in a symbol, decided with what is
known at the close of its bar; negative is short. Sizing applies in this order: volatility
target, cap per symbol (by clipping), cap of the gross leverage (by scaling the whole row).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from tradeworthy.errors import InvalidInput
from tradeworthy.market_data.bars import BarArrays, utc_dates
from tradeworthy.statistics.return_series import FloatArray, checked_periods


def aligned_weights(bars: BarArrays, weights: npt.ArrayLike | pl.DataFrame) -> FloatArray:
    """Return the target weights as a matrix of the shape of the bars.

    Parameters
    ----------
    bars
        T dates and S symbols.
    weights
        Either numbers of shape (T, S), or (T,) for one symbol, in the order of the bars (columns
        that have names must have the symbols'); or a frame of polars with columns date, symbol,
        weight and exactly one row for each bar. Where a symbol has no bar at a date, the frame
        has no row and the symbol's last target stands.

    Raises
    ------
    InvalidInput
        If shapes, dates or symbols do not match, or a weight is NaN or infinite.

    Examples
    --------
    >>> prices = np.ones((3, 1))
    >>> dates = np.arange(3).astype("datetime64[D]").astype("datetime64[us]")
    >>> bars = BarArrays(dates, ("A",), prices, prices, prices, prices)
    >>> aligned_weights(bars, [0.0, 1.0, 1.0]).shape
    (3, 1)
    """
    if isinstance(weights, pl.DataFrame):
        return _weights_of_frame(bars, weights)
    names = getattr(weights, "columns", None)  # those of a data frame of pandas
    if names is not None and [str(name) for name in names] != list(bars.symbols):
        raise InvalidInput(f"give the weights the columns {', '.join(bars.symbols)}, in this order")
    try:
        matrix = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput("weights must be numbers, one for each date and symbol") from error
    if matrix.ndim == 1 and len(bars.symbols) == 1:
        matrix = matrix[:, None]
    if matrix.shape != bars.shape:
        raise InvalidInput(f"weights have shape {matrix.shape}, the bars {bars.shape}; align them")
    _refuse_unknown(bars, matrix)
    return matrix


def _refuse_unknown(bars: BarArrays, matrix: FloatArray) -> None:
    if not np.all(np.isfinite(matrix)):
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise InvalidInput(
            f"the weight of {bars.symbols[column]} at {bars.dates[row]} is {matrix[row, column]}; "
            "say 0 for no position"
        )


def _weights_of_frame(bars: BarArrays, frame: pl.DataFrame) -> FloatArray:
    missing = [name for name in ("date", "symbol", "weight") if name not in frame.columns]
    if missing or frame.select("date", "symbol", "weight").null_count().row(0) != (0, 0, 0):
        raise InvalidInput("weights need the columns date, symbol, weight without nulls")
    dates, symbols = utc_dates(frame), frame["symbol"].to_numpy().astype(str)
    row = np.minimum(np.searchsorted(bars.dates, dates), bars.shape[0] - 1)
    names = np.array(bars.symbols)
    column = np.minimum(np.searchsorted(names, symbols), len(names) - 1)
    strange = (bars.dates[row] != dates) | (names[column] != symbols)
    strange |= np.isnan(bars.close[row, column])
    if strange.any():
        first = int(np.argmax(strange))
        raise InvalidInput(f"a weight for {symbols[first]} at {dates[first]}, which has no bar")
    filled = np.zeros(bars.shape, dtype=np.int64)
    np.add.at(filled, (row, column), 1)
    wrong = filled != ~np.isnan(bars.close)
    if wrong.any():
        at, which = np.argwhere(wrong)[0]
        raise InvalidInput(
            f"{filled[at, which]} weights for {names[which]} at {bars.dates[at]}; give exactly one"
        )
    matrix = np.zeros(bars.shape)
    matrix[row, column] = frame["weight"].cast(pl.Float64).to_numpy()
    _refuse_unknown(bars, matrix)
    return last_where(filled > 0, matrix)


def last_where(known: npt.NDArray[np.bool_], values: FloatArray) -> FloatArray:
    """Fill each column forward: the last value that was known, zero before the first.

    Examples
    --------
    >>> last_where(np.array([[False], [True], [False]]), np.array([[5.0], [6.0], [7.0]])).ravel()
    array([0., 6., 6.])
    """
    row = np.where(known, np.arange(len(known))[:, None], -1)
    row = np.maximum.accumulate(row, axis=0)
    filled = np.take_along_axis(values, np.maximum(row, 0), axis=0)
    return np.where(row >= 0, filled, 0.0)


def volatility_scale(
    returns: FloatArray, target: float, *, window: int, periods_per_year: float
) -> FloatArray:
    """Factor per bar that would have brought the last ``window`` returns to the target volatility.

    Parameters
    ----------
    returns
        Returns before costs of the strategy as it was proposed, shape (T,).
    target
        Annual volatility to aim for, such as 0.1.

    Returns
    -------
    numpy.ndarray
        Shape (T,); zero, which means no position, until the window is full and where it shows no
        movement.

    Examples
    --------
    >>> volatility_scale(np.array([0.0, 0.02, 0.0]), 0.01, window=2, periods_per_year=1).round(3)
    array([0.   , 0.707, 0.707])
    """
    if not math.isfinite(target) or target <= 0.0 or window < 2:
        raise InvalidInput("target_volatility must be positive and its window at least 2 bars")
    scale = np.zeros(len(returns))
    if len(returns) < window:
        return scale
    windows = np.lib.stride_tricks.sliding_window_view(returns, window)
    realised = windows.std(axis=1, ddof=1) * math.sqrt(checked_periods(periods_per_year))
    moving = realised > 1e-12
    scale[window - 1 :][moving] = target / realised[moving]
    return scale


def capped_weights(
    weights: FloatArray, *, max_symbol_weight: float | None, max_gross_leverage: float | None
) -> FloatArray:
    """Clip each weight to the symbol cap, then scale rows whose gross exceeds the leverage cap.

    Raises
    ------
    InvalidInput
        If a cap is not a positive finite number.

    Examples
    --------
    >>> capped_weights(np.array([[2.0, -1.0]]), max_symbol_weight=1.0, max_gross_leverage=1.0)
    array([[ 0.5, -0.5]])
    """
    for cap in (max_symbol_weight, max_gross_leverage):
        if cap is not None and (not math.isfinite(cap) or cap <= 0.0):
            raise InvalidInput("a cap must be a positive number; leave it out for no cap")
    if max_symbol_weight is not None:
        weights = np.clip(weights, -max_symbol_weight, max_symbol_weight)
    if max_gross_leverage is not None:
        gross = np.abs(weights).sum(axis=1)
        factor = np.where(
            gross > max_gross_leverage, max_gross_leverage / np.maximum(gross, 1e-300), 1.0
        )
        weights = weights * factor[:, None]
    return weights
