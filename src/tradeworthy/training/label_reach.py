"""How far a label really looks ahead, and when it is known.

A purge of so many bars keeps training rows from knowing what they are tested on only if the label
looks no further than it declares. Bars are counted in the rows of a symbol: where one has not
traded for a while, its next bar is far away.
"""

from __future__ import annotations

import polars as pl

from tradeworthy.errors import StrategyInvalid
from tradeworthy.features.compute.feature_table import compute_features
from tradeworthy.training.point_in_time import SYMBOL, TIME
from tradeworthy.training.strategy_file import LoadedStrategy

_CUTS = 8
_TOLERANCE = 1e-9


def check_label_horizon(loaded: LoadedStrategy, bars: pl.DataFrame) -> None:
    """Refuse a label that depends on bars beyond its horizon.

    It is computed again from the bars up to several moments: wherever the horizon has passed by
    then, it has to be what it is from all of them.

    Parameters
    ----------
    loaded
        The strategy, whose label and horizon are looked at.
    bars
        Market data.

    Raises
    ------
    StrategyInvalid
        Naming the first bar whose label changed when later bars became known.
    """
    strategy = loaded.strategy
    whole = _labels(loaded, bars)
    moments = bars[TIME].unique().sort()
    for at in sorted({len(moments) * part // _CUTS for part in range(1, _CUTS)}):
        known = bars.filter(pl.col(TIME) <= moments[at])
        left = pl.len().over(SYMBOL) - pl.int_range(pl.len()).over(SYMBOL) - 1
        labels = _labels(loaded, known).filter(left >= strategy.label_horizon)
        both = labels.join(whole, on=[TIME, SYMBOL], suffix="_whole", maintain_order="left")
        changed = both.filter(~_same(pl.col("label"), pl.col("label_whole")))
        if not changed.is_empty():
            first = changed.row(0, named=True)
            raise StrategyInvalid(
                f"the label {strategy.label!r} looks more than label_horizon="
                f"{strategy.label_horizon} bars ahead: for {first[SYMBOL]} at {first[TIME]} it "
                f"changes with what is known after {moments[at]}; declare how far it looks "
                "by a larger label_horizon",
                label=strategy.label,
                label_horizon=strategy.label_horizon,
            )


def check_recorded_horizon(loaded: LoadedStrategy, recorded: int | None) -> None:
    """Raise ``StrategyInvalid`` if a run recorded another horizon than the strategy declares."""
    declared = loaded.strategy.label_horizon
    if recorded not in (None, declared):
        raise StrategyInvalid(
            f"the version was trained on a label that looks {recorded} bars ahead, the strategy "
            f"declares {declared}: record what the strategy file says",
            recorded=recorded,
            running=declared,
        )


def label_moments(bars: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return for each bar where it stands and where its label is known.

    Parameters
    ----------
    bars
        Market data.
    horizon
        How many bars of the symbol the label looks ahead.

    Returns
    -------
    polars.DataFrame
        Time, symbol, and ``at`` and ``known``: positions among all times; ``known`` is null where
        the data ends before.

    Examples
    --------
    >>> bars = pl.DataFrame({"date": [1, 2, 3, 1, 3], "symbol": ["A", "A", "A", "B", "B"]})
    >>> label_moments(bars, 1)["known"].to_list()
    [1, 2, None, 2, None]
    """
    places = pl.DataFrame({TIME: bars[TIME].unique().sort()}).with_row_index("at")
    placed = bars.select(TIME, SYMBOL).join(places, on=TIME, maintain_order="left")
    return placed.with_columns(known=pl.col("at").shift(-horizon).over(SYMBOL, order_by=TIME))


def _labels(loaded: LoadedStrategy, bars: pl.DataFrame) -> pl.DataFrame:
    label = loaded.strategy.label
    table = compute_features(loaded.graph, bars, [label], entity=SYMBOL, time=TIME)
    return table.select(TIME, SYMBOL, pl.col(label).cast(pl.Float64).alias("label"))


def _same(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    close = (left - right).abs() <= _TOLERANCE * pl.max_horizontal(left.abs(), right.abs(), 1.0)
    return left.eq_missing(right) | close.fill_null(False)
