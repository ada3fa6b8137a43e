"""Performance figures over a series of simple returns, one per period.

Conventions, the same everywhere in this package: the Sharpe ratio uses the sample deviation
(``ddof=1``) times the square root of the periods a year; the Sortino ratio divides by the root
mean square of the negative returns over all periods; the drawdown is that of compounded equity
which starts at 1; value at risk is the historical 5% quantile. Drawdown, value at risk and
expected shortfall are positive magnitudes: a loss of a quarter is 0.25.

A figure that is undefined (too few observations, no dispersion, no loss to divide by) is ``nan``,
never zero or infinity, so that no gate can take it for a pass. A return of NaN or infinity is an
error of the caller. A return of -1 or less is ruin: equity is zero from then on.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.return_series import FloatArray, checked_periods, checked_returns

# A return is computed as price / price - 1, so rounding leaves up to some 3e-16 of noise, however
# small the return; and sums over equal numbers leave a relative error. Below either, a deviation
# is rounding and not dispersion.
_ABSOLUTE_NOISE = 1e-15
_RELATIVE_NOISE = 1e-12


def _deviation(values: FloatArray) -> float:
    """Sample deviation; zero when it is no more than rounding, nan below two observations."""
    if values.size < 2:
        return math.nan
    deviation = float(np.std(values, ddof=1))
    largest = float(np.max(np.abs(values)))
    return 0.0 if deviation <= max(_ABSOLUTE_NOISE, _RELATIVE_NOISE * largest) else deviation


def sharpe_per_period(returns: npt.ArrayLike) -> float:
    """Mean over sample deviation of the returns, not annualised.

    Returns
    -------
    float
        ``nan`` below two observations or without dispersion.

    Examples
    --------
    >>> round(sharpe_per_period([0.01, 0.03]), 6)
    1.414214
    """
    values = checked_returns(returns)
    deviation = _deviation(values)
    if math.isnan(deviation) or deviation == 0.0:
        return math.nan
    return float(np.mean(values)) / deviation


def sharpe_ratio(returns: npt.ArrayLike, periods_per_year: float = 252) -> float:
    """Annualised Sharpe ratio at a risk-free rate of zero (Sharpe 1994).

    Parameters
    ----------
    returns
        Simple returns per period, shape (T,); pass excess returns for another risk-free rate.
    periods_per_year
        Periods in a year: 252 for daily bars of a stock exchange.

    Returns
    -------
    float
        ``nan`` below two observations or without dispersion (constant returns).

    Raises
    ------
    InvalidInput
        If a return is NaN or infinite.

    Examples
    --------
    >>> round(sharpe_ratio([0.01, -0.005, 0.02, 0.0]), 4)
    8.949
    >>> sharpe_ratio([0.1, 0.1, 0.1])
    nan
    """
    return sharpe_per_period(returns) * math.sqrt(checked_periods(periods_per_year))


def sortino_ratio(returns: npt.ArrayLike, periods_per_year: float = 252) -> float:
    """Annualised mean over the annualised downside deviation (Sortino and Price 1994).

    The downside deviation is the root mean square of ``min(return, 0)`` over all periods.

    Returns
    -------
    float
        ``nan`` below two observations or when no return is negative.

    Examples
    --------
    >>> round(sortino_ratio([0.01, -0.005, 0.02, 0.0]), 4)
    39.6863
    """
    values = checked_returns(returns)
    year = checked_periods(periods_per_year)
    if values.size < 2:
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(values, 0.0) ** 2)))
    if downside <= _ABSOLUTE_NOISE:
        return math.nan
    return float(np.mean(values)) / downside * math.sqrt(year)


def equity_curve(returns: npt.ArrayLike) -> FloatArray:
    """Compounded equity after each period, starting at 1; zero for good from ruin on.

    Examples
    --------
    >>> equity_curve([0.5, -1.2, 0.1])
    array([1.5, 0. , 0. ])
    """
    growth = checked_returns(returns) + 1.0
    np.maximum(growth, 0.0, out=growth)
    return np.cumprod(growth, out=growth)


def drawdown_curve(returns: npt.ArrayLike) -> FloatArray:
    """Loss from the highest equity so far (the starting 1 included), in [0, 1], per period.

    Examples
    --------
    >>> drawdown_curve([-0.5, 1.0, 0.5, -0.25])
    array([0.5 , 0.  , 0.  , 0.25])
    """
    equity = equity_curve(returns)
    peak = np.maximum.accumulate(equity)
    np.maximum(peak, 1.0, out=peak)
    return np.subtract(1.0, np.divide(equity, peak, out=peak), out=peak)


def max_drawdown(returns: npt.ArrayLike) -> float:
    """Largest loss from a peak of compounded equity, a positive magnitude in [0, 1].

    Returns
    -------
    float
        ``nan`` for an empty series, 1 after ruin.

    Examples
    --------
    >>> round(max_drawdown([0.1, -0.2, 0.05]), 6)
    0.2
    """
    curve = drawdown_curve(returns)
    return float(np.max(curve)) if curve.size else math.nan


def annual_return(returns: npt.ArrayLike, periods_per_year: float = 252) -> float:
    """Compound annual growth rate; -1 after ruin, ``nan`` for an empty series.

    Examples
    --------
    >>> round(annual_return([0.1, 0.1], periods_per_year=2), 6)
    0.21
    """
    values = checked_returns(returns)
    year = checked_periods(periods_per_year)
    if not values.size:
        return math.nan
    if np.min(values) <= -1.0:
        return -1.0
    # In logarithms, because the product of a long series overflows.
    exponent = float(np.sum(np.log1p(values))) * year / values.size
    return math.expm1(exponent) if exponent < 700.0 else math.nan


def annual_volatility(returns: npt.ArrayLike, periods_per_year: float = 252) -> float:
    """Sample deviation times the square root of the periods a year; ``nan`` below two.

    Examples
    --------
    >>> round(annual_volatility([0.01, -0.01]), 4)
    0.2245
    """
    return _deviation(checked_returns(returns)) * math.sqrt(checked_periods(periods_per_year))


def calmar_ratio(returns: npt.ArrayLike, periods_per_year: float = 252) -> float:
    """Compound annual growth over the maximum drawdown (Young 1991).

    Returns
    -------
    float
        ``nan`` below two observations or when there was no drawdown.

    Examples
    --------
    >>> round(calmar_ratio([0.1, -0.2, 0.2], periods_per_year=3), 4)
    0.28
    """
    values = checked_returns(returns)
    growth = annual_return(values, periods_per_year=periods_per_year)
    return growth_over_drawdown(growth, max_drawdown(values), values.size)


def growth_over_drawdown(growth: float, drawdown: float, n_observations: int) -> float:
    """Calmar ratio of a growth rate and a maximum drawdown that are known already.

    Examples
    --------
    >>> growth_over_drawdown(0.1, 0.2, 250), growth_over_drawdown(0.1, 0.0, 250)
    (0.5, nan)
    """
    known = n_observations > 1 and drawdown > _ABSOLUTE_NOISE
    return growth / drawdown if known else math.nan


def _checked_tail(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise InvalidInput("level must lie between 0 and 1, such as 0.05 for the worst 5%")
    return float(level)


def value_at_risk(returns: npt.ArrayLike, level: float = 0.05) -> float:
    """Historical value at risk of one period: minus the ``level`` quantile of the returns.

    A positive magnitude when the quantile is a loss; negative when even the quantile is a gain.
    The quantile interpolates linearly between the ordered returns. ``nan`` for an empty series.

    Examples
    --------
    >>> round(value_at_risk([-0.03, -0.01, 0.0, 0.01, 0.02], level=0.25), 4)
    0.01
    """
    values = checked_returns(returns)
    tail = _checked_tail(level)
    return -float(np.quantile(values, tail)) if values.size else math.nan


def expected_shortfall(returns: npt.ArrayLike, level: float = 0.05) -> float:
    """Minus the mean of the returns at or below the ``level`` quantile (CVaR), one period.

    Returns
    -------
    float
        Never below the value at risk; ``nan`` for an empty series.

    Examples
    --------
    >>> round(expected_shortfall([-0.03, -0.01, 0.0, 0.01, 0.02], level=0.25), 4)
    0.02
    """
    values = checked_returns(returns)
    tail = _checked_tail(level)
    return mean_loss_beyond(values, value_at_risk(values, level=tail))


def mean_loss_beyond(returns: FloatArray, loss: float) -> float:
    """Mean loss of the periods that lost at least ``loss``; ``nan`` if there is none.

    Examples
    --------
    >>> round(mean_loss_beyond(np.array([-0.03, -0.01, 0.02]), 0.01), 4)
    0.02
    """
    tail = returns[returns <= -loss]
    return -float(np.mean(tail)) if tail.size else math.nan


def hit_rate(returns: npt.ArrayLike) -> float:
    """Share of all periods with a return above zero; ``nan`` for an empty series.

    Examples
    --------
    >>> hit_rate([0.01, 0.0, -0.01, 0.02])
    0.5
    """
    values = checked_returns(returns)
    return float(np.count_nonzero(values > 0.0)) / values.size if values.size else math.nan


def skewness_and_kurtosis(returns: npt.ArrayLike) -> tuple[float, float]:
    """Third and fourth standardised moments (population), the fourth not in excess.

    Examples
    --------
    >>> skewness_and_kurtosis([-0.01, 0.01, -0.01, 0.01])
    (0.0, 1.0)
    """
    values = checked_returns(returns)
    if values.size < 2 or _deviation(values) == 0.0:
        return math.nan, math.nan
    centred = values - np.mean(values)
    centred /= np.max(np.abs(centred))  # powers of tiny returns would underflow
    square = centred * centred
    variance = float(np.mean(square))
    third = float(np.mean(np.multiply(centred, square, out=centred)))
    fourth = float(np.mean(np.multiply(square, square, out=square)))
    return third / (variance * math.sqrt(variance)), fourth / variance**2


def skewness(returns: npt.ArrayLike) -> float:
    """Third standardised moment (population); ``nan`` below two observations or constant.

    Examples
    --------
    >>> skewness([-0.01, 0.0, 0.01])
    0.0
    """
    return skewness_and_kurtosis(returns)[0]


def kurtosis(returns: npt.ArrayLike) -> float:
    """Fourth standardised moment (population), not in excess of the normal's 3.

    Returns
    -------
    float
        At least 1; ``nan`` below two observations or for constant returns.

    Examples
    --------
    >>> kurtosis([-0.01, 0.01, -0.01, 0.01])
    1.0
    """
    return skewness_and_kurtosis(returns)[1]
