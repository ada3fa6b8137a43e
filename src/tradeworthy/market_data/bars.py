"""The canonical bar table, and the same bars as arrays.

A bar table is a polars frame with the columns ``date, symbol, open, high, low, close`` and
optionally ``volume``, sorted by symbol and date. `bar_table` settles its form (columns, types,
no nulls) and leaves its content alone, so that the data guards can see what is wrong with it.
`bar_arrays` is strict: what it returns can be traded on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from tradeworthy.errors import DatasetInvalid
from tradeworthy.statistics.return_series import FloatArray

PRICES = ("open", "high", "low", "close")
_NO_HEADER = "name the columns in the first line, with commas between them"
_RENAME = "add what is missing, or rename the columns that hold it"

DateArray: TypeAlias = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False)
class BarArrays:
    """Bars of S symbols at T dates as matrices.

    Attributes
    ----------
    dates
        Ascending, unique, shape (T,), ``datetime64[us]``.
    symbols
        S names, ascending.
    open, high, low, close
        Prices, shape (T, S); all four are NaN where a symbol has no bar at a date.
    volume
        Shape (T, S), NaN where a symbol has no bar; ``None`` when the table has no volume.
    """

    dates: DateArray
    symbols: tuple[str, ...]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Number of dates and number of symbols."""
        return len(self.dates), len(self.symbols)

    def between(self, start: int, stop: int) -> BarArrays:
        """Return the dates from position ``start`` up to, not including, ``stop``."""
        return BarArrays(
            self.dates[start:stop],
            self.symbols,
            self.open[start:stop],
            self.high[start:stop],
            self.low[start:stop],
            self.close[start:stop],
            None if self.volume is None else self.volume[start:stop],
        )


def _lower_case_columns(frame: pl.DataFrame) -> pl.DataFrame:
    names = [name.lower() for name in frame.columns]
    if len(set(names)) != len(names):
        raise DatasetInvalid("two columns differ only by case; rename one", columns=frame.columns)
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def bar_table(frame: pl.DataFrame, *, symbol: str | None = None) -> pl.DataFrame:
    """Bring market data into the form of the bar table.

    Column names are read in any case; columns beyond the known ones are dropped; the rows are
    sorted by symbol and date.

    Parameters
    ----------
    frame
        One row a bar; ``date`` of type Date or Datetime.
    symbol
        Name of the instrument when the frame has no symbol column.

    Returns
    -------
    polars.DataFrame
        Columns date, symbol, open, high, low, close and, if there, volume; numbers as Float64.

    Raises
    ------
    DatasetInvalid
        If the frame is empty, a column is missing or of the wrong type, or a value is null.

    Examples
    --------
    >>> from datetime import date
    >>> frame = pl.DataFrame(
    ...     {"Date": [date(2020, 1, 2)], "Open": [1], "High": [2], "Low": [1], "Close": [2]}
    ... )
    >>> bar_table(frame, symbol="SPX").columns
    ['date', 'symbol', 'open', 'high', 'low', 'close']
    """
    frame = _lower_case_columns(frame)
    found = frame.columns
    if symbol is not None:
        if "symbol" in frame.columns:
            raise DatasetInvalid("the bars already have a symbol column; give no symbol")
        frame = frame.with_columns(symbol=pl.lit(symbol))
    numbers = [*PRICES, "volume"] if "volume" in frame.columns else list(PRICES)
    missing = [name for name in ("date", "symbol", *numbers) if name not in frame.columns]
    if missing:
        raise DatasetInvalid(
            f"bars need the column(s) {', '.join(missing)}; there is {_listed(found)}: "
            + (_RENAME if {"date", *PRICES} & set(found) else _NO_HEADER),
            missing=missing,
        )
    frame = frame.select("date", "symbol", *numbers)
    if frame.is_empty():
        raise DatasetInvalid("there is no bar in the data")
    _check_types(frame, numbers)
    return frame.with_columns(pl.col(numbers).cast(pl.Float64)).sort(
        "symbol", "date", maintain_order=True
    )


