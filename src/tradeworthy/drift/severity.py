"""Severity of a drift: how large an effect must be, and how surprising."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import Enum
from functools import total_ordering

from tradeworthy.errors import InvalidInput

MODERATE_P = 0.05
SEVERE_P = 0.01


@total_ordering
class Severity(Enum):
    """How bad a finding is; ordered, so that ``max`` gives the worst.

    Examples
    --------
    >>> max(Severity.MODERATE, Severity.NORMAL).value
    'MODERATE'
    """

    NORMAL = "NORMAL"
    MODERATE = "MODERATE"
    SEVERE = "SEVERE"

    @property
    def rank(self) -> int:
        """0, 1 or 2."""
        return list(Severity).index(self)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Severity):
            return NotImplemented
        return self.rank < other.rank


@dataclass(frozen=True, slots=True)
class DriftMetrics:
    """The five metrics of one comparison, each at least 0.

    Raises
    ------
    InvalidInput
        For a value that is NaN, infinite or negative: an unknown metric is not a small one.
    """

    psi: float
    ks: float
    mean: float
    variance: float
    tail: float

    def __post_init__(self) -> None:
        for name, value in zip(METRICS, self.values(), strict=True):
            if not (math.isfinite(value) and value >= 0.0):
                raise InvalidInput(f"metric {name} is {value}; give a finite number from 0 up")

    def values(self) -> tuple[float, float, float, float, float]:
        """Return the metrics in the order of ``METRICS``."""
        return (self.psi, self.ks, self.mean, self.variance, self.tail)


METRICS = tuple(field.name for field in fields(DriftMetrics))


@dataclass(frozen=True, slots=True)
class Floors:
    """Effect sizes from which a shift matters, in the order of ``METRICS``.

    PSI .10 and .25 are the cut-offs of credit scoring; D of .10 and .20, a quarter and half a
    standard deviation, a variance ratio of 1.5 and 2, and a tail ratio of 2 and 3 are about the
    same Gaussian effects.
    """

    moderate: DriftMetrics = DriftMetrics(0.10, 0.10, 0.25, math.log(1.5), math.log(2.0))
    severe: DriftMetrics = DriftMetrics(0.25, 0.20, 0.50, math.log(2.0), math.log(3.0))

    def __post_init__(self) -> None:
        for name, low, high in zip(
            METRICS, self.moderate.values(), self.severe.values(), strict=True
        ):
            if not 0.0 < low <= high:
                raise InvalidInput(f"floors of {name} need 0 < moderate <= severe")

    def met(self, metrics: DriftMetrics, severity: Severity) -> tuple[str, ...]:
        """Name the metrics that reach the floor of ``severity``."""
        floor = self.severe if severity is Severity.SEVERE else self.moderate
        pairs = zip(METRICS, metrics.values(), floor.values(), strict=True)
        return tuple(name for name, value, least in pairs if value >= least)


def classify_severity(
    metrics: DriftMetrics, p_value: float, floors: Floors | None = None
) -> Severity:
    """Return the severity of one feature's drift.

    MODERATE needs p <= .05 and any MODERATE floor, SEVERE p <= .01 and any SEVERE floor: a shift
    has to be both surprising and large.

    Parameters
    ----------
    metrics
        The five metrics of the comparison.
    p_value
        How often a stationary feature shows a shift like this, in [0, 1].
    floors
        Effect sizes that matter; the classic ones by default.

    Raises
    ------
    InvalidInput
        For a p-value outside [0, 1] or NaN.

    Examples
    --------
    >>> classify_severity(DriftMetrics(0.3, 0.1, 0.4, 0.1, 0.2), p_value=0.004).value
    'SEVERE'
    >>> classify_severity(DriftMetrics(0.3, 0.1, 0.4, 0.1, 0.2), p_value=0.3).value
    'NORMAL'
    """
    if not 0.0 <= p_value <= 1.0:
        raise InvalidInput(f"p-value {p_value} is outside [0, 1]")
    limits = floors or Floors()
    if p_value <= SEVERE_P and limits.met(metrics, Severity.SEVERE):
        return Severity.SEVERE
    if p_value <= MODERATE_P and limits.met(metrics, Severity.MODERATE):
        return Severity.MODERATE
    return Severity.NORMAL
