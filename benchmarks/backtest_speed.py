"""Backtest speed: `run_backtest` against a plain per-bar loop, and against vectorbt.

    python benchmarks/backtest_speed.py [--small]

vectorbt runs in its own interpreter, whose path is in the environment variable
TRADEWORTHY_PEER_PYTHON; without it the line says "not measured". Costs and metrics are part of
every contestant's work, and all read the same seeded random walk.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from measure import PeerMissing, alternate, header, peer_python, report

from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.run import performance_metrics, run_backtest
from tradeworthy.market_data.bars import BarArrays
from tradeworthy.statistics.overfitting import probability_of_backtest_overfitting

COSTS = Costs(commission_bps=1.0, slippage_bps=2.0)
SIZES = ((1_000_000, 1, 4.0), (5_000, 500, 30.0))  # bars, symbols, budget beside vectorbt
SMALL = ((2_000, 1, 4.0), (200, 5, 30.0))
LOOP_BARS = 100_000  # at most so many does the plain loop run; its time is scaled up
ROUNDS = 5


def market(n_bars: int, n_symbols: int) -> tuple[BarArrays, np.ndarray]:
    """Bars of random walks, and target weights that change every few bars."""
    rng = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, (n_bars, n_symbols)), axis=0))
    start = close * np.exp(rng.normal(0, 0.0005, close.shape))
    dates = np.arange(n_bars).astype("datetime64[m]").astype("datetime64[us]")
    symbols = tuple(f"S{number:03}" for number in range(n_symbols))
    high, low = np.maximum(start, close), np.minimum(start, close)
    weights = np.repeat(rng.choice([0.0, 1.0], (n_bars // 5 + 1, n_symbols)), 5, axis=0)[:n_bars]
    return BarArrays(dates, symbols, start, high, low, close), weights / n_symbols


def plain_loop(bars: BarArrays, weights: np.ndarray, n_bars: int) -> dict[str, float | None]:
    """The same timing and costs, written bar by bar; numpy over the symbols where it pays."""
    rate = COSTS.rate
    returns = np.zeros(n_bars)
    if len(bars.symbols) == 1:
        start, close = bars.open[:, 0].tolist(), bars.close[:, 0].tolist()
        target = [0.0, 0.0, *weights[:, 0].tolist()]
        for t in range(1, n_bars):
            old, new = target[t], target[t + 1]
            returns[t] = (1 + old * (start[t] / close[t - 1] - 1)) * (1 - rate * abs(new - old)) * (
                1 + new * (close[t] / start[t] - 1)
            ) - 1
    else:
        held = np.zeros(len(bars.symbols))
        for t in range(1, n_bars):
            new = weights[t - 1]
            before = 1 + np.sum(held * (bars.open[t] / bars.close[t - 1] - 1))
            after = 1 + np.sum(new * (bars.close[t] / bars.open[t] - 1))
            returns[t] = before * (1 - rate * np.sum(np.abs(new - held))) * after - 1
            held = new
    return performance_metrics(returns)


PEER = """
import sys, time, statistics
import numpy as np, pandas as pd, vectorbt as vbt
data = np.load(sys.argv[1])
index = pd.date_range("2000-01-01", periods=len(data["close"]), freq="1min")
frame = lambda name: pd.DataFrame(data[name], index=index)
close, start = frame("close"), frame("open")
size = frame("weights").shift(1).fillna(0.0)
size = size.where(size.diff().fillna(size).ne(0).any(axis=1), np.nan)
def run():
    book = vbt.Portfolio.from_orders(
        close, size=size, size_type="targetpercent", price=start, fees=0.0003,
        group_by=True, cash_sharing=True, call_seq="auto", freq="1D")
    return (book.sharpe_ratio(), book.sortino_ratio(), book.max_drawdown(), book.calmar_ratio(),
            book.value_at_risk(), book.cond_value_at_risk(), book.total_return())
begin = time.perf_counter(); run(); first = time.perf_counter() - begin
turns = []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter(); run(); turns.append(time.perf_counter() - begin)
print(vbt.__version__, first, statistics.median(turns))
"""


def peer(bars: BarArrays, weights: np.ndarray) -> tuple[str, float, float]:
    """Version, first and median warm seconds of vectorbt; `PeerMissing` without it."""
    python = peer_python("vectorbt")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.npz"
        np.savez(path, open=bars.open, close=bars.close, weights=weights)
        command = [python, "-W", "ignore", "-c", PEER, str(path), "3"]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    version, first, warm = run.stdout.split()[-3:]
    return version, float(first), float(warm)


def compare(n_bars: int, n_symbols: int, budget: float) -> None:
    """Print the times of one size."""
    bars, weights = market(n_bars, n_symbols)
    loop_bars = min(LOOP_BARS, n_bars)
    ours = run_backtest(bars, weights, costs=COSTS)
    check = run_backtest(bars.between(0, loop_bars), weights[:loop_bars], costs=COSTS)
    expected = plain_loop(bars, weights, loop_bars)
    assert abs(float(check.metrics["sharpe"] or 0) - float(expected["sharpe"] or 0)) < 1e-6
    times = alternate(
        {
            "run_backtest": lambda: run_backtest(bars, weights, costs=COSTS),
            "plain loop": lambda: plain_loop(bars, weights, loop_bars),
        },
        ROUNDS,
    )
    scale = n_bars / loop_bars
    mine, loop = times["run_backtest"], times["plain loop"] * scale
    scaled = f" (ran {loop_bars:,} bars, times {scale:.0f})" if scale > 1 else ""
    print(f"\n{n_symbols} symbol(s) x {n_bars:,} bars, costs and metrics included")
    print(f"  run_backtest  {mine * 1e3:10,.1f} ms   digest {ours.digest[:12]}")
    print(f"  plain loop    {loop * 1e3:10,.1f} ms   ratio {loop / mine:,.1f}{scaled}")
    size = f"backtest with costs and metrics, {n_symbols} x {n_bars:,} bars"
    report(f"{size}: against a per-bar loop", loop / mine)
    try:
        version, first, warm = peer(bars, weights)
    except PeerMissing as error:
        report(f"{size}: against warm vectorbt", None, at_least=budget, why=str(error))
        return
    print(f"  vectorbt {version} {warm * 1e3:8,.1f} ms warm; its first call {first:,.1f} s")
    report(f"{size}: against warm vectorbt", warm / mine, at_least=budget)


def main() -> None:
    """Run every comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the same on little data")
    small = parser.parse_args().small
    print(header("numpy", "polars"))
    for n_bars, n_symbols, budget in SMALL if small else SIZES:
        compare(n_bars, n_symbols, budget)
    trials = np.random.default_rng(0).normal(0, 0.01, (100, 1024))
    times = alternate({"pbo": lambda: probability_of_backtest_overfitting(trials, 16)}, ROUNDS)
    what = "probability of overfitting, 100 trials x 1,024 returns, 16 blocks"
    report(what, times["pbo"] * 1e3, below=500, unit="ms")


if __name__ == "__main__":
    main()
