"""Returns of a book of weights, bar by bar: what is earned before and after each bar's trade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tradeworthy.backtest.costs import Costs, impact_costs
from tradeworthy.backtest.target_weights import last_where
from tradeworthy.errors import InvalidInput
from tradeworthy.market_data.bars import BarArrays
from tradeworthy.statistics.return_series import FloatArray

Execution: TypeAlias = Literal["next_open", "next_close"]

_BLOCK_CELLS = 1 << 16  # cells worked on at a time, so that temporaries stay in the cache
_BLOCK_BARS = 1 << 14
_NO_TRADE = 1e-12  # weight changes up to this are rounding


@dataclass(frozen=True, slots=True, eq=False)
class TradeLegs:
    """Parts of every bar's return, each of shape (T,), as shares of the equity.

    Attributes
    ----------
    before, after
        Earned before the bar's trade by the weights of the bar before, and after it by the new.
    borrow
        Fee for what was short before the trade.
    turnover, gross
        Traded value, and the sum of absolute weights after the trade.
    trading_costs
        What the trade cost.
    n_trades
        Number of weight changes, over bars and symbols.
    """

    before: FloatArray
    after: FloatArray
    borrow: FloatArray
    turnover: FloatArray
    gross: FloatArray
    trading_costs: FloatArray
    n_trades: int

    def net_returns(self, cost_multiple: float = 1.0) -> tuple[FloatArray, int | None]:
        """Net return of each bar with all costs times ``cost_multiple``, and the bar of ruin.

        Ruin is a bar that takes the equity to zero or below: it returns -1 and later bars 0.
        """
        net = np.empty_like(self.before)
        for start in range(0, len(net), _BLOCK_BARS):
            part = slice(start, start + _BLOCK_BARS)
            held = self.before[part] - cost_multiple * self.borrow[part] + 1.0
            paid = 1.0 - cost_multiple * self.trading_costs[part]
            earned = self.after[part] + 1.0
            net[part] = held * paid * earned - 1.0
            # Each factor counts by itself: two below zero must not multiply into a gain.
            worst = np.minimum(np.minimum(held, paid), earned)
            if worst.min() <= 0.0:
                at = start + int(np.argmax(worst <= 0.0))
                net[at], net[at + 1 :] = -1.0, 0.0
                return net, at
        return net, None


def held_weights(bars: BarArrays, targets: FloatArray) -> FloatArray:
    """Weights held after each bar's trade: the target of the bar before, if the symbol traded."""
    if not len(targets):
        raise InvalidInput("there is no bar to trade on")
    held = np.empty_like(targets)
    held[0] = 0.0
    held[1:] = targets[:-1]
    traded = ~np.isnan(bars.close)
    if traded.all():
        return held
    held = last_where(traded, held)
    last = len(traded) - 1 - np.argmax(traded[::-1], axis=0)
    stuck = (last < len(traded) - 1) & (held[-1] != 0.0)
    if stuck.any():
        symbol = int(np.argmax(stuck))
        raise InvalidInput(
            f"{bars.symbols[symbol]} is held beyond its last bar at {bars.dates[last[symbol]]}; "
            "its target must be 0 from the second last bar on",
            symbol=bars.symbols[symbol],
        )
    return held


def trade_legs(
    bars: BarArrays,
    held: FloatArray,
    costs: Costs,
    *,
    execution: Execution,
    weights_drift: bool,
    periods_per_year: float,
) -> TradeLegs:
    """Take every bar's return apart.

    Parameters
    ----------
    bars
        T dates, S symbols.
    held
        Weights after each bar's trade (see `held_weights`), shape (T, S).
    costs, execution, weights_drift, periods_per_year
        As for `backtest.run_backtest`.

    Raises
    ------
    InvalidInput
        If weights shall drift over missing bars, or an impact is unknown.
    """
    n_bars, n_symbols = held.shape
    closes = _known_closes(bars)
    gaps = closes is not bars.close
    if gaps and weights_drift:
        raise InvalidInput("weights_drift needs a bar of every symbol at every date")
    before, after, borrow, turnover, gross, impact = (np.zeros(n_bars) for _ in range(6))
    traded_cells = np.zeros_like(held) if costs.impact_coefficient else None
    borrow_rate = costs.borrow_bps_per_year / 1e4 / periods_per_year
    n_trades = 0
    step = max(_BLOCK_CELLS // n_symbols, 1)
    for start in range(1, n_bars, step):
        now = slice(start, min(start + step, n_bars))
        ago = slice(now.start - 1, now.stop - 1)
        price = bars.open[now] if execution == "next_open" else bars.close[now]
        rise = _move(closes[ago], price, gaps)
        owned = held[ago]
        if weights_drift and execution == "next_open":
            owned = _drifted(owned, _move(bars.open[ago], bars.close[ago], gaps))
        before[now] = _row_dot(owned, rise)
        if execution == "next_open":
            after[now] = _row_dot(held[now], _move(price, bars.close[now], gaps))
        if borrow_rate:
            borrow[now] = borrow_rate * np.maximum(-owned, 0.0).sum(axis=1)
        traded = np.abs(held[now] - (_drifted(owned, rise) if weights_drift else owned))
        turnover[now] = traded.sum(axis=1)
        n_trades += int(np.count_nonzero(traded > _NO_TRADE))
        gross[now] = np.abs(held[now]).sum(axis=1)
        if traded_cells is not None:
            traded_cells[now] = traded
    if traded_cells is not None:
        impact = impact_costs(bars, traded_cells, costs)
    return TradeLegs(
        before, after, borrow, turnover, gross, costs.rate * turnover + impact, n_trades
    )


def _move(start: FloatArray, end: FloatArray, gaps: bool) -> FloatArray:
    """Simple return from ``start`` to ``end``; 0 where a bar is missing."""
    move = end / start
    move -= 1.0
    return np.nan_to_num(move, copy=False, nan=0.0) if gaps else move


def _drifted(weights: FloatArray, moves: FloatArray) -> FloatArray:
    """Weights after prices moved and nothing was traded; unchanged once the equity is gone."""
    growth = 1.0 + _row_dot(weights, moves)
    alive = growth > 0.0
    drifted = weights * (1.0 + moves) / np.where(alive, growth, 1.0)[:, None]
    return np.where(alive[:, None], drifted, weights)


def _row_dot(left: FloatArray, right: FloatArray) -> FloatArray:
    """Dot product row by row, in an order that no thread count changes (never through BLAS)."""
    if left.shape[1] == 1:
        return np.asarray(left[:, 0] * right[:, 0])
    return np.asarray(np.einsum("ts,ts->t", left, right))


def _known_closes(bars: BarArrays) -> FloatArray:
    """Closes filled forward over missing bars; NaN before a symbol's first bar."""
    known = ~np.isnan(bars.close)
    if known.all():
        return bars.close
    filled = last_where(known, bars.close)
    return np.where(filled == 0.0, np.nan, filled)
