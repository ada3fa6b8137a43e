"""Tail probabilities of the distributions behind the null of each drift metric.

Written out here because serving must not load scipy; the golden answers of the tests come from
it. Continued fractions follow Abramowitz and Stegun, 6.5.31 and 26.5.8, evaluated by the modified
Lentz method.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count

_TINY = 1e-300
_PRECISION = 1e-15
_MOST_TERMS = 100_000


def chi_square_tail(value: float, degrees: float) -> float:
    """Return P(X >= value) of a chi-square variable.

    Examples
    --------
    >>> round(chi_square_tail(16.918977604620448, 9), 12)
    0.05
    """
    if value <= 0.0:
        return 1.0
    shape, x = degrees / 2.0, value / 2.0
    log_front = shape * math.log(x) - x - math.lgamma(shape)
    if x < shape + 1.0:
        term = total = 1.0 / shape
        for n in range(1, _MOST_TERMS):
            term *= x / (shape + n)
            total += term
            if term < total * _PRECISION:
                break
        return min(1.0, max(0.0, 1.0 - total * math.exp(log_front)))

    def terms() -> Iterator[tuple[float, float]]:
        for n in count(1):
            yield -n * (n - shape), x + 2.0 * n + 1.0 - shape

    return math.exp(log_front) / _continued_fraction(x + 1.0 - shape, terms())


def beta_cumulative(value: float, a: float, b: float) -> float:
    """Return P(X <= value) of a beta variable: the regularised incomplete beta function.

    Examples
    --------
    >>> round(beta_cumulative(0.25, 1.0, 2.0), 12)
    0.4375
    """
    if value <= 0.0:
        return 0.0
    if value >= 1.0:
        return 1.0
    if value > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_cumulative(1.0 - value, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(value) + b * math.log1p(-value)

    def terms() -> Iterator[tuple[float, float]]:
        for n in count(0):
            grown = -(a + n) * (a + b + n) * value
            yield grown / ((a + 2 * n) * (a + 2 * n + 1.0)), 1.0
            m = n + 1
            yield m * (b - m) * value / ((a + 2 * m - 1.0) * (a + 2 * m)), 1.0

    return math.exp(log_front) / (a * _continued_fraction(1.0, terms()))


def student_two_sided(value: float, degrees: float) -> float:
    """Return P(|X| >= value) of a Student t variable."""
    return beta_cumulative(degrees / (degrees + value * value), degrees / 2.0, 0.5)


def log_f_two_sided(value: float, numerator: float, denominator: float) -> float:
    """Return P(|ln X| >= value) of an F variable, value at least 0."""

    def upper(top: float, bottom: float) -> float:
        return beta_cumulative(bottom / (bottom + top * math.exp(value)), bottom / 2, top / 2)

    if value > 600.0:  # exp would overflow; nothing is left out there
        return 0.0
    return min(1.0, upper(numerator, denominator) + upper(denominator, numerator))


def kolmogorov_tail(value: float) -> float:
    """Return P(K >= value) of the Kolmogorov distribution.

    Examples
    --------
    >>> round(kolmogorov_tail(1.3581), 4)
    0.05
    """
    if value < 0.04:  # 1 to the last bit
        return 1.0
    if value < 1.18:  # the theta-function form converges where the alternating one cancels
        step = math.exp(-(math.pi**2) / (8.0 * value * value))
        total = sum(math.pow(step, (2 * k - 1) ** 2) for k in range(1, 8))
        return 1.0 - math.sqrt(2.0 * math.pi) / value * total
    total = sum((1 if k % 2 else -1) * math.exp(-2.0 * (k * value) ** 2) for k in range(1, 20))
    return min(1.0, 2.0 * total)


def smallest_below(tail: Callable[[float], float], level: float, upper: float) -> float:
    """Return, by bisection on [0, upper], where a falling ``tail`` first is at most ``level``."""
    low, high = 0.0, upper
    for _ in range(80):
        middle = (low + high) / 2.0
        if tail(middle) <= level:
            high = middle
        else:
            low = middle
    return high


def _continued_fraction(start: float, terms: Iterator[tuple[float, float]]) -> float:
    """Return start + a1 / (b1 + a2 / (b2 + ...)) by the modified Lentz method."""
    fraction = start or _TINY
    upper, lower = fraction, 0.0
    for _, (a, b) in zip(range(_MOST_TERMS), terms, strict=False):
        lower = 1.0 / ((b + a * lower) or _TINY)
        upper = (b + a / upper) or _TINY
        fraction *= upper * lower
        if abs(upper * lower - 1.0) < _PRECISION:
            break
    return fraction
