"""Bars of one symbol as arrays, and what a data guard finds in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from tradeworthy.market_data.bars import DateArray, utc_dates
from tradeworthy.statistics.return_series import FloatArray

Severity: TypeAlias = Literal["fail", "warn"]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

_VOLATILITY_BARS = 60
_MIN_VOLATILITY = 0.001
_FEW_MOVES, _ASSUMED_VOLATILITY = 5, 0.02


@dataclass(frozen=True, slots=True)
class DataFinding:
    """What a guard found.

    Attributes
    ----------
    guard
        Name of the guard.
    symbol, date
        Where; the date is ISO 8601, that of the first bar concerned.
    severity
        ``fail`` blocks a validation, ``warn`` is for the reader.
    message
        What was seen.
    """

    guard: str
    symbol: str
    date: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class SymbolBars:
    """Bars of one symbol in time order, as arrays of shape (T,); volume may be absent."""

    symbol: str
    dates: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray | None = None

    def finding(self, guard: str, at: int, severity: Severity, message: str) -> DataFinding:
        """Return a finding of ``guard`` at bar ``at``."""
        date = str(self.dates[at]).removesuffix("T00:00:00.000000").removesuffix(".000000")
        return DataFinding(guard, self.symbol, date, severity, message)

    def days_before(self) -> FloatArray:
        """Days since the bar before, shape (T,); the first is 0."""
        days = np.diff(self.dates, prepend=self.dates[:1]) / np.timedelta64(1, "D")
        return np.asarray(days, dtype=np.float64)

    def log_move(self, prices: FloatArray) -> FloatArray:
        """Logarithm of ``prices`` over the close before; 0 where one is not a price."""
        before = np.concatenate([prices[:1], self.close[:-1]])
        usable = (prices > 0) & (before > 0) & np.isfinite(prices) & np.isfinite(before)
        ratio = np.divide(prices, before, out=np.ones(len(prices)), where=usable)
        return np.asarray(np.log(ratio), dtype=np.float64)

    def recent_volatility(self) -> FloatArray:
        """Robust deviation of the moves around each bar, the bar's own hardly counting.

        1.48 times the median absolute close-to-close log return of the 60 bars before, or of the
        first 60 for the first ones; never below a tenth of a percent, and 2% when there are fewer
        than 5 moves to tell from.
        """
        moves = np.abs(self.log_move(self.close))[1:]
        if len(moves) < _FEW_MOVES:
            return np.full(len(self.close), _ASSUMED_VOLATILITY)
        width = min(_VOLATILITY_BARS, len(moves))
        rolling = pl.Series(moves).rolling_median(width)  # without a copy of each window
        medians = 1.4826 * rolling[width - 1 :].to_numpy()
        # moves[i] belongs to bar i + 1, so window k ends at bar k + width.
        index = np.clip(np.arange(len(self.close)) - 1 - width, 0, len(medians) - 1)
        return np.asarray(np.maximum(medians[index], _MIN_VOLATILITY), dtype=np.float64)


def split_by_symbol(table: pl.DataFrame) -> Iterator[SymbolBars]:
    """Yield the bars of each symbol of a bar table, in the order of the symbols."""
    for group in table.partition_by("symbol", maintain_order=True):
        yield SymbolBars(
            symbol=group["symbol"][0],
            dates=utc_dates(group),
            open=group["open"].to_numpy(),
            high=group["high"].to_numpy(),
            low=group["low"].to_numpy(),
            close=group["close"].to_numpy(),
            volume=group["volume"].to_numpy() if "volume" in group.columns else None,
        )
