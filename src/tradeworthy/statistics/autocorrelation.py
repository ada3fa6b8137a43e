"""How returns depend on those before them, and what that does to a yearly Sharpe ratio."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.performance import annual_volatility, sharpe_per_period
from tradeworthy.statistics.return_series import FloatArray, checked_returns
from tradeworthy.statistics.significance import lo_annualisation_factor


def autocorrelations(returns: npt.ArrayLike, n_lags: int) -> FloatArray:
    """Sample autocorrelations of lags 1 to ``n_lags``, each over the variance of the whole series.

    Returns
    -------
    numpy.ndarray
        Shape (n_lags,), within [-1, 1]; ``nan`` for constant returns.

    Raises
    ------
    InvalidInput
        If there are not more returns than lags, or ``n_lags`` is negative.

    Examples
    --------
    >>> autocorrelations([0.01, -0.01, 0.01, -0.01], 2)
    array([-0.75,  0.5 ])
    """
    values = checked_returns(returns)
    if not 0 <= n_lags < values.size:
        raise InvalidInput(f"{values.size} returns have no {n_lags} lags; ask for fewer")
    if not annual_volatility(values, 1) > 0.0:
        return np.full(n_lags, math.nan)
    centred = values - np.mean(values)
    centred /= np.max(np.abs(centred))  # powers of tiny returns would underflow
    total = float(np.sum(centred * centred))
    products = [float(np.sum(centred[lag:] * centred[:-lag])) for lag in range(1, n_lags + 1)]
    return np.asarray(products) / total


def autocorrelation_adjusted_sharpe_ratio(
    returns: npt.ArrayLike, n_lags: int, periods_per_year: int = 252
) -> float:
    """Annualised Sharpe ratio of returns that depend on those before them (Lo 2002).

    The square root of the periods a year is for independent returns; this uses the factor of
    `significance.lo_annualisation_factor` at the autocorrelations of the first ``n_lags`` lags
    and takes those beyond for zero. Returns that trend have a lower one than
    `performance.sharpe_ratio` says.

    Parameters
    ----------
    n_lags
        Lags to estimate; with 0 it is the plain Sharpe ratio. The error of an estimate is about
        one over the root of the number of returns, and all of them add up.
    periods_per_year
        A whole number of periods.

    Returns
    -------
    float
        ``nan`` below two observations or without dispersion.

    Raises
    ------
    InvalidInput
        If the autocorrelations give the sum of a year's returns no positive variance.

    Examples
    --------
    >>> from tradeworthy.statistics import sharpe_ratio
    >>> trending = [0.01, 0.02, 0.01, -0.01, -0.02, -0.01, 0.02, 0.03]
    >>> round(sharpe_ratio(trending, 12), 4)
    1.2247
    >>> round(autocorrelation_adjusted_sharpe_ratio(trending, 1, 12), 4)
    0.9037
    """
    sharpe = sharpe_per_period(returns)
    if math.isnan(sharpe):
        return math.nan
    return sharpe * lo_annualisation_factor(periods_per_year, autocorrelations(returns, n_lags))
