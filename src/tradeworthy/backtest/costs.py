"""What trading costs: commission, spread, market impact, borrowing."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from tradeworthy.errors import InvalidInput
from tradeworthy.market_data.bars import BarArrays
from tradeworthy.statistics.return_series import FloatArray


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of a backtest, one basis point being 1/10,000 of the traded value.

    Attributes
    ----------
    commission_bps
        Commission per traded value, one way.
    slippage_bps
        Half the spread plus slippage per traded value, one way.
    impact_coefficient
        Factor of the square-root impact: trading the share p of the average daily volume costs
        ``impact_coefficient * volatility * sqrt(p)`` of the traded value; 0 leaves it out.
    capital
        Money managed, in the currency of the prices; needed for the impact only.
    impact_window
        Bars behind the average volume and the volatility of the impact.
    borrow_bps_per_year
        Fee on the value sold short, per year.

    Raises
    ------
    InvalidInput
        If a number is negative or not finite, or the impact has no capital.

    References
    ----------
    Almgren, Thum, Hauptmann and Li, "Direct Estimation of Equity Market Impact" (2005), for the
    form of the impact.

    Examples
    --------
    >>> Costs(commission_bps=1.0, slippage_bps=2.5).rate
    0.00035
    """

    commission_bps: float = 0.0
    slippage_bps: float = 0.0
    impact_coefficient: float = 0.0
    capital: float = 0.0
    impact_window: int = 20
    borrow_bps_per_year: float = 0.0

    def __post_init__(self) -> None:
        for name, number in asdict(self).items():
            if not math.isfinite(number) or number < 0.0:
                raise InvalidInput(f"cost {name} must be a finite number of at least 0")
        if self.impact_coefficient > 0.0 and (self.capital <= 0.0 or self.impact_window < 2):
            raise InvalidInput("market impact needs a capital and an impact_window of 2 or more")

    @property
    def rate(self) -> float:
        """Commission and slippage as a fraction of the traded value, one way."""
        return (self.commission_bps + self.slippage_bps) / 10_000.0

    @property
    def are_zero(self) -> bool:
        """Whether trading is free; such a backtest is no evidence for a promotion."""
        return self.rate == 0.0 and self.impact_coefficient == 0.0


def impact_costs(bars: BarArrays, traded: FloatArray, costs: Costs) -> FloatArray:
    """Square-root impact of each bar's trades as a fraction of the equity, shape (T,).

    The average traded value and the volatility (of close-to-close log returns) of bar t come
    from the ``impact_window`` bars before t. The capital counts as constant.

    Parameters
    ----------
    traded
        Absolute weight change per bar and symbol, shape (T, S).

    Raises
    ------
    InvalidInput
        If there is no volume, or something is traded where the window is not full or shows no
        volume: an unknown cost is not a zero cost.
    """
    if bars.volume is None:
        raise InvalidInput("market impact needs the volume of every bar")
    window = costs.impact_window
    impact = np.zeros_like(traded)
    if len(traded) > window + 1:
        value = np.lib.stride_tricks.sliding_window_view(bars.close * bars.volume, window, axis=0)
        moves = np.diff(np.log(bars.close), axis=0)
        known = np.lib.stride_tricks.sliding_window_view(moves, window, axis=0)[:-1]
        average = value.mean(axis=-1)[1:-1]
        volatility = known.std(axis=-1, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = traded[window + 1 :] * costs.capital / average
            impact[window + 1 :] = volatility * np.sqrt(share)
    impact[: window + 1] = np.nan
    impact = np.where(traded > 0.0, traded * impact * costs.impact_coefficient, 0.0)
    if not np.all(np.isfinite(impact)):
        bar, column = np.argwhere(~np.isfinite(impact))[0]
        raise InvalidInput(
            f"the impact of trading {bars.symbols[column]} at bar {bar} is unknown; it needs "
            f"{window + 1} complete bars with volume before, so trade later or leave impact out"
        )
    return np.asarray(impact.sum(axis=1))
