"""Backtest of target weights on bars, with costs, vectorised and deterministic.

Timing
    A target weight ``w[t]`` uses data up to the close of bar t. With ``execution="next_open"`` it
    trades at the open of t + 1, and the return of bar t is
    ``(1 + w[t-2] overnight)(1 - c |w[t-1] - w[t-2]|)(1 + w[t-1] intraday) - 1``, with overnight
    from the last close to the open and intraday from the open to the close. With
    ``"next_close"`` it trades at the close of t + 1, and the return of bar t is
    ``(1 + w[t-2] close_to_close)(1 - c |w[t-1] - w[t-2]|) - 1``. Targets before the first are 0,
    so the first bar returns 0. There is no way to trade within the bar that was looked at.
Several symbols
    ``w overnight``, ``c |...|`` and ``w intraday`` are sums over the symbols.
Missing bars
    A symbol without a bar at t returns 0 and does not trade; its order waits for its next bar,
    whose overnight return runs from its last close. A position held beyond a symbol's last bar
    is refused, because nobody knows what became of it.
Rebalancing
    By default weights stay at the target between trades, as the formula says, and only changes of
    the target cost. With ``weights_drift=True`` they drift with prices between trades, every
    bar's trade brings them back to the target, and that trade costs as well.
Ruin
    An equity of zero or less ends the account: that bar returns -1, later ones 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.target_weights import (
    aligned_weights,
    capped_weights,
    volatility_scale,
)
from tradeworthy.backtest.trade_returns import (
    Execution,
    TradeLegs,
    held_weights,
    trade_legs,
)
from tradeworthy.base.digests import Json, canonical_json, tagged_digest
from tradeworthy.errors import InvalidInput
from tradeworthy.market_data.bars import BarArrays, DateArray, bar_arrays
from tradeworthy.statistics import performance
from tradeworthy.statistics.return_series import FloatArray, checked_periods, checked_returns
from tradeworthy.statistics.significance import probabilistic_sharpe_ratio

Metrics: TypeAlias = Mapping[str, float | None]

_RETURN_UNIT = 1e-12  # the result digest covers returns rounded to this
_MOST_UNITS = 2.0**62  # a return of some 4.6 million; what is beyond counts as that


@dataclass(frozen=True, slots=True, eq=False)
class BacktestResult:
    """What a backtest showed.

    Attributes
    ----------
    dates, symbols
        Of the bars; T and S of them.
    returns
        Net simple return of each bar, shape (T,).
    weights
        Weights held after the trade of each bar, shape (T, S).
    turnover
        Traded value over equity of each bar, buys and sells, shape (T,).
    gross_exposure
        Sum of the absolute held weights, shape (T,).
    trading_costs
        Share of the equity that each bar's trades cost, shape (T,).
    ruined_at
        Position of the bar that wiped out the equity, if one did.
    metrics
        Figures by name, ``None`` where undefined (see `run_backtest`).
    config
        Every setting, ready for JSON.
    digest
        Digest of the config and of the returns rounded to 1e-12.
    """

    dates: DateArray
    symbols: tuple[str, ...]
    returns: FloatArray
    weights: FloatArray
    turnover: FloatArray
    gross_exposure: FloatArray
    trading_costs: FloatArray
    ruined_at: int | None
    metrics: Metrics
    config: Mapping[str, Json]
    digest: str


def run_backtest(
    bars: BarArrays | pl.DataFrame,
    weights: npt.ArrayLike | pl.DataFrame,
    *,
    costs: Costs,
    execution: Execution = "next_open",
    max_gross_leverage: float | None = None,
    max_symbol_weight: float | None = None,
    target_volatility: float | None = None,
    volatility_window: int = 60,
    weights_drift: bool = False,
    periods_per_year: float = 252,
) -> BacktestResult:
    """Trade target weights on bars.

    Parameters
    ----------
    bars
        A bar table (see `bars.bar_table`) or its arrays.
    weights
        Target weights, decided at each bar's close: shape (T, S), (T,) for one symbol, or a frame
        of date, symbol, weight (see `target_weights.aligned_weights`).
    costs
        What trading costs. There is no default, because free trading is a choice.
    execution
        Trade at the next bar's open or at its close.
    max_gross_leverage, max_symbol_weight
        Caps of the targets' absolute sum (by scaling) and of each (by clipping); none by default.
    target_volatility
        Annual volatility to scale the targets to, by the proposed strategy's own returns over the
        last ``volatility_window`` bars; needs a ``max_gross_leverage``.
    weights_drift
        Let weights drift between trades instead of holding them at the target.
    periods_per_year
        Bars in a year.

    Returns
    -------
    BacktestResult
        With these metrics, over all T bars: sharpe, sharpe_per_period, sortino, calmar,
        max_drawdown, annual_return, annual_volatility, skewness, kurtosis (not in excess), var and
        cvar (5%, one bar), hit_rate, psr (against 0), turnover (a year, buys and sells), exposure
        and max_exposure (gross), n_observations, n_trades (changes of one symbol's weight),
        sharpe_2x_cost and sharpe_4x_cost (all costs times 2 and 4), and break_even_cost_bps (the
        commission plus slippage at which the mean return is zero; negative for a strategy that
        loses before costs; None without a trade).

    Raises
    ------
    DatasetInvalid
        If the bars cannot be traded on.
    InvalidInput
        If weights are not aligned or not known, or a setting makes no sense.

    Examples
    --------
    >>> prices = np.array([[100.0], [101.0], [103.0], [102.0]])
    >>> dates = np.arange(4).astype("datetime64[D]").astype("datetime64[us]")
    >>> bars = BarArrays(dates, ("A",), prices, prices, prices, prices)
    >>> result = run_backtest(bars, [1.0, 1.0, 1.0, 1.0], costs=Costs(commission_bps=10))
    >>> result.returns.round(6)
    array([ 0.      , -0.001   ,  0.019802, -0.009709])
    """
    arrays = bar_arrays(bars) if isinstance(bars, pl.DataFrame) else bars
    year = checked_periods(periods_per_year)
    if execution not in {"next_open", "next_close"}:
        raise InvalidInput('execution must be "next_open" or "next_close"')
    targets = aligned_weights(arrays, weights)
    if target_volatility is not None:
        if max_gross_leverage is None:
            raise InvalidInput("a target_volatility needs a max_gross_leverage")
        targets *= _scale(
            arrays,
            targets,
            execution=execution,
            target_volatility=target_volatility,
            window=volatility_window,
            year=year,
        )
    held = held_weights(
        arrays,
        capped_weights(
            targets, max_symbol_weight=max_symbol_weight, max_gross_leverage=max_gross_leverage
        ),
    )
    legs = trade_legs(
        arrays,
        held,
        costs,
        execution=execution,
        weights_drift=weights_drift,
        periods_per_year=year,
    )
    config: dict[str, Json] = {
        "costs": asdict(costs),
        "execution": execution,
        "max_gross_leverage": max_gross_leverage,
        "max_symbol_weight": max_symbol_weight,
        "target_volatility": target_volatility,
        "volatility_window": volatility_window,
        "weights_drift": weights_drift,
        "periods_per_year": year,
        "symbols": list(arrays.symbols),
        "first_date": str(arrays.dates[0]),
        "last_date": str(arrays.dates[-1]),
    }
    return _result(arrays, held, legs, config)


def _scale(
    bars: BarArrays,
    targets: FloatArray,
    *,
    execution: Execution,
    target_volatility: float,
    window: int,
    year: float,
) -> FloatArray:
    """Volatility scale of each bar's targets, shape (T, 1), from returns up to its close."""
    legs = trade_legs(
        bars,
        held_weights(bars, targets),
        Costs(),
        execution=execution,
        weights_drift=False,
        periods_per_year=year,
    )
    proposed = (1.0 + legs.before) * (1.0 + legs.after) - 1.0
    return volatility_scale(proposed, target_volatility, window=window, periods_per_year=year)[
        :, None
    ]


def _result(
    bars: BarArrays, held: FloatArray, legs: TradeLegs, config: dict[str, Json]
) -> BacktestResult:
    returns, ruined_at = legs.net_returns()
    for array in (returns, held, legs.turnover, legs.gross, legs.trading_costs):
        array.setflags(write=False)
    return BacktestResult(
        dates=bars.dates,
        symbols=bars.symbols,
        returns=returns,
        weights=held,
        turnover=legs.turnover,
        gross_exposure=legs.gross,
        trading_costs=legs.trading_costs,
        ruined_at=ruined_at,
        metrics=_metrics(returns, legs, float(cast("float", config["periods_per_year"]))),
        config=config,
        digest=result_digest(config, returns),
    )


def result_digest(config: Mapping[str, Json], returns: FloatArray) -> str:
    """Digest of a backtest: its config as canonical JSON, its returns in units of 1e-12.

    Examples
    --------
    >>> a = result_digest({"x": 1}, np.array([0.1, -0.0]))
    >>> a == result_digest({"x": 1}, np.array([0.1 + 1e-15, 0.0]))
    True
    """
    units = np.clip(np.rint(returns / _RETURN_UNIT), -_MOST_UNITS, _MOST_UNITS).astype("<i8")
    return tagged_digest("backtest/v1", canonical_json(dict(config)), units.tobytes())


def performance_metrics(
    returns: npt.ArrayLike, periods_per_year: float = 252
) -> dict[str, float | None]:
    """Figures that need nothing but the returns; ``None`` where undefined.

    Examples
    --------
    >>> performance_metrics([0.01, 0.02, -0.01])["n_observations"]
    3
    >>> performance_metrics([0.0, 0.0])["sharpe"] is None
    True
    """
    values = checked_returns(returns)
    # The costly parts are shared; each figure equals that of its function in `performance`.
    sharpe = performance.sharpe_per_period(values)
    growth = performance.annual_return(values, periods_per_year=periods_per_year)
    drawdown = performance.max_drawdown(values)
    skew, kurt = performance.skewness_and_kurtosis(values)
    at_risk = performance.value_at_risk(values)
    figures = {
        "sharpe": sharpe * math.sqrt(checked_periods(periods_per_year)),
        "sharpe_per_period": sharpe,
        "sortino": performance.sortino_ratio(values, periods_per_year=periods_per_year),
        "calmar": performance.growth_over_drawdown(growth, drawdown, values.size),
        "max_drawdown": drawdown,
        "annual_return": growth,
        "annual_volatility": performance.annual_volatility(
            values, periods_per_year=periods_per_year
        ),
        "skewness": skew,
        "kurtosis": kurt,
        "var": at_risk,
        "cvar": performance.mean_loss_beyond(values, at_risk),
        "hit_rate": performance.hit_rate(values),
    }
    known = {name: _defined(figure) for name, figure in figures.items()}
    return {**known, "psr": _psr(known, values.size), "n_observations": values.size}


def _defined(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _psr(figures: Mapping[str, float | None], n_observations: int) -> float | None:
    sharpe, skew, kurt = (figures[name] for name in ("sharpe_per_period", "skewness", "kurtosis"))
    if sharpe is None or skew is None or kurt is None:
        return None
    try:
        return probabilistic_sharpe_ratio(sharpe, n_observations, skew, kurt)
    except InvalidInput:  # moments that give the Sharpe ratio no variance
        return None


def _metrics(returns: FloatArray, legs: TradeLegs, year: float) -> Metrics:
    figures = performance_metrics(returns, periods_per_year=year)
    for multiple in (2, 4):
        stressed, _ = legs.net_returns(multiple)
        figures[f"sharpe_{multiple}x_cost"] = _defined(
            performance.sharpe_ratio(stressed, periods_per_year=year)
        )
    figures["break_even_cost_bps"] = _break_even(legs)
    figures["turnover"] = float(np.mean(legs.turnover)) * year
    figures["exposure"] = float(np.mean(legs.gross))
    figures["max_exposure"] = float(np.max(legs.gross))
    figures["n_trades"] = legs.n_trades
    return figures


def _break_even(legs: TradeLegs) -> float | None:
    """Commission plus slippage, in bps, that would bring the mean return to zero."""
    growth = (1.0 + legs.before - legs.borrow) * (1.0 + legs.after)
    traded = float(np.sum(growth * legs.turnover))
    if traded <= 0.0:
        return None
    return float(np.sum(growth - 1.0)) / traded * 10_000.0