def _check_types(frame: pl.DataFrame, numbers: list[str]) -> None:
    schema = frame.schema
    if not isinstance(schema["date"], (pl.Date, pl.Datetime)):
        raise DatasetInvalid(f"date is {schema['date']}; parse it to a Date or Datetime first")
    if not isinstance(schema["symbol"], pl.String):
        raise DatasetInvalid(f"symbol is {schema['symbol']}; it must be text")
    for name in numbers:
        if not schema[name].is_numeric():
            raise DatasetInvalid(_not_a_number(frame[name]), column=name)
    years = frame["date"].dt.year()
    if not years.is_between(1, 9999).all():
        raise DatasetInvalid("a date lies outside the years 1 to 9999; repair or drop the row")
    for name in frame.columns:
        empty = frame[name].null_count()
        if empty:
            raise DatasetInvalid(
                f"{name} has {empty} null(s); drop or repair the rows", column=name
            )


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:40] if name.isprintable() else ascii(name[:40]) for name in names[:12])
    return f"{shown}, ..." if len(names) > 12 else shown or "none"


def _not_a_number(column: pl.Series) -> str:
    if column.dtype != pl.String:
        return f"{column.name} is {column.dtype}; it must be a number"
    odd = column.filter(column.cast(pl.Float64, strict=False).is_null() & column.is_not_null())
    shown = repr(odd[0][:40]) if len(odd) else "text"
    return f"{column.name} holds {shown}; it must be a number, written as 1455.22"


def utc_dates(table: pl.DataFrame) -> DateArray:
    """Return the table's dates as ``datetime64[us]``, in UTC where they have a time zone."""
    kind = table.schema["date"]
    dates = table["date"]
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        dates = dates.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return dates.cast(pl.Datetime("us")).to_numpy()


def bar_arrays(frame: pl.DataFrame, *, symbol: str | None = None) -> BarArrays:
    """Return the bars as arrays that can be traded on.

    Parameters
    ----------
    frame, symbol
        As for `bar_table`.

    Raises
    ------
    DatasetInvalid
        As `bar_table` does; for two bars of one symbol and date; for a price that is not a
        positive finite number; for a volume that is negative or not finite.

    Examples
    --------
    >>> from datetime import date
    >>> frame = pl.DataFrame(
    ...     {
    ...         "date": [date(2020, 1, 2), date(2020, 1, 3), date(2020, 1, 3)],
    ...         "symbol": ["A", "A", "B"],
    ...         **{name: [1.0, 2.0, 3.0] for name in PRICES},
    ...     }
    ... )
    >>> bar_arrays(frame).close
    array([[ 1., nan],
           [ 2.,  3.]])
    """
    table = bar_table(frame, symbol=symbol)
    names = table["symbol"].to_numpy()
    symbols, column = np.unique(names.astype(str), return_inverse=True)
    dates, row = np.unique(utc_dates(table), return_inverse=True)
    cells = row.astype(np.int64) * len(symbols) + column
    _check_content(table, cells)
    shape = (len(dates), len(symbols))

    def matrix(name: str) -> FloatArray:
        values = np.full(shape[0] * shape[1], np.nan)
        values[cells] = table[name].to_numpy()
        values.setflags(write=False)
        return values.reshape(shape)

    volume = matrix("volume") if "volume" in table.columns else None
    return BarArrays(
        dates=dates,
        symbols=tuple(str(name) for name in symbols),
        open=matrix("open"),
        high=matrix("high"),
        low=matrix("low"),
        close=matrix("close"),
        volume=volume,
    )


def _check_content(table: pl.DataFrame, cells: npt.NDArray[np.int64]) -> None:
    def refuse(position: int, complaint: str) -> None:
        bar: Mapping[str, Any] = table.row(position, named=True)
        raise DatasetInvalid(
            f"{bar['symbol']} at {bar['date']}: {complaint}",
            symbol=bar["symbol"],
            date=str(bar["date"]),
        )

    _, first = np.unique(cells, return_index=True)
    if first.size != cells.size:
        repeated = np.setdiff1d(np.arange(cells.size), first)
        refuse(int(repeated[0]), "two bars of one symbol and date; keep one")
    for name in table.columns[2:]:
        values = table[name].to_numpy()
        good = np.isfinite(values) & ((values >= 0.0) if name == "volume" else (values > 0.0))
        if not good.all():
            position = int(np.argmin(good))
            refuse(position, f"{name} is {values[position]}; repair or drop the bar")
