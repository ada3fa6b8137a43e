"""The demo's market data: the index series that ship with ``arch``, or the user's own file."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tradeworthy.errors import DatasetInvalid
from tradeworthy.market_data.bars import bar_arrays
from tradeworthy.market_data.files.bar_file import read_bars

LIVE_SESSIONS = 380
TRAINED_SHARE = 0.7
LEAST_HISTORY = 2000
_BUNDLED = {"SP500": "sp500/sp500.csv.gz", "NASDAQ": "nasdaq/nasdaq.csv.gz"}


@dataclass(frozen=True, slots=True)
class DemoSeries:
    """Bars cut in time: known history, of which the older part trains, and a later live stretch.

    Attributes
    ----------
    name
        Where the bars come from.
    bars
        All of them.
    train_end, history_end, live_end
        The last day trained on, the last day that is history, the last day of all.
    """

    name: str
    bars: pl.DataFrame
    train_end: date
    history_end: date
    live_end: date

    @property
    def history(self) -> pl.DataFrame:
        """The bars that are known when the models are made."""
        return self.bars.filter(pl.col("date") <= self.history_end)

    @property
    def symbols(self) -> list[str]:
        """What the bars are of."""
        return sorted(self.bars["symbol"].unique().to_list())


def demo_series(data: Path | None) -> DemoSeries:
    """Read the series and cut it.

    Parameters
    ----------
    data
        Daily bars; the bundled S&P 500 and NASDAQ by default.

    Raises
    ------
    DatasetInvalid
        If the file is no market data, has bars that cannot be traded on or several a day, or is too
        short for the demo.
    """
    bars = read_bars(data) if data else _bundled()
    name = data.name if data else "S&P 500 and NASDAQ composite, daily, 1999-2018 (from arch)"
    days = bars["date"].cast(pl.Date).unique().sort().to_list()
    if len(days) < LEAST_HISTORY + LIVE_SESSIONS:
        raise DatasetInvalid(
            f"the demo needs {LEAST_HISTORY + LIVE_SESSIONS} days, {name} has {len(days)}"
        )
    bars = _daily(bars, name)
    history = days[:-LIVE_SESSIONS]
    return DemoSeries(name, bars, history[int(TRAINED_SHARE * len(history))], history[-1], days[-1])


def _daily(bars: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return bars by day, all of which can be traded on.

    The registry keeps what it is given and lets its gates judge it. The demo has nothing to show on
    bars that no backtest takes.
    """
    bar_arrays(bars)
    daily = bars.with_columns(pl.col("date").cast(pl.Date))
    busiest = daily.group_by("symbol", "date").len().sort("len", "symbol", "date").row(-1)
    if busiest[2] > 1:
        raise DatasetInvalid(
            f"the demo needs daily bars, {name} has {busiest[2]} of {busiest[0]} on {busiest[1]}: "
            "put them together into days first"
        )
    return daily


def _bundled() -> pl.DataFrame:
    # Found, not imported: arch brings pandas and statsmodels along, its data are plain files.
    package = importlib.util.find_spec("arch")
    if package is None or package.origin is None:
        raise DatasetInvalid("the bundled series come with arch: install tradeworthy[demo]")
    folder = Path(package.origin).parent / "data"
    return pl.concat(
        read_bars(folder / file, symbol=symbol) for symbol, file in _BUNDLED.items()
    ).sort("symbol", "date")
