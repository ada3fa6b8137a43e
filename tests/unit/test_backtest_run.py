"""The backtest: against a plainly written loop, and the laws that any backtest obeys."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.run import performance_metrics, result_digest, run_backtest
from tradeworthy.backtest.trade_returns import Execution
from tradeworthy.base.digests import canonical_json, is_digest
from tradeworthy.errors import DatasetInvalid, InvalidInput
from tradeworthy.market_data.bars import BarArrays, bar_arrays
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.statistics import performance

COSTS = Costs(commission_bps=1.0, slippage_bps=2.0)
FREE = Costs()


def market(
    seed: int, n_bars: int = 40, n_symbols: int = 3, missing: float = 0.0, volatility: float = 0.02
) -> BarArrays:
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_symbols)
    close = 100 * np.exp(np.cumsum(rng.normal(0, volatility, shape), axis=0))
    start = close * np.exp(rng.normal(0, volatility / 2, shape))
    high, low = np.maximum(start, close) * 1.01, np.minimum(start, close) * 0.99
    absent = rng.random(shape) < missing
    absent[-1] = False
    for matrix in (start, high, low, close):
        matrix[absent] = np.nan
    volume = np.where(absent, np.nan, rng.uniform(1e5, 1e6, shape))
    dates = np.datetime64("2020-01-01", "us") + np.arange(n_bars) * np.timedelta64(1, "D")
    symbols = tuple(f"S{k}" for k in range(n_symbols))
    return BarArrays(dates, symbols, start, high, low, close, volume)


def random_weights(seed: int, bars: BarArrays) -> np.ndarray:
    rng = np.random.default_rng(seed + 10_000)
    weights = rng.uniform(-0.5, 0.5, bars.shape)
    weights[rng.random(bars.shape[0]) < 0.3] = 0.0
    return weights


def plain_loop(
    bars: BarArrays,
    weights: np.ndarray,
    costs: Costs,
    execution: Execution = "next_open",
    drift: bool = False,
    year: int = 252,
) -> np.ndarray:
    """Bar by bar and symbol by symbol: what happens to one unit of money."""
    rate = (costs.commission_bps + costs.slippage_bps) / 10_000
    borrow = costs.borrow_bps_per_year / 10_000 / year
    symbols = range(bars.shape[1])
    held = [0.0 for _ in symbols]
    last = [math.nan for _ in symbols]
    returns = []
    for t in range(bars.shape[0]):
        here = [not math.isnan(bars.close[t, s]) for s in symbols]
        price = bars.open[t] if execution == "next_open" else bars.close[t]
        rise = [price[s] / last[s] - 1 if here[s] and last[s] > 0 else 0.0 for s in symbols]
        growth = 1.0 + sum(held[s] * rise[s] for s in symbols)
        fee = borrow * sum(max(-held[s], 0.0) for s in symbols)
        if drift:
            held = [held[s] * (1 + rise[s]) / growth for s in symbols]
        target = [(weights[t - 1, s] if t else 0.0) if here[s] else held[s] for s in symbols]
        cost = rate * sum(abs(target[s] - held[s]) for s in symbols)
        ride = [bars.close[t, s] / price[s] - 1 if here[s] else 0.0 for s in symbols]
        after = 1.0 + sum(target[s] * ride[s] for s in symbols)
        returns.append((growth - fee) * (1 - cost) * after - 1)
        held = [target[s] * (1 + ride[s]) / after for s in symbols] if drift else target
        last = [bars.close[t, s] if here[s] else last[s] for s in symbols]
    return np.array(returns)


@pytest.mark.parametrize("execution", ["next_open", "next_close"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("missing", "drift"), [(0.0, False), (0.0, True), (0.3, False)], ids=["full", "drift", "gaps"]
)
def test_agrees_with_the_plain_loop(
    execution: Execution, seed: int, missing: float, drift: bool
) -> None:
    bars = market(seed, n_symbols=1 + seed % 4, missing=missing)
    weights = random_weights(seed, bars)
    costs = Costs(commission_bps=3, slippage_bps=7, borrow_bps_per_year=300)
    result = run_backtest(bars, weights, costs=costs, execution=execution, weights_drift=drift)
    expected = plain_loop(bars, weights, costs, execution, drift)
    np.testing.assert_allclose(result.returns, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n_bars", "n_symbols"), [(300, 700), (40_000, 1)])
def test_blocks_of_bars_join_without_a_seam(n_bars: int, n_symbols: int) -> None:
    bars = market(1, n_bars=n_bars, n_symbols=n_symbols, volatility=0.001)
    weights = random_weights(1, bars) / n_symbols
    result = run_backtest(bars, weights, costs=COSTS)
    np.testing.assert_allclose(result.returns, plain_loop(bars, weights, COSTS), atol=1e-13)


def test_the_formula_for_one_symbol() -> None:
    bars = market(5, n_bars=30, n_symbols=1)
    w = random_weights(5, bars)[:, 0]
    start, close = bars.open[:, 0], bars.close[:, 0]
    c = 0.0003
    expected = [
        (1 + w[t - 2] * (start[t] / close[t - 1] - 1))
        * (1 - c * abs(w[t - 1] - w[t - 2]))
        * (1 + w[t - 1] * (close[t] / start[t] - 1))
        - 1
        for t in range(2, 30)
    ]
    result = run_backtest(bars, w, costs=COSTS)
    np.testing.assert_allclose(result.returns[2:], expected, atol=1e-14)
    assert result.returns[0] == 0.0
    first = (1 - c * abs(w[0])) * (1 + w[0] * (close[1] / start[1] - 1)) - 1
    assert result.returns[1] == pytest.approx(first, abs=1e-14)


def moves_to_earn(bars: BarArrays, execution: Execution) -> np.ndarray:
    """Sign of what a position earns in each bar after that bar's trade."""
    if execution == "next_open":
        return np.sign(bars.close - bars.open)
    return np.sign(np.diff(bars.close, axis=0, append=bars.close[-1:]))


