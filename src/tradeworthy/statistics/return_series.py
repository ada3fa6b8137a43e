"""A series of returns as numbers that can be reckoned with, and how many of them make a year."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import InvalidInput

FloatArray: TypeAlias = npt.NDArray[np.float64]


def checked_returns(returns: npt.ArrayLike) -> FloatArray:
    """Return ``returns`` as a one-dimensional float64 array.

    Raises
    ------
    InvalidInput
        If the values are not numbers in one dimension, or one is NaN or infinite.

    Examples
    --------
    >>> checked_returns([0.01, -0.02])
    array([ 0.01, -0.02])
    """
    try:
        values = np.asarray(returns, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput("returns must be numbers; drop or fill missing ones first") from error
    if values.ndim != 1:
        raise InvalidInput(f"returns must have one dimension, not {values.ndim}")
    masked = np.ma.getmask(returns)
    # A value that is not finite leaves no sum finite; which one it is takes a slower look.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.sum(values))
    if masked is np.ma.nomask and math.isfinite(total):
        return values
    finite = np.isfinite(values) & ~masked
    if not finite.all():
        bad = int(np.argmin(finite))
        found = values[bad] if not np.isfinite(values[bad]) else "masked"
        raise InvalidInput(
            f"return {bad} is {found}; decide what a missing return means first", index=bad
        )
    return values


def checked_periods(periods_per_year: float) -> float:
    """Return ``periods_per_year`` if it is a positive finite number.

    Raises
    ------
    InvalidInput
        Otherwise.
    """
    if not math.isfinite(periods_per_year) or periods_per_year <= 0:
        raise InvalidInput("periods_per_year must be a positive number, such as 252")
    return float(periods_per_year)
