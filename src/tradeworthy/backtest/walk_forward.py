"""Walk-forward test: refit on the past, trade the next stretch, stitch the stretches together.

Fold by fold a model is fitted on the training bars only and gives the target weights of the
test bars that follow. The stitched weights make one out-of-sample backtest, from the first test
bar on, with the timing of `backtest`: a weight decided at the first test bar trades at the next.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.run import (
    BacktestResult,
    Metrics,
    performance_metrics,
    run_backtest,
)
from tradeworthy.backtest.trade_returns import Execution
from tradeworthy.base.digests import json_digest
from tradeworthy.errors import InvalidInput
from tradeworthy.market_data.bars import BarArrays, bar_arrays
from tradeworthy.statistics.return_series import FloatArray

FitPredict: TypeAlias = Callable[[slice, slice], npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class Split:
    """One fold: positions of consecutive bars, each range without its stop.

    Attributes
    ----------
    train_start, train_stop
        Bars to fit on.
    test_start, test_stop
        Bars to predict; they begin ``purge + embargo`` bars after the training bars.
    """

    train_start: int
    train_stop: int
    test_start: int
    test_stop: int

    @property
    def train(self) -> slice:
        """The training bars, to index an array with."""
        return slice(self.train_start, self.train_stop)

    @property
    def test(self) -> slice:
        """The test bars, to index an array with."""
        return slice(self.test_start, self.test_stop)


def walk_forward_splits(
    n: int,
    *,
    n_folds: int,
    min_train: int,
    purge: int = 0,
    embargo: int = 0,
    expanding: bool = True,
) -> tuple[Split, ...]:
    """Cut n bars into folds that train on the past and test on what follows.

    The bars after the first ``min_train + purge + embargo`` are cut into ``n_folds`` consecutive
    test stretches, the earlier ones one bar longer where they do not divide evenly.

    Parameters
    ----------
    n
        Number of bars.
    n_folds
        Number of test stretches.
    min_train
        Training bars of the first fold; of every fold if not ``expanding``.
    purge
        Label horizon in bars: the labels of that many bars before the test reach into it.
    embargo
        Feature memory in bars: so many further bars stay between training and test.
    expanding
        Train on everything before (True) or on the last ``min_train`` bars (False).

    Raises
    ------
    InvalidInput
        If the numbers are out of range or leave a fold without a test bar.

    Examples
    --------
    >>> for split in walk_forward_splits(10, n_folds=2, min_train=4, purge=1):
    ...     print(split.train, split.test)
    slice(0, 4, None) slice(5, 8, None)
    slice(0, 7, None) slice(8, 10, None)
    """
    if n_folds < 1 or min_train < 1 or purge < 0 or embargo < 0:
        raise InvalidInput("need n_folds and min_train of at least 1, no negative purge or embargo")
    first = min_train + purge + embargo
    if n - first < n_folds:
        raise InvalidInput(
            f"{n} bars leave {max(n - first, 0)} to test on in {n_folds} folds; "
            "give more bars, or ask for fewer folds or a smaller min_train"
        )
    size, extra = divmod(n - first, n_folds)
    splits = []
    start = first
    for fold in range(n_folds):
        stop = start + size + (fold < extra)
        train_stop = start - purge - embargo
        splits.append(Split(0 if expanding else train_stop - min_train, train_stop, start, stop))
        start = stop
    return tuple(splits)


@dataclass(frozen=True, slots=True, eq=False)
class StitchedWeights:
    """Out-of-sample target weights.

    Attributes
    ----------
    start, stop
        The bars they cover.
    weights
        Shape (stop - start, S).
    splits
        The folds, in order.
    """

    start: int
    stop: int
    weights: FloatArray
    splits: tuple[Split, ...]


def walk_forward(n: int, splits: Sequence[Split], fit_predict: FitPredict) -> StitchedWeights:
    """Fit and predict fold by fold, and stitch the predictions together.

    Parameters
    ----------
    n
        Number of bars.
    splits
        Folds whose test stretches follow each other without a hole.
    fit_predict
        Called with the slices of the training and of the test bars, once a fold, in order; fits
        a new model on the former and returns the weights of the latter, shape (bars,) or
        (bars, S). What it reads beyond the training bars when it fits is beyond this function.

    Raises
    ------
    InvalidInput
        If the splits are not consecutive, test before they trained, or leave the data; if a
        prediction has the wrong shape, or is NaN or infinite.

    Examples
    --------
    >>> splits = walk_forward_splits(6, n_folds=2, min_train=2)
    >>> stitched = walk_forward(6, splits, lambda train, test: [1.0] * (test.stop - test.start))
    >>> stitched.start, stitched.weights.ravel().tolist()
    (2, [1.0, 1.0, 1.0, 1.0])
    """
    _check_splits(n, splits)
    pieces = []
    for split in splits:
        predicted = fit_predict(split.train, split.test)
        try:
            piece = np.array(predicted, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"fold at {split.test_start}: weights must be numbers") from error
        piece = piece[:, None] if piece.ndim == 1 else piece
        if piece.ndim != 2 or len(piece) != split.test_stop - split.test_start:
            raise InvalidInput(f"fold at {split.test_start}: one row of weights a test bar, please")
        if not np.all(np.isfinite(piece)):
            raise InvalidInput(f"fold at {split.test_start}: a weight is NaN or infinite")
        pieces.append(piece)
    if len({piece.shape[1] for piece in pieces}) != 1:
        raise InvalidInput("every fold must predict the same symbols")
    return StitchedWeights(
        splits[0].test_start, splits[-1].test_stop, np.concatenate(pieces), tuple(splits)
    )


def _check_splits(n: int, splits: Sequence[Split]) -> None:
    if not splits or splits[-1].test_stop > n:
        raise InvalidInput("there must be a fold, and every fold within the bars")
    expected = splits[0].test_start
    for split in splits:
        if split.test_start != expected or split.test_stop <= split.test_start:
            raise InvalidInput("test stretches must follow each other, each with a bar or more")
        if not 0 <= split.train_start < split.train_stop <= split.test_start:
            raise InvalidInput("a fold must train on bars that come before its test")
        expected = split.test_stop


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """Figures of one fold's trading.

    Attributes
    ----------
    split
        The fold.
    metrics
        See `backtest.performance_metrics`; over the bars whose return the fold's weights earned:
        from the bar after its first test bar (two after, with next-close execution) to that of
        the next fold.
    """

    split: Split
    metrics: Metrics


@dataclass(frozen=True, slots=True, eq=False)
class WalkForwardResult:
    """What a walk-forward test showed.

    Attributes
    ----------
    stitched
        The out-of-sample backtest over all folds.
    folds
        Each fold by itself.
    median_fold_sharpe, worst_fold_sharpe
        Over the folds, annualised; ``None`` when a fold has none, because an unknown fold could
        be the worst.
    digest
        Of the stitched result and the folds.
    """

    stitched: BacktestResult
    folds: tuple[FoldResult, ...]
    median_fold_sharpe: float | None
    worst_fold_sharpe: float | None
    digest: str


def run_walk_forward(
    bars: BarArrays | pl.DataFrame,
    splits: Sequence[Split],
    fit_predict: FitPredict,
    *,
    costs: Costs,
    execution: Execution = "next_open",
    max_gross_leverage: float | None = None,
    max_symbol_weight: float | None = None,
    periods_per_year: float = 252,
) -> WalkForwardResult:
    """Walk forward over the bars and backtest the stitched weights.

    Parameters
    ----------
    bars, costs, execution, max_gross_leverage, max_symbol_weight, periods_per_year
        As for `backtest.run_backtest`.
    splits, fit_predict
        As for `walk_forward`.

    Examples
    --------
    >>> prices = np.array([[100.0], [101.0], [103.0], [102.0], [104.0], [107.0]])
    >>> dates = np.arange(6).astype("datetime64[D]").astype("datetime64[us]")
    >>> bars = BarArrays(dates, ("A",), prices, prices, prices, prices)
    >>> result = run_walk_forward(
    ...     bars,
    ...     walk_forward_splits(6, n_folds=1, min_train=2),
    ...     lambda train, test: [1.0] * 4,
    ...     costs=Costs(commission_bps=1),
    ... )
    >>> result.stitched.returns.round(4)
    array([ 0.    , -0.0001,  0.0196,  0.0288])
    """
    arrays = bar_arrays(bars) if isinstance(bars, pl.DataFrame) else bars
    stitched = walk_forward(arrays.shape[0], splits, fit_predict)
    result = run_backtest(
        arrays.between(stitched.start, stitched.stop),
        stitched.weights,
        costs=costs,
        execution=execution,
        max_gross_leverage=max_gross_leverage,
        max_symbol_weight=max_symbol_weight,
        periods_per_year=periods_per_year,
    )
    lag = 1 if execution == "next_open" else 2
    folds = []
    for split in stitched.splits:
        earned = slice(
            split.test_start - stitched.start + lag, split.test_stop - stitched.start + lag
        )
        metrics = performance_metrics(result.returns[earned], periods_per_year=periods_per_year)
        folds.append(FoldResult(split, metrics))
    sharpes = [fold.metrics["sharpe"] for fold in folds]
    known = [sharpe for sharpe in sharpes if sharpe is not None]
    complete = len(known) == len(sharpes)
    return WalkForwardResult(
        stitched=result,
        folds=tuple(folds),
        median_fold_sharpe=statistics.median(known) if complete else None,
        worst_fold_sharpe=min(known) if complete else None,
        digest=_digest(result, stitched.splits),
    )


def _digest(result: BacktestResult, splits: tuple[Split, ...]) -> str:
    folds = [[s.train_start, s.train_stop, s.test_start, s.test_stop] for s in splits]
    return json_digest("walk-forward/v1", {"result": result.digest, "folds": folds})