@pytest.mark.parametrize("execution", ["next_open", "next_close"])
def test_one_bar_of_delay_takes_the_profit_of_looking_ahead(execution: Execution) -> None:
    # On a random walk only a look at tomorrow pays, and the timing takes that away.
    sharpes = {0: [], 1: []}
    for seed in range(20):
        bars = market(seed, n_bars=500, n_symbols=1)
        signal = moves_to_earn(bars, execution)
        for shift in sharpes:
            weights = np.roll(signal, -shift, axis=0)
            result = run_backtest(bars, weights, costs=FREE, execution=execution)
            sharpes[shift].append(result.metrics["sharpe"])
    assert abs(np.mean(sharpes[0])) < 1.0
    assert np.mean(sharpes[1]) > 5.0


@pytest.mark.parametrize("execution", ["next_open", "next_close"])
def test_a_weight_touches_nothing_before_its_next_bar(execution: Execution) -> None:
    bars = market(3)
    weights = random_weights(3, bars)
    base = run_backtest(bars, weights, costs=COSTS, execution=execution).returns
    for t in (0, 10, 30):
        changed = weights.copy()
        changed[t:] += 0.2
        after = run_backtest(bars, changed, costs=COSTS, execution=execution).returns
        assert np.array_equal(base[: t + 1], after[: t + 1])
        assert base[t + 1] != after[t + 1]


@pytest.mark.parametrize("execution", ["same_bar", "close", "", None])
def test_no_other_execution_can_be_configured(execution: str | None) -> None:
    with pytest.raises(InvalidInput, match="next_open"):
        run_backtest(market(0), random_weights(0, market(0)), costs=COSTS, execution=execution)


