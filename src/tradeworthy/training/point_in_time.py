"""The table a strategy is trained on, and the rows it predicts from."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeworthy.errors import StrategyInvalid
from tradeworthy.features.compute.feature_table import compute_features
from tradeworthy.training.strategy import Strategy
from tradeworthy.training.strategy_file import LoadedStrategy
from tradeworthy.training.train_end import parse_train_end

TIME, SYMBOL = "date", "symbol"


def feature_rows(loaded: LoadedStrategy, bars: pl.DataFrame, *, label: bool) -> pl.DataFrame:
    """Return the rows of date, symbol and inputs (and label) that have no null.

    Rows from before a feature's lookback is filled drop out, and with the label the last ones.

    Raises
    ------
    StrategyInvalid
        If a feature is infinite somewhere.
    """
    strategy = loaded.strategy
    names = [*strategy.inputs, *([strategy.label] if label else [])]
    table = compute_features(loaded.graph, bars, names, entity=SYMBOL, time=TIME)
    rows = table.with_columns(pl.col(names).cast(pl.Float64).fill_nan(None)).drop_nulls(names)
    for name in names:
        if rows[name].is_infinite().any():
            first = rows.filter(pl.col(name).is_infinite()).row(0, named=True)
            raise StrategyInvalid(
                f"feature {name!r} is infinite for {first[SYMBOL]} at {first[TIME]}: guard its "
                "logarithm or division",
                feature=name,
            )
    return rows


def training_table(
    loaded: LoadedStrategy, bars: pl.DataFrame, train_end: str | date | datetime | None
) -> pl.DataFrame:
    """Return the labelled rows of the bars up to and including ``train_end``.

    The bars are cut before anything is computed, so that no label reaches beyond.

    Raises
    ------
    StrategyInvalid
        If no row is left.
    InvalidInput
        If ``train_end`` is a text and no date.
    """
    known = known_bars(bars, train_end)
    table = feature_rows(loaded, known, label=True)
    if table.is_empty():
        end = "" if train_end is None else f" up to {train_end}"
        way_out = "give more data, or shorten the lookbacks of the features"
        if known.is_empty() and not bars.is_empty():
            way_out = f"the data begin on {bars[TIME].sort()[0]}, train until a later day"
        raise StrategyInvalid(f"no row to train on{end}: {way_out}")
    return table


def known_bars(bars: pl.DataFrame, train_end: str | date | datetime | None) -> pl.DataFrame:
    """Return the bars up to and including ``train_end``; of a date, all of that day."""
    return bars if train_end is None else bars.filter(pl.col(TIME) <= as_stamped(bars, train_end))


def last_moment(bars: pl.DataFrame) -> date | datetime:
    """Return the time of the last bar."""
    return cast("date | datetime", bars[TIME].max())


def input_matrix(strategy: Strategy, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the inputs of rows as float64, shape (rows, inputs)."""
    return np.ascontiguousarray(rows.select(strategy.inputs).to_numpy(), dtype=np.float64)


def as_stamped(bars: pl.DataFrame, moment: str | date | datetime) -> date | datetime:
    """Return a moment as the bars tell time: by the day, or a day as its end.

    Examples
    --------
    >>> as_stamped(pl.DataFrame({"date": [date(2020, 1, 2)]}), datetime(2019, 12, 31, 16))
    datetime.date(2019, 12, 31)
    """
    moment = parse_train_end(moment)
    daily = isinstance(bars.schema[TIME], pl.Date)
    if isinstance(moment, datetime):
        return moment.date() if daily else moment
    return moment if daily else datetime.combine(moment, time.max)
