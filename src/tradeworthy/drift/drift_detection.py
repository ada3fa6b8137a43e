"""The five drift metrics of one feature, and the severity that follows from them.

Every metric compares a *current* sample with a *reference* sample. Values of a magnitude above
1e140 count as infinite, so that no square can overflow; NaN means missing. How surprising a value
is depends on sample size and autocorrelation and is judged elsewhere (``independent_null``,
``drift_calibration``); the floors here only say how large an effect must be to matter.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeworthy.drift.severity import (
    METRICS,
    DriftMetrics,
    Floors,
    Severity,
    classify_severity,
)
from tradeworthy.errors import InvalidInput

__all__ = [
    "METRICS",
    "DriftMetrics",
    "Floors",
    "Severity",
    "classify_severity",
    "ks_statistic",
    "mean_shift",
    "population_stability_index",
    "tail_shift",
    "variance_shift",
]

FloatArray: TypeAlias = NDArray[np.float64]

LARGEST_SHIFT = 1e6
"""The answer where a shift has no scale: away from, or to, a constant. Finite, so JSON has it."""

LARGEST_FINITE = 1e140
TAIL_SHARE = 0.025


def population_stability_index(reference: ArrayLike, current: ArrayLike, bins: int = 10) -> float:
    """Return the population stability index of ``current`` against ``reference``.

    Bins end at the reference's quantiles (order statistics, right-closed). A value that holds
    at least 1/bins of the reference's finite values (an atom) has a bin of its own, and so have
    NaN, -inf and +inf. Shares are smoothed, (count + 1/2) / (n + B/2) over the B bins that are
    not empty in both samples, so an empty bin is finite; the index is sum (p - q) ln(p / q).

    Parameters
    ----------
    reference, current
        One-dimensional samples, NaN and infinities allowed.
    bins
        Number of quantile bins, at least 2.

    Returns
    -------
    float
        At least 0; 0 for two samples with the same constant.

    Raises
    ------
    InvalidInput
        For an empty sample or fewer than 2 bins.

    References
    ----------
    Yurdakul and Naranjo (2020), Statistical properties of the population stability index.

    Examples
    --------
    >>> x = np.arange(100.0)
    >>> population_stability_index(x, x)
    0.0
    >>> round(population_stability_index(x, x + 10), 3)
    0.354
    """
    if bins < 2:
        raise InvalidInput("the population stability index needs at least 2 bins")
    first, second = _sample(reference), _sample(current)
    edges = quantile_edges(np.sort(first[np.isfinite(first)]), bins, atom_share=1.0 / bins)
    return float(psi_from_counts(_bin_counts(first, edges), _bin_counts(second, edges)))


def psi_from_counts(reference: ArrayLike, current: ArrayLike) -> FloatArray:
    """Return the smoothed index of bin counts, shape (..., B) each; the result has shape (...)."""
    first, second = np.asarray(reference, dtype=float), np.asarray(current, dtype=float)
    used = (first + second) > 0
    half = used.sum(axis=-1, keepdims=True) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):  # all-empty rows: 0 bins, no term is used
        share = (first + 0.5) / (first.sum(axis=-1, keepdims=True) + half)
        other = (second + 0.5) / (second.sum(axis=-1, keepdims=True) + half)
        terms = (share - other) * np.log(share / other)
    return np.asarray(np.where(used, terms, 0.0).sum(axis=-1))


def quantile_edges(ordered: FloatArray, bins: int, atom_share: float) -> FloatArray:
    """Return increasing bin edges at the quantiles of sorted finite values, atoms set apart.

    Bin i holds the values in (edges[i-1], edges[i]]. An atom a has the two edges just below a
    and a.
    """
    if ordered.size == 0:
        return np.empty(0)
    ranks = -(-np.arange(1, bins) * ordered.size // bins) - 1  # ceil(k n / bins), from 0
    atoms = atom_values(ordered, atom_share)
    return np.unique(np.concatenate([ordered[ranks], np.nextafter(atoms, -np.inf), atoms]))


def atom_values(ordered: FloatArray, share: float) -> FloatArray:
    """Return the values that hold at least ``share`` of the sorted finite values."""
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, ordered.size))
    return ordered[starts[lengths >= share * ordered.size]]


def ks_statistic(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the exact two-sample Kolmogorov-Smirnov distance, the largest |F - G|.

    NaN is left out; infinities are ordered like any value.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InvalidInput
        For a sample that is empty or holds nothing but NaN.

    Examples
    --------
    >>> ks_statistic([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
    0.5
    """
    first, second = (np.sort(_comparable(sample)) for sample in (reference, current))
    points = np.concatenate([first, second])
    gap = np.searchsorted(first, points, side="right") / first.size
    gap -= np.searchsorted(second, points, side="right") / second.size
    return float(np.abs(gap).max())


def mean_shift(reference: ArrayLike, current: ArrayLike) -> float:
    """Return |mean(current) - mean(reference)| / sd(reference) over finite values.

    For a constant reference the answer is 0 when the current mean is the same and
    ``LARGEST_SHIFT`` otherwise; no answer exceeds ``LARGEST_SHIFT``.

    Raises
    ------
    InvalidInput
        For fewer than 2 finite reference values or no finite current value.

    Examples
    --------
    >>> mean_shift([0.0, 2.0, 4.0], [4.0, 4.0])
    1.0
    >>> mean_shift([5.0, 5.0], [5.0]), mean_shift([5.0, 5.0], [6.0])
    (0.0, 1000000.0)
    """
    return float(moment_shifts(_moments(reference, 2), _moments(current, 1))[0])


