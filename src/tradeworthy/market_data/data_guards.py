"""Guards of market data: one instrument, adjusted, complete and alive.

Each guard is a pure function from the bars of one symbol to findings. ``fail`` means that a
backtest on the data would be wrong; ``warn`` that a person should look. A market crash moves a
price a lot and is no error, so a guard fails on a move only when it looks like bookkeeping: an
overnight gap at the ratio of a share split, in money that trades on as before, of a size that the
symbol's own recent moves cannot explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import polars as pl

from tradeworthy.market_data.bars import bar_table
from tradeworthy.market_data.symbol_bars import (
    BoolArray,
    DataFinding,
    Severity,
    SymbolBars,
    split_by_symbol,
)
from tradeworthy.statistics.return_series import FloatArray

_ROUNDING = 1e-6  # relative; prices that differ by less are one price

_GAP_WARN_DAYS, _GAP_FAIL_DAYS = 7.0, 30.0
_GAP_WARN_STEPS, _GAP_FAIL_STEPS = 3.0, 6.0
_REUSE_SIGMAS, _REUSE_MONEY = 2.0, 100.0

_STALE_OPEN_SHARE, _STALE_OPEN_RUN = 0.2, 10
_FROZEN_WARN, _FROZEN_FAIL = 5, 20
_SILENT_WARN, _SILENT_FAIL = 3, 20
_SILENT_FAIL_SHARE = 0.2

_SPIKE_SIZE, _SPIKE_SIGMAS, _SPIKE_REVERSAL = np.log(1.15), 12.0, 0.1
_PANIC_BARS, _PANIC_MOVES, _PANIC_SHARE = 5, 3, 1 / 3
_JUMP_SIZE, _JUMP_SIGMAS = np.log(1.25), 8.0

# Ratios of real splits, the larger count of shares over the smaller.
_COMMON_RATIOS = (1.25, 4 / 3, 1.5, 2, 2.5, *range(3, 11), 12, 15, 20, 25, 30, 40, 50)
_SPLIT_RATIOS = np.array([*_COMMON_RATIOS, 60, 75, 100, 150, 200, 250, 300, 500, 750, 1000])
_SPLIT_CERTAIN, _REVERSE_SPLIT_CERTAIN = 1.5, 2.0  # smaller ratios only warn
_SPLIT_TOLERANCE = 0.06  # of the ratio's logarithm
_SPLIT_SIGMAS = 8.0
_SPLIT_CALM = 0.5  # the day's own move as a share of the gap
_TRADING_CALM = (1 / 20, 4.0)  # traded shares or money against their recent median


Guard: TypeAlias = Callable[[SymbolBars], list[DataFinding]]


def _first_of(
    bars: SymbolBars, guard: str, bad: BoolArray, severity: Severity, what: str
) -> list[DataFinding]:
    """Return one finding at the first bad bar that counts them all; none without one."""
    count = int(np.count_nonzero(bad))
    if not count:
        return []
    return [bars.finding(guard, int(np.argmax(bad)), severity, f"{count} bar(s): {what}")]


def _runs(mask: BoolArray) -> Iterator[tuple[int, int]]:
    """Start and length of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield int(start), int(stop - start)


def _run_findings(
    bars: SymbolBars, guard: str, mask: BoolArray, *, warn: int, fail: int | None, what: str
) -> list[DataFinding]:
    """Return a finding for each run of at least ``warn`` bars; a fail from ``fail`` bars on."""
    return [
        bars.finding(
            guard,
            start,
            "fail" if fail is not None and length >= fail else "warn",
            f"{length} bars in a row: {what}",
        )
        for start, length in _runs(mask)
        if length >= warn
    ]


def bad_prices(bars: SymbolBars) -> list[DataFinding]:
    """Fail on prices that are not positive finite numbers."""
    table = np.stack([bars.open, bars.high, bars.low, bars.close])
    bad: BoolArray = np.logical_not(np.all(np.isfinite(table) & (table > 0), axis=0))
    return _first_of(bars, "bad_prices", bad, "fail", "a price is not a positive number")


