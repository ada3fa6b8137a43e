"""What each drift metric shows on independent draws with no drift, at given sample sizes.

A fixed cut-off means nothing by itself: the population stability index of 24 rows against 720 is
.39 on average with no drift at all. These nulls suit independent rows. Autocorrelated features
move more than they say, which is why ``drift_calibration`` ranks against a feature's own past and
uses these only as a second opinion.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from tradeworthy.drift.calibration.tail_probabilities import (
    chi_square_tail,
    kolmogorov_tail,
    log_f_two_sided,
    smallest_below,
    student_two_sided,
)
from tradeworthy.drift.drift_detection import (
    LARGEST_SHIFT,
    METRICS,
    TAIL_SHARE,
    DriftMetrics,
    FloatArray,
)
from tradeworthy.errors import InvalidInput


def psi_p_value(psi: float, n_reference: int, n_current: int, bins: int = 10) -> float:
    """Return P(PSI >= psi) for independent draws over ``bins`` equally filled reference bins.

    PSI / (1/N + 1/M) tends to chi-square with B - 1 degrees of freedom, so its mean to
    (B - 1)(1/N + 1/M). Smoothing pulls it lower at small M, so the limit is replaced by the gamma
    distribution with the exact mean (each bin's count is beta-binomial) and the variance of one
    bin's term times B^2 / (B - 1), as for Pearson's statistic.

    References
    ----------
    Yurdakul and Naranjo (2020), Statistical properties of the population stability index.

    Examples
    --------
    >>> round(psi_p_value(0.25, 720, 24), 2), psi_p_value(0.25, 11_700, 390) < 1e-12
    (0.6, True)
    """
    _check(n_reference, n_current)
    if bins < 2:
        return 1.0 if psi <= 0.0 else 0.0
    mean, variance = _psi_moments(n_reference, n_current, bins)
    return chi_square_tail(2.0 * psi * mean / variance, 2.0 * mean * mean / variance)


@lru_cache(maxsize=1024)
def _psi_moments(n_reference: int, n_current: int, bins: int) -> tuple[float, float]:
    each = n_reference / bins
    mass = _beta_binomial(n_current, each, n_reference - each)
    share = (each + 0.5) / (n_reference + bins / 2.0)
    other = (np.arange(n_current + 1) + 0.5) / (n_current + bins / 2.0)
    term = (share - other) * np.log(share / other)
    mean = float(mass @ term)
    variance = float(mass @ np.square(term - mean))
    return bins * mean, variance * bins * bins / (bins - 1.0)


def _beta_binomial(trials: int, a: float, b: float) -> FloatArray:
    k = np.arange(trials)
    steps = np.log((trials - k) / (k + 1.0)) + np.log((k + a) / (trials - k - 1.0 + b))
    log_mass = np.concatenate([[0.0], np.cumsum(steps)])
    mass = np.exp(log_mass - log_mass.max())
    return np.asarray(mass / mass.sum())


def ks_p_value(distance: float, n_reference: int, n_current: int) -> float:
    """Return P(D >= distance) for independent draws of a continuous feature.

    Kolmogorov's limit with Stephens' (1970) finite-sample correction.

    Examples
    --------
    >>> round(ks_p_value(0.07, 11_700, 390), 3)
    0.047
    """
    _check(n_reference, n_current)
    root = math.sqrt(n_reference * n_current / (n_reference + n_current))
    return kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)


def mean_p_value(shift: float, n_reference: int, n_current: int) -> float:
    """Return P(mean shift >= shift); Student's t, exact for Gaussian draws.

    Examples
    --------
    >>> round(mean_p_value(0.1, 11_700, 390), 3)
    0.052
    """
    _check(n_reference, n_current)
    scale = math.sqrt(1.0 / n_reference + 1.0 / n_current)
    return student_two_sided(shift / scale, n_reference - 1.0)


def variance_p_value(
    shift: float, n_reference: int, n_current: int, kurtosis: float = 3.0
) -> float:
    """Return P(variance shift >= shift); the F distribution, exact for Gaussian draws.

    Another kurtosis (non-excess) changes the degrees of freedom, n - 1 for a Gaussian, to match
    the variance of the sample variance.

    Examples
    --------
    >>> round(variance_p_value(0.15, 11_700, 390), 3)
    0.04
    >>> round(variance_p_value(0.15, 11_700, 390, kurtosis=9.0), 3)
    0.304
    """
    _check(n_reference, n_current)

    def degrees(n: int) -> float:
        return 2.0 * n / max(kurtosis - (n - 3.0) / (n - 1.0), 1e-6)

    return log_f_two_sided(max(shift, 0.0), degrees(n_current), degrees(n_reference))


def tail_p_value(shift: float, n_reference: int, n_current: int) -> float:
    """Return P(tail shift >= shift) for independent draws of a continuous feature.

    The share of the population outside two order statistics of the reference is a beta variable,
    so the count of current values there is beta-binomial: exact.

    Examples
    --------
    >>> round(tail_p_value(0.6, 11_700, 390), 3)
    0.014
    """
    shifts, masses = _tail_null(n_reference, n_current)
    return float(min(1.0, masses[shifts >= shift - 1e-12].sum()))


@lru_cache(maxsize=1024)
def _tail_null(n_reference: int, n_current: int) -> tuple[FloatArray, FloatArray]:
    _check(n_reference, n_current)
    outside = 2 * math.floor(TAIL_SHARE * n_reference)
    # The order statistics at the cuts stand inside; two more gaps than counts lie outside.
    a, b = outside + 2.0, n_reference - outside - 1.0
    mass = _beta_binomial(n_current, a, b)
    expected = outside / n_reference * n_current
    counts = np.arange(n_current + 1)
    return np.abs(np.log((counts + 0.5) / (expected + 0.5))), mass


def p_values(
    metrics: DriftMetrics, n_reference: int, n_current: int, bins: int = 10
) -> dict[str, float]:
    """Return the p-value of each metric under independent draws, keyed by metric."""
    sizes = (n_reference, n_current)
    return {
        "psi": psi_p_value(metrics.psi, *sizes, bins),
        "ks": ks_p_value(metrics.ks, *sizes),
        "mean": mean_p_value(metrics.mean, *sizes),
        "variance": variance_p_value(metrics.variance, *sizes),
        "tail": tail_p_value(metrics.tail, *sizes),
    }


def joint_p_value(metrics: DriftMetrics, n_reference: int, n_current: int, bins: int = 10) -> float:
    """Return one p-value for the five metrics together, by Bonferroni's bound."""
    smallest = min(p_values(metrics, n_reference, n_current, bins).values())
    return min(1.0, len(METRICS) * smallest)


@lru_cache(maxsize=4096)
def null_quantiles(
    n_reference: int, n_current: int, bins: int = 10, level: float = 0.95
) -> DriftMetrics:
    """Return the ``level`` quantile of each metric under independent draws.

    Raises
    ------
    InvalidInput
        For fewer than 4 rows in a sample, or a level outside (0, 1).

    Examples
    --------
    >>> null = null_quantiles(11_700, 390)
    >>> [round(value, 3) for value in null.values()]
    [0.045, 0.069, 0.101, 0.143, 0.468]
    """
    if not 0.0 < level < 1.0:
        raise InvalidInput(f"level {level} is outside (0, 1)")
    sizes, beyond = (n_reference, n_current), 1.0 - level
    return DriftMetrics(
        psi=smallest_below(lambda t: psi_p_value(t, *sizes, bins), beyond, 1e3),
        ks=smallest_below(lambda t: ks_p_value(t, *sizes), beyond, 1.0),
        mean=smallest_below(lambda t: mean_p_value(t, *sizes), beyond, LARGEST_SHIFT),
        variance=smallest_below(lambda t: variance_p_value(t, *sizes), beyond, 600.0),
        tail=smallest_below(lambda t: tail_p_value(t, *sizes), beyond, 60.0),
    )


def _check(n_reference: int, n_current: int) -> None:
    if min(n_reference, n_current) < 4:
        raise InvalidInput("a null distribution needs at least 4 rows in each sample")