def test_no_position_earns_nothing() -> None:
    bars = market(2)
    result = run_backtest(bars, np.zeros(bars.shape), costs=Costs(5, 5, borrow_bps_per_year=100))
    assert not result.returns.any()
    assert result.metrics["sharpe"] is None
    assert result.metrics["psr"] is None
    assert result.metrics["break_even_cost_bps"] is None
    assert result.metrics["n_trades"] == 0
    assert result.metrics["turnover"] == 0.0
    assert result.metrics["max_drawdown"] == 0.0


def test_buy_and_hold_follows_the_price() -> None:
    bars = market(4, n_symbols=1)
    result = run_backtest(bars, np.ones(bars.shape), costs=FREE)
    grown = performance.equity_curve(result.returns)[-1]
    assert grown == pytest.approx(bars.close[-1, 0] / bars.open[1, 0])
    assert result.metrics["n_trades"] == 1
    assert result.metrics["exposure"] == pytest.approx(39 / 40)


def test_drifting_weights_of_an_untouched_portfolio_only_differ_by_rebalancing() -> None:
    bars = market(6, n_symbols=2)
    half = np.full(bars.shape, 0.5)
    drifting = run_backtest(bars, half, costs=COSTS, weights_drift=True)
    fixed = run_backtest(bars, half, costs=COSTS)
    assert drifting.turnover[2:].min() > 0.0
    assert not fixed.turnover[2:].any()
    one = run_backtest(market(6, n_symbols=1), np.ones((40, 1)), costs=COSTS, weights_drift=True)
    assert one.turnover[2:].max() < 1e-12


@given(st.integers(0, 10_000), st.floats(0.0, 50.0), st.floats(0.0, 50.0))
@settings(max_examples=40)
def test_higher_costs_never_help(seed: int, low: float, extra: float) -> None:
    bars = market(seed)
    weights = random_weights(seed, bars)
    cheap = run_backtest(bars, weights, costs=Costs(commission_bps=low))
    dear = run_backtest(bars, weights, costs=Costs(slippage_bps=low + extra))
    assert np.all(dear.returns <= cheap.returns + 1e-15)


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_the_order_of_symbols_does_not_matter(seed: int) -> None:
    bars = market(seed, n_symbols=4)
    weights = random_weights(seed, bars)
    order = np.random.default_rng(seed).permutation(4)
    moved = BarArrays(
        bars.dates,
        tuple(bars.symbols[k] for k in order),
        *(matrix[:, order] for matrix in (bars.open, bars.high, bars.low, bars.close)),
    )
    one = run_backtest(bars, weights, costs=COSTS).returns
    other = run_backtest(moved, weights[:, order], costs=COSTS).returns
    np.testing.assert_allclose(one, other, atol=1e-14)


@given(st.integers(0, 10_000), st.floats(0.001, 1000.0))
@settings(max_examples=40)
def test_the_unit_of_prices_does_not_matter(seed: int, unit: float) -> None:
    bars = market(seed)
    scaled = BarArrays(
        bars.dates,
        bars.symbols,
        *(matrix * unit for matrix in (bars.open, bars.high, bars.low, bars.close)),
    )
    weights = random_weights(seed, bars)
    np.testing.assert_allclose(
        run_backtest(bars, weights, costs=COSTS).returns,
        run_backtest(scaled, weights, costs=COSTS).returns,
        atol=1e-12,
    )


def test_cost_stress_is_a_run_at_those_costs() -> None:
    bars = market(8)
    weights = random_weights(8, bars)
    metrics = run_backtest(bars, weights, costs=Costs(3, 2, borrow_bps_per_year=50)).metrics
    for multiple in (2, 4):
        stressed = Costs(3 * multiple, 2 * multiple, borrow_bps_per_year=50 * multiple)
        expected = run_backtest(bars, weights, costs=stressed).metrics["sharpe"]
        assert metrics[f"sharpe_{multiple}x_cost"] == pytest.approx(expected, rel=1e-12)
    assert metrics["sharpe"] > metrics["sharpe_2x_cost"] > metrics["sharpe_4x_cost"]