def price_order(bars: SymbolBars) -> list[DataFinding]:
    """Fail on an open or close outside the bar's low and high."""
    body_high, body_low = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    slack = _ROUNDING * np.abs(np.nan_to_num(bars.close, posinf=0.0))
    bad = np.asarray((bars.high < body_high - slack) | (bars.low > body_low + slack))
    return _first_of(bars, "price_order", bad, "fail", "open or close outside low to high")


def duplicates(bars: SymbolBars) -> list[DataFinding]:
    """Fail on two bars at one date."""
    bad = np.zeros(len(bars.dates), dtype=np.bool_)
    bad[1:] = bars.dates[1:] == bars.dates[:-1]
    return _first_of(bars, "duplicates", bad, "fail", "the date has a bar already")


def _usual_step(days: FloatArray) -> float:
    """Median days from bar to bar."""
    return float(np.median(days[1:])) if len(days) > 1 else 1.0


def _longest_step(days: FloatArray) -> float:
    """Days from bar to bar beyond which the data has a hole: 30, or 6 usual steps if more."""
    return max(_GAP_FAIL_DAYS, _GAP_FAIL_STEPS * _usual_step(days))


def gaps(bars: SymbolBars) -> list[DataFinding]:
    """Warn of a hole of over 7 days (3 usual steps), fail from over 30 days (6 steps) on."""
    days = bars.days_before()
    warn = max(_GAP_WARN_DAYS, _GAP_WARN_STEPS * _usual_step(days))
    fail = _longest_step(days)
    return [
        bars.finding(
            "gaps",
            int(at),
            "fail" if days[at] > fail else "warn",
            f"no bar for {days[at]:.0f} days",
        )
        for at in np.flatnonzero(days > warn)
    ]


def ticker_reuse(bars: SymbolBars) -> list[DataFinding]:
    """Fail when what trades after a hole (as `gaps` fails on) is hardly what traded before.

    Either the price moved by over two deviations of a random walk over the hole, at the symbol's
    usual volatility, or the traded money changed by a factor of over 100.
    """
    days, moves = bars.days_before(), bars.log_move(bars.open)
    usual = float(np.median(bars.recent_volatility()))
    money = None if bars.volume is None else bars.close * bars.volume
    findings = []
    longest = _longest_step(days)
    holes = np.flatnonzero(days > longest)
    ends = np.append(holes, len(days))[1:]
    steps = days[(days > 0.0) & (days <= longest)]
    step = float(np.mean(steps)) if steps.size else longest
    for at, end in zip(holes, ends, strict=True):
        walk = usual * np.sqrt(days[at] / step)
        change = 1.0 if money is None else _level_change(money, int(at), int(end))
        if abs(moves[at]) > _REUSE_SIGMAS * walk or not 1 / _REUSE_MONEY < change < _REUSE_MONEY:
            message = (
                f"{days[at]:.0f} days without a bar, then {np.exp(moves[at]):.3g} times the price "
                f"and {change:.2g} times the traded money: most likely another instrument"
            )
            findings.append(bars.finding("ticker_reuse", int(at), "fail", message))
    return findings


def _level_change(values: FloatArray, at: int, end: int) -> float:
    """Median of up to 20 values from ``at`` on over that of the 20 before; 1 if one is zero."""
    before = float(np.median(values[max(at - 20, 0) : at]))
    after = float(np.median(values[at : min(at + 20, end)]))
    return after / before if before > 0 and after > 0 else 1.0


def stale_opens(bars: SymbolBars) -> list[DataFinding]:
    """Warn when over a fifth of the opens repeat the close before, or ten in a row do."""
    same = np.zeros(len(bars.open), dtype=np.bool_)
    same[1:] = np.abs(bars.open[1:] - bars.close[:-1]) <= _ROUNDING * 1e-3 * np.abs(bars.close[:-1])
    share = float(np.mean(same))
    if share > _STALE_OPEN_SHARE and len(same) > _STALE_OPEN_RUN:
        message = f"{share:.0%} of the opens equal the close before; trade at the close instead"
        return [bars.finding("stale_opens", int(np.argmax(same)), "warn", message)]
    what = "open equals the close before"
    return _run_findings(bars, "stale_opens", same, warn=_STALE_OPEN_RUN, fail=None, what=what)


