"""Is a Sharpe ratio more than luck? Probabilistic and deflated Sharpe, minimum track record.

Every Sharpe ratio here is per period, never annualised, and kurtosis is not in excess (a normal
has 3). The method names the formula of the variance of an estimated Sharpe ratio, because the
two published ones differ and a verdict must say which one it used:

``"2012"``
    Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012):
    ``(1 - g3 SR + (g4 - 1)/4 SR^2) / (T - 1)`` at the observed Sharpe ratio.
``"2025"``
    Lopez de Prado, Lipton and Zoonekynd, "How to Use the Sharpe Ratio" (2025):
    ``(a - b g3 SR + c (g4 - 1)/4 SR^2) / T`` at the benchmark (the null), with first-order
    autocorrelation r: ``a = (1+r)/(1-r)``, ``b = (1+r+r^2)/(1-r^2)``, ``c = (1+r^2)/(1-r^2)``.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import InvalidInput

VarianceMethod: TypeAlias = Literal["2012", "2025"]

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.5772156649015329


def _checked(**numbers: float) -> None:
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise InvalidInput(f"{name} is {number}; an unknown figure cannot be judged")


def _checked_count(name: str, count: int, least: int) -> None:
    if isinstance(count, bool) or count < least or not math.isfinite(count) or count % 1:
        raise InvalidInput(f"{name} must be a whole number of at least {least}, not {count}")


def _unit_variance(
    *,
    sharpe: float,
    skewness: float,
    kurtosis: float,
    benchmark: float,
    method: VarianceMethod,
    autocorrelation: float,
) -> float:
    """Variance of the estimated Sharpe ratio times its number of observations."""
    _checked(
        sharpe=sharpe,
        skewness=skewness,
        kurtosis=kurtosis,
        benchmark=benchmark,
        autocorrelation=autocorrelation,
    )
    if kurtosis < (1.0 + skewness**2) * (1.0 - 1e-9):
        raise InvalidInput("no distribution has kurtosis < 1 + skewness^2; is it in excess?")
    if not -1.0 < autocorrelation < 1.0:
        raise InvalidInput("autocorrelation must lie between -1 and 1")
    if method == "2012":
        if autocorrelation != 0.0:
            raise InvalidInput('method "2012" has no autocorrelation; use method "2025"')
        at, a, b, c = sharpe, 1.0, 1.0, 1.0
    elif method == "2025":
        r = autocorrelation
        at, a = benchmark, (1 + r) / (1 - r)
        b, c = (1 + r + r * r) / (1 - r * r), (1 + r * r) / (1 - r * r)
    else:
        raise InvalidInput('method must be "2012" or "2025"')
    variance = a - b * skewness * at + c * (kurtosis - 1.0) / 4.0 * at * at
    if variance <= 0.0:
        raise InvalidInput("these moments give the Sharpe ratio no positive variance")
    return variance


def probabilistic_sharpe_ratio(
    sharpe: float,
    n_observations: int,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    *,
    method: VarianceMethod = "2012",
    autocorrelation: float = 0.0,
) -> float:
    """Probability that the true Sharpe ratio exceeds ``benchmark``.

    Parameters
    ----------
    sharpe
        Observed Sharpe ratio, per period.
    n_observations
        Number of returns behind it, at least 2.
    skewness, kurtosis
        Of the returns; kurtosis not in excess.
    benchmark
        Sharpe ratio to beat, per period.
    method
        Variance formula, "2012" or "2025" (see the module).
    autocorrelation
        First-order autocorrelation of the returns; only "2025" has it.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InvalidInput
        If a figure is NaN or infinite, or the moments are impossible.

    References
    ----------
    Bailey and Lopez de Prado (2012), Journal of Risk 15(2), equation 9.

    Examples
    --------
    >>> round(probabilistic_sharpe_ratio(0.458, 24, -2.448, 10.164), 3)
    0.913
    >>> round(probabilistic_sharpe_ratio(0.458, 24, -2.448, 10.164, method="2025"), 3)
    0.988
    """
    _checked_count("n_observations", n_observations, 2)
    variance = _unit_variance(
        sharpe=sharpe,
        skewness=skewness,
        kurtosis=kurtosis,
        benchmark=benchmark,
        method=method,
        autocorrelation=autocorrelation,
    )
    size = n_observations - 1 if method == "2012" else n_observations
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(size / variance))


def minimum_track_record_length(
    sharpe: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    confidence: float = 0.95,
    *,
    method: VarianceMethod = "2012",
    autocorrelation: float = 0.0,
) -> float:
    """Observations needed before ``sharpe`` beats ``benchmark`` at ``confidence``.

    Returns
    -------
    float
        A number of periods, not rounded; infinite when ``sharpe`` does not exceed ``benchmark``.

    Raises
    ------
    InvalidInput
        If a figure is NaN or infinite, the moments are impossible, or the confidence is not
        at least one half and below 1.

    References
    ----------
    Bailey and Lopez de Prado (2012), equation 13.

    Examples
    --------
    Monthly returns, an annual Sharpe ratio of 2 against 1:

    >>> years = minimum_track_record_length(2 / 12**0.5, benchmark=1 / 12**0.5) / 12
    >>> round(years, 2)
    3.24
    """
    if not 0.5 <= confidence < 1.0:
        raise InvalidInput("confidence must be at least 0.5 and below 1, such as 0.95")
    variance = _unit_variance(
        sharpe=sharpe,
        skewness=skewness,
        kurtosis=kurtosis,
        benchmark=benchmark,
        method=method,
        autocorrelation=autocorrelation,
    )
    if sharpe <= benchmark:
        return math.inf
    length = variance * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2
    return 1.0 + length if method == "2012" else length


def expected_maximum_sharpe(n_trials: int, trial_sharpe_variance: float) -> float:
    """Sharpe ratio that the best of ``n_trials`` skill-less trials is expected to show.

    ``sqrt(V) ((1 - g) z(1 - 1/N) + g z(1 - 1/(N e)))`` with the Euler-Mascheroni constant g; one
    trial selects nothing, so its expected maximum is 0.

    Parameters
    ----------
    n_trials
        Number of independent trials, at least 1.
    trial_sharpe_variance
        Variance of the trials' Sharpe ratios, in the unit (per period) of the result, squared.

    Raises
    ------
    InvalidInput
        If the count is not a positive whole number, or the variance negative or not finite.

    References
    ----------
    Bailey and Lopez de Prado, "The Deflated Sharpe Ratio" (2014), equation 1.

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    _checked_count("n_trials", n_trials, 1)
    _checked(trial_sharpe_variance=trial_sharpe_variance)
    if trial_sharpe_variance < 0.0:
        raise InvalidInput("trial_sharpe_variance is a variance and cannot be negative")
    if n_trials == 1:
        return 0.0
    # z(1 - p) = -z(p), which keeps its precision for a great many trials.
    common = -_NORMAL.inv_cdf(1.0 / n_trials)
    rare = -_NORMAL.inv_cdf(1.0 / (n_trials * math.e))
    expected = (1.0 - _EULER_MASCHERONI) * common + _EULER_MASCHERONI * rare
    return math.sqrt(trial_sharpe_variance) * expected