@pytest.mark.parametrize("seed", range(5))
def test_at_the_break_even_cost_the_mean_return_is_zero(seed: int) -> None:
    bars = market(seed, n_symbols=1)
    weights = random_weights(seed, bars) + 0.1
    level = run_backtest(bars, weights, costs=COSTS).metrics["break_even_cost_bps"]
    if level > 0:
        even = run_backtest(bars, weights, costs=Costs(commission_bps=level))
        assert even.returns.mean() == pytest.approx(0.0, abs=1e-15)
    else:
        assert run_backtest(bars, weights, costs=FREE).returns.mean() < 0


YEARLY = {
    "sharpe": performance.sharpe_ratio,
    "sortino": performance.sortino_ratio,
    "calmar": performance.calmar_ratio,
    "annual_return": performance.annual_return,
    "annual_volatility": performance.annual_volatility,
}
PLAIN = {
    "max_drawdown": performance.max_drawdown,
    "var": performance.value_at_risk,
    "cvar": performance.expected_shortfall,
    "hit_rate": performance.hit_rate,
    "skewness": performance.skewness,
    "kurtosis": performance.kurtosis,
    "sharpe_per_period": performance.sharpe_per_period,
}


def figures_one_by_one(returns: npt.ArrayLike, year: int) -> dict[str, float | None]:
    """Each figure by its own function; None for one that is not defined."""
    figures = {name: figure(returns, periods_per_year=year) for name, figure in YEARLY.items()}
    figures |= {name: figure(returns) for name, figure in PLAIN.items()}
    return {name: None if math.isnan(figure) else figure for name, figure in figures.items()}


@given(st.lists(st.floats(-1.5, 1.5).map(lambda value: round(value, 4)), max_size=30))
def test_figures_reckoned_together_are_those_reckoned_one_by_one(returns: list[float]) -> None:
    together = performance_metrics(returns, periods_per_year=12)
    assert {name: together[name] for name in YEARLY | PLAIN} == figures_one_by_one(returns, 12)
    assert together["n_observations"] == len(returns)
    json.loads(canonical_json(together))


def test_metrics_are_those_of_the_returns() -> None:
    bars = market(9, n_bars=400)
    result = run_backtest(bars, random_weights(9, bars), costs=COSTS, periods_per_year=365)
    metrics = result.metrics
    assert {name: metrics[name] for name in YEARLY | PLAIN} == figures_one_by_one(
        result.returns, 365
    )
    assert metrics["turnover"] == pytest.approx(result.turnover.mean() * 365)
    assert metrics["n_observations"] == 400
    assert 0 <= metrics["psr"] <= 1
    json.loads(canonical_json(dict(metrics)))


def test_ruin_ends_the_account() -> None:
    price = np.array([[100.0], [100.0], [100.0], [300.0], [30.0], [60.0]])
    dates = np.arange(6).astype("datetime64[D]").astype("datetime64[us]")
    bars = BarArrays(dates, ("A",), price, price, price, price)
    result = run_backtest(bars, np.full((6, 1), -1.0), costs=COSTS)
    assert result.ruined_at == 3
    assert result.returns[3:].tolist() == [-1.0, 0.0, 0.0]
    assert result.metrics["max_drawdown"] == 1.0
    assert run_backtest(bars, np.full((6, 1), 0.5), costs=COSTS).ruined_at is None


def test_two_ruins_in_one_bar_are_no_gain() -> None:
    start = np.array([[100.0], [100.0], [300.0], [100.0]])
    close = np.array([[100.0], [100.0], [900.0], [100.0]])
    dates = np.arange(4).astype("datetime64[D]").astype("datetime64[us]")
    bars = BarArrays(
        dates, ("A",), start, np.maximum(start, close), np.minimum(start, close), close
    )
    result = run_backtest(bars, np.full((4, 1), -1.0), costs=FREE)
    assert result.returns.tolist() == [0.0, 0.0, -1.0, 0.0]