def frozen_prices(bars: SymbolBars) -> list[DataFinding]:
    """Warn of 5 bars in a row that repeat one price, fail from 20 on."""
    table = np.stack([bars.open, bars.high, bars.low])
    before = np.concatenate([[np.nan], bars.close[:-1]])
    frozen = (table == bars.close).all(axis=0) & (bars.close == before)
    what = "nothing but the last close"
    return _run_findings(
        bars, "frozen_prices", frozen, warn=_FROZEN_WARN, fail=_FROZEN_FAIL, what=what
    )


def zero_volume(bars: SymbolBars) -> list[DataFinding]:
    """Warn of bars without volume; fail from 20 in a row or a fifth of all on.

    An instrument that never has volume, such as an index, gets one warning.
    """
    if bars.volume is None:
        return []
    silent = ~(bars.volume > 0)
    share = float(np.mean(silent))
    if share == 1.0:
        return [bars.finding("zero_volume", 0, "warn", "no bar has volume; it was not recorded")]
    longest = max((length for _, length in _runs(silent)), default=0)
    severity: Severity = "fail" if longest >= _SILENT_FAIL or share > _SILENT_FAIL_SHARE else "warn"
    what = f"no volume, at most {longest} in a row; no order would have been filled"
    return _first_of(bars, "zero_volume", silent, severity, what)


def price_spikes(bars: SymbolBars) -> list[DataFinding]:
    """Fail on a price that jumps for one bar and comes back: a bad print.

    By over 15% and twelve deviations, with all but a tenth of the jump reversed: a close by the
    next close, an open by its own bar's close. Not in a panic, where prices do that: when three
    other closes within five bars moved by a third of the jump or more.
    """
    size = np.maximum(_SPIKE_SIZE, _SPIKE_SIGMAS * bars.recent_volatility())
    close = bars.log_move(bars.close)
    back = np.append(close[1:], 0.0)
    out_close = (np.abs(close) > size) & (np.abs(close + back) < _SPIKE_REVERSAL * np.abs(close))
    out_close[-1:] = False
    opened = bars.log_move(bars.open)
    out_open = (np.abs(opened) > size) & (np.abs(close) < _SPIKE_REVERSAL * np.abs(opened))
    findings = []
    for what, jump, out in (("close", close, out_close), ("open", opened, out_open)):
        for at in np.flatnonzero(out):
            out[at] = not _is_panic(close, int(at), float(abs(jump[at])))
        message = f"{what} jumped and came back at once"
        findings += _first_of(bars, "price_spikes", out, "fail", message)
    return findings


def _is_panic(moves: FloatArray, at: int, jump: float) -> bool:
    """Whether bars near ``at``, its own and the next left out, moved in the order of ``jump``."""
    near = np.concatenate(
        [moves[max(at - _PANIC_BARS, 0) : at], moves[at + 2 : at + 2 + _PANIC_BARS]]
    )
    return int(np.count_nonzero(np.abs(near) >= _PANIC_SHARE * jump)) >= _PANIC_MOVES


def _trading_is_calm(bars: SymbolBars, at: int) -> bool:
    """Whether as many shares, or as much money, traded as in the 20 bars before; if known.

    A split leaves the money as it was (or the shares, where the feed adjusts only those); news
    that move a price as far bring both to a multiple, and a delisting to nothing.
    """
    if bars.volume is None:
        return True
    for traded in (bars.volume, bars.close * bars.volume):
        usual = float(np.median(traded[max(at - 20, 0) : at]))
        if not usual > 0 or _TRADING_CALM[0] < traded[at] / usual < _TRADING_CALM[1]:
            return True
    return False


