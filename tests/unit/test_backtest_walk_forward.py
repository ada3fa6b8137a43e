"""Walk-forward: no fold sees its test, and the stitched curve is one honest backtest."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.run import performance_metrics, run_backtest
from tradeworthy.backtest.trade_returns import Execution
from tradeworthy.backtest.walk_forward import (
    FitPredict,
    Split,
    run_walk_forward,
    walk_forward,
    walk_forward_splits,
)
from tradeworthy.errors import InvalidInput
from tradeworthy.market_data.bars import BarArrays

COSTS = Costs(commission_bps=1.0)


def market(seed: int = 0, n_bars: int = 300, n_symbols: int = 2) -> BarArrays:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (n_bars, n_symbols)), axis=0))
    start = close * np.exp(rng.normal(0, 0.005, close.shape))
    dates = np.arange(n_bars).astype("datetime64[D]").astype("datetime64[us]")
    symbols = tuple(f"S{k}" for k in range(n_symbols))
    return BarArrays(
        dates, symbols, start, np.maximum(start, close), np.minimum(start, close), close
    )


def momentum(bars: BarArrays) -> FitPredict:
    def fit_predict(train: slice, test: slice) -> np.ndarray:
        mean = np.diff(np.log(bars.close[train]), axis=0).mean(axis=0)
        recent = np.sign(bars.close[test] / bars.close[test.start - 5] - 1)
        return 0.5 * recent * np.sign(mean)

    return fit_predict


@given(
    st.integers(10, 300),
    st.integers(1, 8),
    st.integers(1, 100),
    st.integers(0, 10),
    st.integers(0, 10),
    st.booleans(),
)
def test_splits_partition_what_follows_and_keep_their_distance(
    n: int, n_folds: int, min_train: int, purge: int, embargo: int, expanding: bool
) -> None:
    options = {"n_folds": n_folds, "min_train": min_train, "purge": purge, "embargo": embargo}
    first = min_train + purge + embargo
    if n - first < n_folds:
        with pytest.raises(InvalidInput, match="fewer folds"):
            walk_forward_splits(n, **options, expanding=expanding)
        return
    splits = walk_forward_splits(n, **options, expanding=expanding)
    assert len(splits) == n_folds
    assert [k for split in splits for k in range(n)[split.test]] == list(range(first, n))
    sizes = [split.test_stop - split.test_start for split in splits]
    assert max(sizes) - min(sizes) <= 1
    for split in splits:
        assert split.test_start - split.train_stop == purge + embargo
        assert split.train_stop - split.train_start >= min_train
        assert split.train_start == (0 if expanding else split.train_stop - min_train)


@pytest.mark.parametrize(
    "options",
    [
        {"n_folds": 0, "min_train": 5},
        {"n_folds": 2, "min_train": 0},
        {"n_folds": 2, "min_train": 5, "purge": -1},
        {"n_folds": 2, "min_train": 5, "embargo": -1},
        {"n_folds": 96, "min_train": 5},
    ],
)
def test_impossible_splits_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        walk_forward_splits(100, **options)


def test_every_fold_is_fitted_once_in_order_on_its_own_past() -> None:
    splits = walk_forward_splits(100, n_folds=4, min_train=20, purge=3, embargo=2)
    calls = []

    def fit_predict(train: slice, test: slice) -> np.ndarray:
        calls.append((train, test))
        return np.full(test.stop - test.start, len(calls))

    stitched = walk_forward(100, splits, fit_predict)
    assert calls == [(split.train, split.test) for split in splits]
    expected = [[k + 1.0] * (s.test_stop - s.test_start) for k, s in enumerate(splits)]
    assert stitched.weights.ravel().tolist() == list(itertools.chain(*expected))


@pytest.mark.parametrize(
    "splits",
    [
        [],
        [Split(0, 5, 5, 200)],
        [Split(0, 5, 5, 5)],
        [Split(0, 5, 5, 10), Split(0, 10, 11, 15)],
        [Split(0, 5, 5, 10), Split(0, 5, 9, 15)],
        [Split(0, 6, 5, 10)],
        [Split(5, 5, 5, 10)],
        [Split(-2, 5, 5, 10)],
    ],
)
def test_folds_that_look_ahead_or_leave_holes_are_refused(splits: list[Split]) -> None:
    with pytest.raises(InvalidInput):
        walk_forward(100, splits, lambda train, test: np.zeros(test.stop - test.start))


@pytest.mark.parametrize(
    "predict",
    [
        lambda size: np.zeros(size + 1),
        lambda size: np.zeros((size, 1, 1)),
        lambda size: np.full(size, np.nan),
        lambda size: np.zeros((size, size)),
        lambda size: ["long"] * size,
        lambda size: [[0.1], [0.1, 0.2]] * size,
        lambda size: [None] * size,
        lambda size: None,
    ],
)
def test_predictions_that_do_not_fit_are_refused(predict: Callable[[int], object]) -> None:
    splits = [Split(0, 5, 5, 10), Split(0, 10, 10, 16)]
    with pytest.raises(InvalidInput):
        walk_forward(20, splits, lambda train, test: predict(test.stop - test.start))


@pytest.mark.parametrize(("execution", "lag"), [("next_open", 1), ("next_close", 2)])
def test_the_stitched_curve_is_the_backtest_of_the_stitched_weights(
    execution: Execution, lag: int
) -> None:
    bars = market()
    splits = walk_forward_splits(300, n_folds=5, min_train=60, purge=2, embargo=5)
    fit_predict = momentum(bars)
    result = run_walk_forward(bars, splits, fit_predict, costs=COSTS, execution=execution)
    weights = np.concatenate([fit_predict(split.train, split.test) for split in splits])
    direct = run_backtest(bars.between(67, 300), weights, costs=COSTS, execution=execution)
    assert result.stitched.digest == direct.digest
    assert len(result.folds) == 5
    for fold in result.folds:
        first = fold.split.test_start - 67 + lag
        last = fold.split.test_stop - 67 + lag
        assert fold.metrics == performance_metrics(direct.returns[first:last])
    sharpes = [fold.metrics["sharpe"] for fold in result.folds]
    assert result.worst_fold_sharpe == min(sharpes)
    assert result.median_fold_sharpe == np.median(sharpes)


def test_nothing_trades_at_the_bar_it_was_decided_on() -> None:
    bars = market(1)
    splits = walk_forward_splits(300, n_folds=2, min_train=100)
    result = run_walk_forward(
        bars, splits, lambda train, test: np.ones((test.stop - test.start, 2)) / 2, costs=COSTS
    )
    assert result.stitched.returns[0] == 0.0
    assert result.stitched.weights[:2].tolist() == [[0.0, 0.0], [0.5, 0.5]]


def test_later_bars_change_no_earlier_fold() -> None:
    bars = market(2)
    splits = walk_forward_splits(300, n_folds=4, min_train=100, purge=1)
    base = run_walk_forward(bars, splits, momentum(bars), costs=COSTS)
    cut = splits[2].test_start
    bars.close[cut + 1 :] *= 1.3
    bars.open[cut + 1 :] *= 1.3
    after = run_walk_forward(bars, splits, momentum(bars), costs=COSTS)
    stop = cut + 1 - splits[0].test_start
    assert np.array_equal(base.stitched.returns[:stop], after.stitched.returns[:stop])
    assert base.folds[0].metrics == after.folds[0].metrics
    assert base.digest != after.digest


def test_a_fold_without_a_figure_leaves_the_worst_unknown() -> None:
    bars = market(3)
    splits = walk_forward_splits(300, n_folds=3, min_train=100)

    def only_first(train: slice, test: slice) -> np.ndarray:
        return np.full((test.stop - test.start, 2), 0.5 * (test.start == 100))

    result = run_walk_forward(bars, splits, only_first, costs=COSTS)
    assert result.folds[0].metrics["sharpe"] is not None
    assert result.folds[2].metrics["sharpe"] is None
    assert result.worst_fold_sharpe is None
    assert result.median_fold_sharpe is None


def test_the_digest_covers_folds_and_returns() -> None:
    bars = market(4)
    splits = walk_forward_splits(300, n_folds=3, min_train=100)
    flat = lambda train, test: np.full((test.stop - test.start, 2), 0.4)  # noqa: E731
    one = run_walk_forward(bars, splits, flat, costs=COSTS)
    assert one.digest == run_walk_forward(bars, splits, flat, costs=COSTS).digest
    other = run_walk_forward(
        bars, walk_forward_splits(300, n_folds=4, min_train=100), flat, costs=COSTS
    )
    assert other.stitched.digest == one.stitched.digest
    assert other.digest != one.digest