def test_an_order_waits_for_the_next_bar_of_its_symbol() -> None:
    price = np.array([[100.0, 50.0], [np.nan, 50.0], [110.0, 50.0], [121.0, 50.0]])
    dates = np.arange(4).astype("datetime64[D]").astype("datetime64[us]")
    bars = BarArrays(dates, ("A", "B"), price, price, price, price)
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    result = run_backtest(bars, weights, costs=FREE)
    assert result.weights[:, 0].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert result.returns == pytest.approx([0.0, 0.0, 0.0, 0.1])


@pytest.mark.parametrize("end", [3, 7, 9])
def test_a_position_beyond_the_last_bar_is_refused(end: int) -> None:
    bars = market(0, n_bars=10, n_symbols=2)
    for matrix in (bars.open, bars.high, bars.low, bars.close):
        matrix[end:, 0] = np.nan
    weights = np.full((10, 2), 0.5)
    with pytest.raises(InvalidInput, match="S0 is held beyond its last bar"):
        run_backtest(bars, weights, costs=COSTS)
    weights[end - 1 :, 0] = 0.0  # too late: the last bar trades what the one before decided
    with pytest.raises(InvalidInput, match="S0 is held beyond its last bar"):
        run_backtest(bars, weights, costs=COSTS)
    weights[end - 2 :, 0] = 0.0
    result = run_backtest(bars, weights, costs=COSTS)
    assert result.weights[end - 1 :, 0].tolist() == [0.0] * (11 - end)


def test_drift_over_missing_bars_is_refused() -> None:
    bars = market(0, missing=0.3)
    with pytest.raises(InvalidInput, match="every symbol"):
        run_backtest(bars, np.zeros(bars.shape), costs=COSTS, weights_drift=True)


def test_tables_and_arrays_give_the_same_result() -> None:
    days = [date(2024, 1, 1) + timedelta(days=k) for k in range(6)]
    table = pl.DataFrame(
        {
            "date": days * 2,
            "symbol": ["A"] * 6 + ["B"] * 6,
            "open": [10.0, 11, 12, 11, 10, 11, 20, 19, 18, 19, 20, 21],
            "high": [13.0] * 6 + [22.0] * 6,
            "low": [9.0] * 6 + [17.0] * 6,
            "close": [11.0, 12, 11, 10, 11, 12, 19, 18, 19, 20, 21, 20],
        }
    )
    weights = table.select("date", "symbol", weight=pl.col("open") / 100)
    matrix = np.column_stack([weights["weight"][:6], weights["weight"][6:]])
    by_table = run_backtest(table, weights.reverse(), costs=COSTS)
    by_array = run_backtest(bar_arrays(table), matrix, costs=COSTS)
    assert by_table.digest == by_array.digest
    assert by_table.symbols == ("A", "B")
    shorter = table.filter((pl.col("symbol") == "A") | (pl.col("date") != days[2]))
    partial = run_backtest(
        shorter, weights.join(shorter, on=["date", "symbol"], how="semi"), costs=COSTS
    )
    assert partial.weights[3, 1] == pytest.approx(0.19)  # decided at days[1]; days[2] had no bar


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda frame: frame.head(5), "0 weights"),
        (lambda frame: pl.concat([frame, frame.head(1)]), "2 weights"),
        (lambda frame: frame.with_columns(symbol=pl.lit("Z")), "no bar"),
        (lambda frame: frame.with_columns(date=pl.col("date").dt.offset_by("1d")), "no bar"),
        (lambda frame: frame.with_columns(weight=pl.lit(float("nan"))), "is nan"),
        (lambda frame: frame.with_columns(weight=pl.lit(None)), "nulls"),
        (lambda frame: frame.drop("weight"), "columns"),
    ],
)
def test_weights_that_do_not_fit_the_bars_are_refused(
    change: Callable[[pl.DataFrame], pl.DataFrame], complaint: str
) -> None:
    days = [date(2024, 1, 1) + timedelta(days=k) for k in range(6)]
    prices = dict.fromkeys(("open", "high", "low", "close"), [10.0] * 6)
    table = pl.DataFrame({"date": days, "symbol": ["A"] * 6, **prices})
    weights = pl.DataFrame({"date": days, "symbol": ["A"] * 6, "weight": [0.5] * 6})
    with pytest.raises(InvalidInput, match=complaint):
        run_backtest(table, change(weights), costs=COSTS)


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros((39, 3)),
        np.zeros((40, 2)),
        np.zeros(40),
        np.full((40, 3), np.nan),
        [["x"] * 3] * 40,
    ],
)
def test_weights_of_another_shape_are_refused(weights: np.ndarray | list[list[str]]) -> None:
    with pytest.raises(InvalidInput):
        run_backtest(market(0), weights, costs=COSTS)