def unadjusted_splits(bars: SymbolBars) -> list[DataFinding]:
    """Fail on an overnight gap that a share split explains and a market does not.

    All of: the gap is near the ratio of a split (6% of its logarithm) and beyond eight recent
    deviations; the day after it is calm against the gap and never trades at the old price; the
    traded shares or money stay within their usual range; the gap is no hole in the data (that is
    `gaps` and `ticker_reuse`). Ratios below 3:2, or 1:2 upwards, which markets reach as well,
    only warn.
    """
    gap, days = bars.log_move(bars.open), bars.days_before()
    nearest = np.abs(np.abs(gap)[:, None] - np.log(_SPLIT_RATIOS)).argmin(axis=1)
    ratio = np.log(_SPLIT_RATIOS)[nearest]
    near = np.abs(np.abs(gap) - ratio) <= _SPLIT_TOLERANCE * ratio
    beyond = np.abs(gap) > _SPLIT_SIGMAS * bars.recent_volatility()
    own_move = bars.log_move(bars.close) - gap
    before = np.concatenate([bars.open[:1], bars.close[:-1]])
    apart = (bars.high < before) | (bars.low > before)
    calm = (np.abs(own_move) < _SPLIT_CALM * np.abs(gap)) & apart & (days <= _longest_step(days))
    found = near & beyond & calm & (np.abs(gap) > np.log(1.2))
    findings = []
    for at in np.flatnonzero(found):
        if not _trading_is_calm(bars, int(at)):
            continue
        size, reverse = float(_SPLIT_RATIOS[nearest[at]]), bool(gap[at] > 0)
        certain = size >= (_REVERSE_SPLIT_CERTAIN if reverse else _SPLIT_CERTAIN)
        message = (
            f"the open is {np.exp(gap[at]):.4g} times the close before, near a split of "
            f"{f'1:{size:.3g}' if reverse else f'{size:.3g}:1'}; adjust the bars before it"
        )
        findings.append(
            bars.finding("unadjusted_splits", int(at), "fail" if certain else "warn", message)
        )
    return findings


def overnight_jumps(bars: SymbolBars) -> list[DataFinding]:
    """Warn of overnight gaps of over 25% and eight recent deviations."""
    gap = bars.log_move(bars.open)
    wide = np.abs(gap) > np.maximum(_JUMP_SIZE, _JUMP_SIGMAS * bars.recent_volatility())
    return [
        bars.finding(
            "overnight_jumps",
            int(at),
            "warn",
            f"the open is {np.exp(gap[at]):.4g} times the close before; news, or an adjustment",
        )
        for at in np.flatnonzero(wide)
    ]


GUARDS: tuple[Guard, ...] = (
    bad_prices,
    price_order,
    duplicates,
    gaps,
    ticker_reuse,
    stale_opens,
    frozen_prices,
    zero_volume,
    price_spikes,
    unadjusted_splits,
    overnight_jumps,
)


def run_data_guards(frame: pl.DataFrame, *, symbol: str | None = None) -> tuple[DataFinding, ...]:
    """Run every guard on every symbol.

    Parameters
    ----------
    frame, symbol
        Bars, as `bars.bar_table` takes them.

    Returns
    -------
    tuple of DataFinding
        By symbol, then guard, then date; empty for clean data.

    Raises
    ------
    DatasetInvalid
        If the frame is no bar table: empty, a column missing, a null.

    Examples
    --------
    >>> from datetime import date
    >>> bars = {"date": [date(2020, 1, 2), date(2020, 1, 3)], "open": [9.0, 4.0], "low": [9.0, 4.0]}
    >>> frame = pl.DataFrame({**bars, "high": [9.0, 4.0], "close": [9.0, 5.0]})
    >>> [(f.guard, f.date, f.severity) for f in run_data_guards(frame, symbol="X")]
    [('price_order', '2020-01-03', 'fail'), ('overnight_jumps', '2020-01-03', 'warn')]
    """
    table = bar_table(frame, symbol=symbol)
    return tuple(
        finding for bars in split_by_symbol(table) for guard in GUARDS for finding in guard(bars)
    )