def deflated_sharpe_ratio(
    sharpe: float,
    n_observations: int,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    *,
    n_trials: int,
    trial_sharpe_variance: float,
    method: VarianceMethod = "2012",
    autocorrelation: float = 0.0,
) -> float:
    """Probability that the true Sharpe ratio exceeds what the best of ``n_trials`` shows by luck.

    The probabilistic Sharpe ratio at ``expected_maximum_sharpe``; for a single trial that is the
    probabilistic Sharpe ratio against 0. The variance is that of one estimate with either method;
    the authors of "2025" also give a figure with the smaller variance of a maximum, which this is
    not.

    Parameters
    ----------
    sharpe, n_observations, skewness, kurtosis
        Of the selected trial, per period.
    n_trials
        Every trial made in the search, the discarded ones included.
    trial_sharpe_variance
        Variance over the trials of their Sharpe ratios per period (an annual variance divided by
        the periods a year).
    method, autocorrelation
        As for the probabilistic Sharpe ratio.

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40(5), equation 2.

    Examples
    --------
    An annual Sharpe ratio of 2.5 over five years of 250 days, the best of 100 trials:

    >>> round(
    ...     deflated_sharpe_ratio(
    ...         2.5 / 250**0.5, 1250, -3.0, 10.0, n_trials=100, trial_sharpe_variance=0.5 / 250
    ...     ),
    ...     4,
    ... )
    0.9004
    """
    benchmark = expected_maximum_sharpe(n_trials, trial_sharpe_variance)
    return probabilistic_sharpe_ratio(
        sharpe,
        n_observations,
        skewness,
        kurtosis,
        benchmark,
        method=method,
        autocorrelation=autocorrelation,
    )


def lo_annualisation_factor(periods: int, autocorrelation: npt.ArrayLike) -> float:
    """Factor from a Sharpe ratio per period to one over ``periods``, under autocorrelation.

    ``q / sqrt(q + 2 sum_{k<q} (q - k) rho_k)``, which is ``sqrt(q)`` for independent returns.

    Parameters
    ----------
    periods
        Periods to aggregate (q), such as 12 for a yearly figure from monthly returns.
    autocorrelation
        Either the coefficient of a first-order process (``rho_k = rho**k``) or the sequence of
        rho_1, rho_2, ... (see `autocorrelation.autocorrelations`); lags that it does not reach
        count as zero.

    Raises
    ------
    InvalidInput
        If a coefficient is not within (-1, 1) or together they give no positive variance.

    References
    ----------
    Lo, "The Statistics of Sharpe Ratios" (2002), Financial Analysts Journal 58(4), equation 20.

    Examples
    --------
    >>> round(lo_annualisation_factor(12, 0.2), 2)
    2.88
    """
    _checked_count("periods", periods, 1)
    given = np.asarray(autocorrelation, dtype=np.float64)
    if given.ndim > 1 or not np.all(np.abs(given) < 1.0):
        raise InvalidInput("autocorrelations must lie between -1 and 1")
    ages = np.arange(1, periods) if given.ndim == 0 else np.arange(1, periods)[: given.size]
    lags = given**ages if given.ndim == 0 else given[: ages.size]
    spread = periods + 2.0 * math.fsum((periods - ages) * lags)
    if spread <= 0.0:
        raise InvalidInput("these autocorrelations give the sum of returns no positive variance")
    return periods / math.sqrt(spread)