class WideFrame:
    """Weights with named columns, as a data frame of pandas has them."""

    def __init__(self, weights: np.ndarray, columns: Sequence[str | int]) -> None:
        self.weights, self.columns = weights, columns

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.weights, dtype=dtype)


def test_columns_with_names_must_be_the_symbols_in_their_order() -> None:
    bars = market(0)
    weights = random_weights(0, bars)
    named = run_backtest(bars, WideFrame(weights, ["S0", "S1", "S2"]), costs=COSTS)
    assert named.digest == run_backtest(bars, weights, costs=COSTS).digest
    for columns in (["S1", "S0", "S2"], [0, 1, 2]):
        with pytest.raises(InvalidInput, match="columns S0, S1, S2"):
            run_backtest(bars, WideFrame(weights, columns), costs=COSTS)


def test_bars_that_cannot_be_traded_on_are_refused() -> None:
    table = pl.DataFrame({"date": [date(2024, 1, 1)], "symbol": ["A"], "close": [1.0]})
    with pytest.raises(DatasetInvalid):
        run_backtest(table, [0.0], costs=COSTS)


def test_caps_hold_and_keep_proportions() -> None:
    bars = market(11)
    weights = random_weights(11, bars) * 10
    result = run_backtest(bars, weights, costs=COSTS, max_gross_leverage=1.5, max_symbol_weight=0.8)
    assert np.abs(result.weights).max() <= 0.8 + 1e-12
    assert result.metrics["max_exposure"] <= 1.5 + 1e-12
    scaled = run_backtest(bars, weights, costs=COSTS, max_gross_leverage=1.0)
    busy = np.abs(weights[:-1]).sum(axis=1) > 1
    expected = weights[:-1][busy] / np.abs(weights[:-1][busy]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled.weights[1:][busy], expected)


@pytest.mark.parametrize("cap", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["max_gross_leverage", "max_symbol_weight"])
def test_caps_must_make_sense(name: str, cap: float) -> None:
    with pytest.raises(InvalidInput):
        run_backtest(market(0), np.zeros((40, 3)), costs=COSTS, **{name: cap})


def test_the_volatility_target_is_met_without_looking_ahead() -> None:
    bars = market(12, n_bars=3000, n_symbols=1, volatility=0.03)
    options = {"target_volatility": 0.1, "max_gross_leverage": 5.0, "volatility_window": 50}
    weights = np.ones(bars.shape)
    result = run_backtest(bars, weights, costs=COSTS, **options)
    assert not result.weights[:50].any()
    assert result.metrics["annual_volatility"] == pytest.approx(0.1, rel=0.15)
    later = market(12, n_bars=3000, n_symbols=1, volatility=0.03)
    later.close[2000:] *= 3
    again = run_backtest(later, weights, costs=COSTS, **options)
    assert np.array_equal(again.weights[:2001], result.weights[:2001])


