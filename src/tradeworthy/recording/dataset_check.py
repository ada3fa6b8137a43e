"""What a script says of its training table, held against the table and the bars it was made of."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tradeworthy.errors import InvalidInput
from tradeworthy.training.point_in_time import SYMBOL, TIME, as_stamped
from tradeworthy.training.run_record import TrainingDataset, moment

_DAY = len("2011-12-30")


def check_dataset(dataset: TrainingDataset, bars: Sequence[pl.DataFrame]) -> None:
    """Refuse a training table that cannot be what is said of it.

    Parameters
    ----------
    dataset
        The table and what a script says of it.
    bars
        The market data read so far.

    Raises
    ------
    InvalidInput
        In one sentence, naming what cannot be true.
    """
    _check_table(dataset.table, dataset.label)
    tables = [dataset.table, *bars]
    _check_horizons(dataset, max(each[TIME].n_unique() for each in tables))
    if dataset.train_end is not None and dataset.table.schema[TIME].is_temporal():
        _check_train_end(dataset.table, moment(dataset.train_end), bars)


def _check_table(table: pl.DataFrame, label: str) -> None:
    if not isinstance(table, pl.DataFrame):
        kind, library = type(table).__name__, type(table).__module__.partition(".")[0]
        needs = " (which needs pyarrow: `pip install pyarrow`)" if library == "pandas" else ""
        raise InvalidInput(
            f"the dataset is a {kind if library == 'builtins' else f'{library} {kind}'}: give a "
            f"polars DataFrame, as polars.from_pandas{needs} and polars.from_arrow make one"
        )
    absent = [name for name in (TIME, SYMBOL, label) if name not in table.columns]
    if absent or table.is_empty():
        lacks = f"no column {absent[0]!r}" if absent else "no row"
        raise InvalidInput(f"the dataset has {lacks}; it has {', '.join(table.columns)}")
    if table.height == 1:
        raise InvalidInput("the dataset has one row, from which nothing can be learned")
    kind = table.schema[label]
    if not (kind.is_numeric() or kind == pl.Boolean):
        raise InvalidInput(f"the label {label!r} holds {kind} and no numbers to learn")


def _check_horizons(dataset: TrainingDataset, moments: int) -> None:
    for name, least in (("label_horizon", 1), ("purge", 0), ("embargo", 0)):
        bars = getattr(dataset, name)
        if bars is not None and not (type(bars) is int and least <= bars < moments):
            raise InvalidInput(
                f"{name} has to be a whole number of bars from {least} to {moments - 1}, since "
                f"the data recorded so far have {moments} moments"
            )


def _check_train_end(table: pl.DataFrame, text: str, bars: Sequence[pl.DataFrame]) -> None:
    end, last = moment(as_stamped(table, text)), moment(table[TIME].max())
    if end < last:
        raise InvalidInput(f"train_end is {end}, and the dataset has rows up to {last}")
    if not bars:
        return
    known = max(moment(each[TIME].max()) for each in bars)
    # A day that ends after its last bar is meant as a whole.
    if end[:_DAY] > known[:_DAY]:
        raise InvalidInput(
            f"train_end is {end}, and the bars end at {known}: give the last bar trained on"
        )