def variance_shift(reference: ArrayLike, current: ArrayLike) -> float:
    """Return |ln(variance(current) / variance(reference))| over finite values, with n - 1.

    Two constants give 0, a constant against anything else ``LARGEST_SHIFT``.

    Raises
    ------
    InvalidInput
        For fewer than 2 finite values in either sample.

    Examples
    --------
    >>> round(variance_shift([0.0, 1.0], [0.0, 2.0]), 4)  # ln 4
    1.3863
    >>> variance_shift([5.0, 5.0], [7.0, 7.0]), variance_shift([5.0, 5.0], [6.0, 7.0])
    (0.0, 1000000.0)
    """
    return float(moment_shifts(_moments(reference, 2), _moments(current, 2))[1])


def moment_shifts(
    reference: tuple[ArrayLike, ArrayLike, ArrayLike],
    current: tuple[ArrayLike, ArrayLike, ArrayLike],
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance shift of (count, mean, sum of squared deviations), elementwise.

    A spread within rounding of the mean counts as none.
    """
    mean_r, spread_r = _mean_and_spread(*reference)
    mean_c, spread_c = _mean_and_spread(*current)
    gap = np.abs(mean_c - mean_r)
    same = gap <= _rounding(mean_c) + _rounding(mean_r)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        standard = np.where(spread_r > 0, gap / spread_r, np.where(same, 0.0, np.inf))
        ratio = np.abs(2.0 * (np.log(spread_c) - np.log(spread_r)))
    ratio = np.where((spread_r == 0) & (spread_c == 0), 0.0, ratio)
    return np.minimum(standard, LARGEST_SHIFT), np.minimum(ratio, LARGEST_SHIFT)


def tail_shift(reference: ArrayLike, current: ArrayLike) -> float:
    """Return |ln((k + 1/2) / (E k + 1/2))|, k the current values in the reference's tails.

    The tails lie strictly outside the order statistics at 2.5% and 97.5% of the reference, with
    the infinities; E k is the reference's own share of such values times the current count.

    Raises
    ------
    InvalidInput
        For a sample that is empty or holds nothing but NaN.

    Examples
    --------
    >>> x = np.arange(1000.0)
    >>> tail_shift(x, x), round(tail_shift(x, x * 2 - 500), 3)  # 50 expected, 524 seen
    (0.0, 2.342)
    """
    first, second = np.sort(_comparable(reference)), _comparable(current)
    inner = first[np.isfinite(first)]
    if inner.size == 0:
        low, high = np.inf, -np.inf
    else:
        cut = math.floor(TAIL_SHARE * inner.size)
        low, high = float(inner[cut]), float(inner[inner.size - 1 - cut])
    share = np.mean((first < low) | (first > high) | np.isinf(first))
    seen = np.sum((second < low) | (second > high) | np.isinf(second))
    return float(tail_ratio(seen, share * second.size))


def tail_ratio(seen: ArrayLike, expected: ArrayLike) -> FloatArray:
    """Return |ln((seen + 1/2) / (expected + 1/2))|, elementwise."""
    return np.asarray(np.abs(np.log((np.asarray(seen) + 0.5) / (np.asarray(expected) + 0.5))))


def bounded(values: ArrayLike) -> FloatArray:
    """Return ``values`` as float64 with magnitudes above ``LARGEST_FINITE`` made infinite.

    Raises
    ------
    InvalidInput
        For anything but a one-dimensional array of numbers.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput("a feature column holds something that is not a number") from error
    if array.ndim != 1:
        raise InvalidInput("a feature column has one dimension")
    large = np.abs(array) > LARGEST_FINITE
    return np.where(large, np.copysign(np.inf, array), array) if large.any() else array


def _sample(values: ArrayLike) -> FloatArray:
    array = bounded(values)
    if array.size == 0:
        raise InvalidInput("an empty sample has no drift metric; give at least one row")
    return array


def _comparable(values: ArrayLike) -> FloatArray:
    array = _sample(values)
    kept = array[~np.isnan(array)]
    if kept.size == 0:
        raise InvalidInput("a sample of nothing but NaN cannot be compared")
    return kept


def _bin_counts(values: FloatArray, edges: FloatArray) -> FloatArray:
    finite = values[np.isfinite(values)]
    inner = np.bincount(np.searchsorted(edges, finite), minlength=edges.size + 1)
    special = [np.isnan(values).sum(), np.isneginf(values).sum(), np.isposinf(values).sum()]
    return np.concatenate([inner, special]).astype(float)


def _moments(values: ArrayLike, least: int) -> tuple[int, float, float]:
    array = _sample(values)
    finite = array[np.isfinite(array)]
    if finite.size < least:
        raise InvalidInput(f"{finite.size} finite values; this metric needs at least {least}")
    mean = float(finite.mean())
    return finite.size, mean, float(np.square(finite - mean).sum())


def _mean_and_spread(
    count: ArrayLike, mean: ArrayLike, squares: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    center = np.asarray(mean, dtype=float)
    spread = np.sqrt(np.asarray(squares) / np.maximum(np.asarray(count) - 1.0, 1.0))
    return center, np.where(spread <= _rounding(center), 0.0, spread)


def _rounding(mean: FloatArray) -> FloatArray:
    return np.asarray(16.0 * np.finfo(float).eps * np.abs(mean) + 1e-140)