@pytest.mark.parametrize(
    "options",
    [
        {"target_volatility": 0.1},
        {"target_volatility": 0.0, "max_gross_leverage": 1},
        {"target_volatility": math.nan, "max_gross_leverage": 1},
        {"target_volatility": 0.1, "max_gross_leverage": 1, "volatility_window": 1},
    ],
)
def test_a_volatility_target_must_make_sense(options: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        run_backtest(market(0), np.zeros((40, 3)), costs=COSTS, **options)


def test_square_root_impact() -> None:
    bars = market(13, n_bars=60, n_symbols=2)
    costs = Costs(impact_coefficient=0.7, capital=1e8, impact_window=20)
    weights = np.zeros(bars.shape)
    weights[30:] = 0.4, -0.2
    result = run_backtest(bars, weights, costs=costs)
    expected = 0.0
    for s, traded in enumerate((0.4, 0.2)):
        moves = np.diff(np.log(bars.close[:31, s]))[-20:]
        average = np.mean(bars.close[11:31, s] * bars.volume[11:31, s])
        expected += traded * 0.7 * moves.std(ddof=1) * math.sqrt(traded * 1e8 / average)
    assert result.trading_costs[31] == pytest.approx(expected, rel=1e-12)
    assert np.count_nonzero(result.trading_costs) == 1
    assert not costs.are_zero
    weights[18] = 0.1
    run_backtest(bars, np.where(np.arange(60)[:, None] >= 20, 0.1, 0.0) * np.ones(2), costs=costs)
    with pytest.raises(InvalidInput, match="unknown"):
        run_backtest(bars, weights, costs=costs)
    silent = BarArrays(bars.dates, bars.symbols, bars.open, bars.high, bars.low, bars.close)
    with pytest.raises(InvalidInput, match="volume"):
        run_backtest(silent, np.zeros(bars.shape), costs=costs)


@pytest.mark.parametrize(
    "options",
    [
        {"commission_bps": -1},
        {"slippage_bps": math.nan},
        {"borrow_bps_per_year": math.inf},
        {"impact_coefficient": 0.5},
        {"impact_coefficient": 0.5, "capital": 1e6, "impact_window": 1},
    ],
)
def test_costs_must_make_sense(options: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        Costs(**options)


def test_free_trading_is_reported() -> None:
    assert Costs().are_zero
    assert Costs(borrow_bps_per_year=10).are_zero
    assert not Costs(slippage_bps=0.1).are_zero


def test_shorts_pay_for_borrowing() -> None:
    price = np.full((253, 1), 100.0)
    dates = np.arange(253).astype("datetime64[D]").astype("datetime64[us]")
    bars = BarArrays(dates, ("A",), price, price, price, price)
    costs = Costs(borrow_bps_per_year=252)
    short = run_backtest(bars, np.full((253, 1), -0.5), costs=costs)
    assert short.returns[2:] == pytest.approx(-0.5e-4)
    assert not run_backtest(bars, np.full((253, 1), 0.5), costs=costs).returns.any()


PROGRAM = """
import numpy as np
from tradeworthy.backtest.run import run_backtest
from tradeworthy.market_data.bars import BarArrays
from tradeworthy.backtest.costs import Costs
rng = np.random.default_rng(3)
close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (800, 70)), axis=0))
dates = np.arange(800).astype("datetime64[D]").astype("datetime64[us]")
bars = BarArrays(dates, tuple(f"S{k:02}" for k in range(70)), close, close, close, close)
weights = rng.uniform(-1, 1, (800, 70)) / 70
print(run_backtest(bars, weights, costs=Costs(commission_bps=2)).digest)
"""


@pytest.mark.slow
def test_the_digest_is_the_same_in_every_process_and_for_every_thread_count() -> None:
    digests = set()
    for threads, seed in (("1", "0"), ("2", "1"), ("4", "2")):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads), "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
        )
        digests.add(run.stdout.decode().strip())
    assert len(digests) == 1
    assert is_digest(digests.pop())


def test_every_setting_and_every_return_is_in_the_digest() -> None:
    bars = market(14)
    weights = random_weights(14, bars) / 10
    base = run_backtest(bars, weights, costs=COSTS)
    assert run_backtest(bars, weights, costs=COSTS).digest == base.digest
    others = [
        run_backtest(bars, weights, costs=Costs(commission_bps=2.0, slippage_bps=1.0)),
        run_backtest(bars, weights, costs=COSTS, max_gross_leverage=50.0),
        run_backtest(bars, weights, costs=COSTS, periods_per_year=365),
        run_backtest(bars, weights, costs=COSTS, execution="next_close"),
        run_backtest(bars, weights * 1.0001, costs=COSTS),
    ]
    assert len({result.digest for result in [base, *others]}) == 6
    assert result_digest(base.config, base.returns + 1e-15) == base.digest
    json.loads(canonical_json(dict(base.config)))


def test_a_price_that_multiplies_beyond_all_reason_has_a_digest() -> None:
    price = np.array([[1.0], [1.0], [1.0], [1e9], [1e9]])
    dates = np.arange(5).astype("datetime64[D]").astype("datetime64[us]")
    bars = BarArrays(dates, ("A",), price, price, price, price)
    result = run_backtest(bars, np.ones((5, 1)), costs=COSTS)
    assert result.returns[3] == pytest.approx(1e9)
    assert is_digest(result.digest)
    worse = result_digest(result.config, -result.returns)
    assert worse != result.digest


def test_results_are_read_only() -> None:
    bars = market(15)
    result = run_backtest(bars, random_weights(15, bars), costs=COSTS)
    for array in (result.returns, result.weights, result.turnover):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


def test_figures_of_returns_alone() -> None:
    figures = performance_metrics([0.01, -0.01, 0.02])
    assert figures["sharpe"] == performance.sharpe_ratio([0.01, -0.01, 0.02])
    assert performance_metrics([])["sharpe"] is None
    with pytest.raises(InvalidInput):
        performance_metrics([math.nan])


def test_one_bar_and_no_bar() -> None:
    bars = market(16, n_bars=1)
    assert run_backtest(bars, np.ones((1, 3)), costs=COSTS).returns.tolist() == [0.0]
    with pytest.raises(InvalidInput, match="no bar"):
        run_backtest(market(16).between(0, 0), np.ones((0, 3)), costs=COSTS)


FOLDER = os.environ.get("TRADEWORTHY_MARKET_DATA")

if FOLDER:  # real markets, where they are at hand

    def shares(first: date, last: date) -> BarArrays:
        frame = pl.read_csv(Path(FOLDER) / "lean_us_equity_daily_raw.csv", try_parse_dates=True)
        return bar_arrays(frame.filter(pl.col("date").is_between(first, last)))

    REAL = {
        "index": lambda: bar_arrays(read_bars(Path(FOLDER) / "sp500_daily_2000_2020.csv")),
        "volatility": lambda: bar_arrays(read_bars(Path(FOLDER) / "vix_daily_1990_2026.csv")),
        "hours": lambda: bar_arrays(
            read_bars(Path(FOLDER) / "gbpusd_1h_ejtrader.csv").head(10_000)
        ),
        "shares, some not yet listed": lambda: shares(date(2009, 9, 1), date(2013, 7, 31)),
    }

    @pytest.mark.parametrize("execution", ["next_open", "next_close"])
    @pytest.mark.parametrize("name", REAL)
    def test_agrees_with_the_plain_loop_on_real_markets(name: str, execution: Execution) -> None:
        bars = REAL[name]()
        weights = random_weights(1, bars) / bars.shape[1]
        costs = Costs(commission_bps=1, slippage_bps=4, borrow_bps_per_year=50)
        result = run_backtest(bars, weights, costs=costs, execution=execution)
        expected = plain_loop(bars, weights, costs, execution)
        np.testing.assert_allclose(result.returns, expected, rtol=0, atol=1e-13)
